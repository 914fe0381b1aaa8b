"""Files: the store of planned, running and finished cells, and everything kept in it or beside it.

`store.Store` and its `cell.Cell` are the way in; `files` writes atomically and locks; the others each know one kind
of content (scores, masks as run lengths, maps of FIAM, costs of models, speeds, snapshots of the code). Imports the
terminal and the configuration only, and no torch; every room above them, every command and the reports may import it.
"""
