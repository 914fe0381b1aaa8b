"""Tables: each made once as a neutral grid (numbers become text and get emphasis there), then written in every format.

Entries: `every_table.all_grids` makes a study's tables, `every_table.write_grid` writes one as LaTeX, Markdown, HTML
and CSV; `console.show` prints it. `page` and `document` may import it; it imports `statistics` and `text`.
"""
