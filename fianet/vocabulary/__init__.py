"""The small word-piece vocabulary of models without a pretrained text encoder: vocab.txt and what made it."""
