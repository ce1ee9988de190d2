"""Memory as glibc hands it out by itself: what a peer has that runs without this project."""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from snapgui.engine.victim.memory import keep_freed_memory

# malloc.h; glibc raises the threshold from which it maps blocks one by one to 32 MB by itself, and trims from
# twice that.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_MMAP_MAX = -1, -3, -4
_USUAL = {_M_MMAP_THRESHOLD: 32 * 2**20, _M_TRIM_THRESHOLD: 64 * 2**20, _M_MMAP_MAX: 65536}


@contextmanager
def usual_memory() -> Iterator[None]:
    """Undo `keep_freed_memory` for a while; elsewhere than on glibc nothing happens."""
    if sys.platform.startswith("linux") and hasattr(ctypes.CDLL(None), "mallopt"):
        for name, value in _USUAL.items():
            ctypes.CDLL(None).mallopt(name, value)
    try:
        yield
    finally:
        keep_freed_memory()
