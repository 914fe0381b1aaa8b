"""Text made safe for the format it is put into, numbers as they are printed, and the files of `reports/templates`.

Entries: `escape.plain` (one line of any text), `places.place_title`, `templates.render`. Every room may import it; it
imports none.
"""
