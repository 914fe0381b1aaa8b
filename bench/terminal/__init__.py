"""What every command does at the terminal: reads `key=value` arguments, shows progress, tells mistakes in two lines.

`arguments.parse` reads arguments into a dataclass in which `paths.path` marks paths, `command_line` shows commands that
can be pasted, `bars.bar` is the one progress bar, `errors.command` makes exit codes, `signals` an end of SIGTERM,
`UserError` is a mistake to mend, `DataError` a file that cannot be read. Imports no other room; every room and command
may import it.
"""
