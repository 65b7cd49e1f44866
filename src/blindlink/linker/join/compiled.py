"""How the linker's kernels are compiled: by numba, on first use, for the processor at hand.

numba keeps what it compiled in the first folder that it can write: NUMBA_CACHE_DIR, beside the
module, or that of the user. Where there is none, each process compiles anew. To see whether a
kernel changed, numba looks at its own file only: so whatever a kernel inlines stands in the same
file, which a test demands.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from numba import njit

_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "boundscheck": False}


def kernel(function: Callable[..., Any]) -> Any:
    """The function, compiled when it is first called."""
    try:
        return njit(cache=True, **_OPTIONS)(function)
    except RuntimeError:  # no folder for the cache
        return njit(**_OPTIONS)(function)


def wait(compiled: Any) -> str:
    """Why the first call of a kernel will take some seconds; empty where it will not."""
    folder = compiled.stats.cache_path
    if folder is None:
        return "compiles for some seconds each time: let NUMBA_CACHE_DIR name a writable folder"
    name = compiled.py_func.__name__
    known = compiled.signatures or any(Path(folder).glob(f"*.{name}-*.nbi"))
    return "" if known else "compiles for some seconds on first use"
