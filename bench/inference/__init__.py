"""What a trained model says of pictures: masks as files, and what FIAM's phrases do inside it.

`predict_files.predict_files` predicts sentences in image files, as a whole or in windows (`asked` says what can be
asked for, `scenes` is where windows begin); `alignment.align_cell` looks into a finished cell's FIAM;
`page.make_page` is the demo (gradio) of what `answer.answer` makes of a sentence. Imports models, data, sentences,
images, storage, and drawn scenes as examples; training (for the maps a cell keeps) and its commands may import it.
"""
