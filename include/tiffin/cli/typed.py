"""Commands to paste: a program as whoever called `tiffin` has to type it."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path


def typed(program: str) -> str:
    """Return how to type `tiffin`, or a program beside it, in the shell that called `tiffin`."""
    return typed_as(program, sys.argv[0], shutil.which(program), Path.cwd())


def typed_as(program: str, called: str, found: str | None, here: Path) -> str:
    """Return the program's bare name where the shell finds it, else its path. Pure.

    `called` is the path of `tiffin` as the shell ran it, `found` what the shell finds itself.
    """
    if Path(called).name != "tiffin" or "/" not in called:
        return program
    beside = here / Path(called).with_name(program)
    if found is not None and Path(found) == beside:
        return program
    if not beside.is_relative_to(here):
        return shlex.quote(str(beside))
    below = str(beside.relative_to(here))
    return shlex.quote(below if "/" in below else f"./{below}")
