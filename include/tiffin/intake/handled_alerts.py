"""Which alerts have moved traffic already, remembered on disk: the fast lane needs no database.

Alertmanager repeats a firing alert for hours. The release that is live by then may be another,
better one, which the old alert must not take back.
"""

from __future__ import annotations

import time
from pathlib import Path

from tiffin.home import write_atomically

_KEPT_S = 30 * 86_400.0


class HandledAlerts:
    """A folder with one file for each rollback that was acted on; it says why if it was refused."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __contains__(self, rollback: str) -> bool:
        """True when this rollback was acted on: its traffic was moved, or it was refused."""
        return (self._folder / rollback).exists()

    def remember(self, rollback: str, refusal: str = "") -> None:
        """Note that it was moved, or why it was refused; twice is once."""
        write_atomically(self._folder / rollback, refusal)

    def refusal(self, rollback: str) -> str:
        """Return why a rollback was refused; nothing when it was not."""
        return (self._folder / rollback).read_text(encoding="utf-8")

    def forget_old(self) -> None:
        """Drop what is older than a month; a file that somebody else dropped is no error."""
        for file in self._folder.iterdir():
            if time.time() - file.stat().st_mtime > _KEPT_S:
                file.unlink(missing_ok=True)
