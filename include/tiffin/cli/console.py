"""Where the commands write, and the sign of life that they give while something takes long."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

from rich.console import Console

Say = Callable[[str], None]
"""Tells what is being done now."""

_SIGN_OF_LIFE_S = 5.0


def plain_console(*, stderr: bool = False) -> Console:
    """Return a console that says sentences as they are; no line is broken in a pipe or a file."""
    console = Console(stderr=stderr, highlight=False, markup=False)
    console.soft_wrap = not console.is_terminal
    return console


@contextmanager
def working(console: Console, said: str) -> Iterator[Say]:
    """Show that something is at work: in place on a terminal, else every 5 s on stderr."""
    if console.is_terminal:
        with console.status(said) as status:
            yield status.update
        return
    signs, over = _SignsOfLife(said), Event()
    thread = Thread(target=signs.give_until, args=(over,), daemon=True)
    thread.start()
    try:
        yield signs.say
    finally:
        over.set()
        thread.join()


class _SignsOfLife:
    """What is being done at the moment, said over and over."""

    def __init__(self, said: str) -> None:
        self._said = said

    def say(self, said: str) -> None:
        self._said = said

    def give_until(self, over: Event) -> None:
        began = time.monotonic()
        while not over.wait(_SIGN_OF_LIFE_S):
            line = f"{self._said} ({time.monotonic() - began:.0f} s)"
            print(line, file=sys.stderr, flush=True)
