"""Gives the memory of unloaded models back, and keeps the rest out of the garbage collector's way.

glibc keeps what was freed for itself: fifty unloaded models of a hundred trees leave 470 MB
behind, and 5 MB once it was told to trim (measured). And Python's collector looks every now and
then at all that a server has loaded, some 70 ms in which nobody is answered.
"""

from __future__ import annotations

import ctypes
import gc
import sys
import threading
import weakref

_DELAY_S = 1.0


def settle() -> None:
    """Tell the collector that what is there now is there to stay."""
    gc.collect()
    gc.freeze()


def give_back_when_gone(thing: object) -> None:
    """Give memory back soon after the last one who holds `thing` has let it go."""
    # The last reference is dropped just now, and what hangs on it is freed only after this.
    weakref.finalize(thing, _give_back_later).atexit = False


def _give_back_later() -> None:
    timer = threading.Timer(_DELAY_S, give_memory_back)
    timer.daemon = True
    timer.start()


def give_memory_back() -> None:
    """Free what hangs together in circles, and trim the heap; does no more than that elsewhere."""
    gc.unfreeze()
    settle()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl has none
        if trim is not None:
            trim(0)
