"""Rollback, promote or hold: pure mathematics that may look at the traffic as often as it likes.

The way through this folder: `readings` turns two readings of the counters into a `Block`,
`blocks` weighs one Block, `e_process` adds the Blocks of a Release up, `harm` chooses the next
share of traffic, `srm` asks whether the router splits as told, and `verdict` puts them together.
Nothing here knows a clock, a network or a vendor. docs/decisions/0005-block-e-process.md says why.
"""
