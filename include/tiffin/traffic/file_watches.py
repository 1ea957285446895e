"""Asks the system whether the Envoys can watch more files.

Each Envoy takes an inotify instance for each file that it watches, one per Service and two more,
and aborts, with all its traffic, when it gets none. Many systems allow a user 128 of them.
"""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

from tiffin.errors import RefusedError

_LIMIT = Path("/proc/sys/fs/inotify/max_user_instances")
_SPARE = 3
"""For what other programs take meanwhile."""


def watches_needed(services: int, *, envoys: int, dead: int) -> int:
    """Return the instances that one more Service takes beside so many others.

    A dead Envoy has given its own back, and takes them again when it starts.
    """
    return envoys + dead * (services + 2)


def check_room_for_watches(needed: int) -> None:
    """Raise RefusedError when hardly so many inotify instances are left; changes nothing."""
    if not _LIMIT.exists():
        return  # not Linux: no such limit
    limit = _LIMIT.read_text().strip()
    taken: list[int] = []
    try:
        for _ in range(needed + _SPARE):
            taken.append(_take_instance())
    except OSError as error:
        raise RefusedError(
            f"the gateway can't watch the files of one more service: the system allows "
            f"{limit} inotify instances per user and they are taken; raise "
            "fs.inotify.max_user_instances with sysctl, then deploy again",
            code="no-room-for-watches",
        ) from error
    finally:
        for descriptor in taken:
            os.close(descriptor)


def _take_instance() -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor: int = libc.inotify_init1(os.O_CLOEXEC)
    if descriptor < 0:
        raise OSError(ctypes.get_errno(), "no inotify instance")
    return descriptor
