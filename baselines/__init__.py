"""What LAVT, LGCE and RMSIN add to the segmenter of `fianet`: one model a file."""
