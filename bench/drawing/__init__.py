"""Drawn scenes: aerial pictures with objects, whose masks are known because they were painted.

`scenes` draws one picture with its objects; `canvas`, `grounds` and `objects` are what it paints with. Imports the
sentences (a drawn scene can be spoken of) and no torch. Data, and the demo for its examples, import it.
"""
