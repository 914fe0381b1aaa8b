"""Reports put into other documents: studies as the beginning of a paper, one study's table and pictures in the README.

Entries: `paper.write_paper`, `pdflatex.compile_pdf`, `readme.put`. The commands `reports.paper` and `reports.assets`
alone may import it; it imports `page`, `tables`, `figures`, `statistics` and `text`.
"""
