"""Two studies or two stores beside each other: which rows have the same numbers, and which not.

Entries: `differences.compare`, and `console.show` for people. The command `reports.compare` alone may import it; it
imports `statistics`.
"""
