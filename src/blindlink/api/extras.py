"""A library of a party that is not installed ends with MissingExtraError, which names the extra."""

from collections.abc import Iterator
from contextlib import contextmanager

from blindlink.errors import MissingExtraError


@contextmanager
def needs(extra: str) -> Iterator[None]:
    """Around what imports the libraries of ``extra``; also a decorator of a function that does."""
    try:
        yield
    except ModuleNotFoundError as error:
        library = (error.name or "").partition(".")[0]
        if library in ("", "blindlink"):
            raise
        raise MissingExtraError(library, extra) from None
