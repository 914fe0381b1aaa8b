"""Referring data sets: what they hold, whether it can be used, and how it is loaded.

`index.read_index` reads a set of any layout, `audit.audit` finds what is wrong with it, `sets.open_sets` gives its
splits as samples; `refer.make_set` and `synthetic` make sets, `on_disk.on_disk` those that `data=` asks for,
`contact_sheet` shows them. Only
`dataset`, `sets` and `augment` import torch.
Imports every room below it; inference, training, studies and their commands may import it, models may not.
"""
