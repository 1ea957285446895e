"""`tiffin demo`: the whole story on the embedded stack, measured."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(demo)


def demo() -> None:
    """Play the story: a good version, a bad one, an alert; and count the failed requests."""
    from tiffin.demo.story import play

    raise typer.Exit(play())
