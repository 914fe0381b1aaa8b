"""Reports put into other documents: all studies as one LaTeX document, one study's table and pictures in the README.

Entries: `results.collect`, `readme.put`. The commands `reports.paper` and `reports.assets` alone may import it; it
imports `page`, `tables`, `figures` and `text`.
"""
