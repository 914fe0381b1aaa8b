"""What can be asked for: the typed schema of every key, and how a command line becomes a configuration.

`request.Request.parse` reads the arguments once, `compose.compose` makes the `schema.Config` of one row, and
`identity.identity` says what of it can change a score. Imports the terminal room alone; every other room may import it.
"""
