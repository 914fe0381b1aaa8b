"""What can be said of the objects in a picture, so that each sentence means exactly one of them.

`expressions.expressions` makes the sentences of a `predicates.Scene`, `expressions.choose` picks some of them;
`colours.colour_name` names a colour; `places` finds the place a sentence names, and which thing is there. Pure geometry
and words: imports no other room. Drawing and data may import it.
"""
