"""The demo: the whole story on the embedded stack, measured from outside.

`story` tells it, `training` and `load` run the examples beside it, `measures` decides what was
seen, `summary` shows it.
"""
