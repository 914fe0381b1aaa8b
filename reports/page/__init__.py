"""A study's report as a whole: every table and figure, and the page that shows them in one file without a network.

Entry: `report.write_report`; what has not changed is not made again. The door, the commands and `document` may import
it; it imports `tables`, `figures`, `statistics` and `text`.
"""
