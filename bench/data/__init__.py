"""Referring data sets: what they hold, whether it can be used, and how it is loaded."""
