"""The tasks' operators, one for each step of a Release; each calls one `ensure_*` function."""
