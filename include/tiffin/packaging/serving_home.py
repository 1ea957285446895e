"""A BENTOML_HOME for one server process.

BentoML empties `<BENTOML_HOME>/prometheus_multiproc_dir` whenever a server starts, and takes no
other folder for it: two servers with the same home would erase each other's metrics. So each
Revision gets a home of its own, whose stores are links to the shared ones.
"""

from __future__ import annotations

import os
from pathlib import Path

STORES = ("bentos", "models")


def ensure_serving_home(shared: Path, own: Path) -> Path:
    """Return `own` as a BENTOML_HOME that reads the stores of `shared`; may run twice.

    A link that points elsewhere, as after the shared home was moved, is pointed anew.
    """
    own.mkdir(parents=True, exist_ok=True)
    for store in STORES:
        target, link = (shared / store).resolve(), own / store
        target.mkdir(parents=True, exist_ok=True)
        if link.is_symlink() and link.readlink() == target:
            continue
        draft = own / f".{store}.{os.getpid()}"
        draft.unlink(missing_ok=True)
        draft.symlink_to(target)
        draft.replace(link)
    return own
