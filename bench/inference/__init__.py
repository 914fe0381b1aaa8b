"""What a trained model says of pictures: masks as files, and what FIAM's phrases do inside it.

`predict_files.predict_files` predicts sentences in image files, as a whole or in windows (`asked` says what can be
asked for, `scenes` is where windows begin); `alignment.align_cell` looks into a finished cell's FIAM. Imports models,
data, sentences, images and storage; training (for the maps a cell keeps) and its two commands may import it.
"""
