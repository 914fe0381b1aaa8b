"""Figures: of a study's scores, of examples and attention maps beside their images, and of a hyper-parameter search.

One look for all (`style`), same figure, same bytes. Entries: `every_figure.draw_figures` for a study,
`search.draw_search` for a search. Images and true masks come through `scenes`, from a reader that is passed in. `page`
and `document` may import it; it imports `statistics` and `text`.
"""
