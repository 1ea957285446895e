"""What supervisord starts for each program: make room, then become the program.

A component that is killed leaves children behind (the scheduler its task workers, BentoML its
servers) which would hold a port or run a task beside its successor. So whatever the program left
behind is ended first. Environment and command come from a private file: they hold secrets, and
need no quoting there.

    python -m tiffin.stack.launch <home>/supervisor/programs/<name>.json <digest of that file>
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from tiffin.stack.processes import end, program_processes

FORGIVEN_AFTER_S = 300
"""A program that ran this long since its last launch is not one that keeps exiting."""


def main(arguments: list[str]) -> None:
    """Run one program in place of this process; what ran of it before is ended."""
    file = Path(arguments[0])
    program = json.loads(file.read_text())
    end(program_processes(file.parents[2], program["name"]), grace_s=0)
    _count_the_launch(file.with_suffix(".launches"))
    os.chdir(program["directory"])
    os.execvpe(program["command"][0], program["command"], program["environment"])


def _count_the_launch(file: Path) -> None:
    """Append one byte; the file's size tells how often the program was started of late."""
    is_of_late = file.exists() and time.time() - file.stat().st_mtime < FORGIVEN_AFTER_S
    with file.open("a" if is_of_late else "w") as stream:
        stream.write(".")


if __name__ == "__main__":
    main(sys.argv[1:])
