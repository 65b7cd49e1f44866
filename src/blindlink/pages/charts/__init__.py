"""The charts of all pages, one module each, listed in ``CHARTS`` by being here.

A chart is a function of the same name as its module that gives a ``kit.Chart``, or None where its
data hold nothing to show. docs/reference/charts.md shows every one.
"""

from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules
from typing import Any


def _charts() -> dict[str, Callable[..., Any]]:
    found = {one.name: import_module(f"{__name__}.{one.name}") for one in iter_modules(__path__)}
    return {name: getattr(module, name) for name, module in found.items() if hasattr(module, name)}


CHARTS = _charts()
