"""What a trained model says of pictures: masks as files, and what FIAM's phrases do inside it.

`predict_files.predict_files` predicts sentences in image files, `alignment.align_cell` looks into a finished cell's
FIAM. Imports models, data, images and storage; training (for the maps a cell keeps) and its two commands may import it.
"""
