"""The demo's own folder: made whole or not at all, and the only one that it ever replaces."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from blindlink.errors import OutputError
from blindlink.files import replacing_folder, write_text

MARKER = ".blindlink-demo"
_TEXT = "Made by 'blindlink demo', which may replace this folder when told --force.\n"


@contextmanager
def own_folder(out: Path, *, force: bool) -> Iterator[Path]:
    """A draft folder with the demo's marker that takes the name ``out`` when the block ends well.

    Raises OutputError when ``out`` holds anything and is not an earlier demo to be replaced.
    """
    with replacing_folder(out, partial(check_folder, out, force=force), mode=0o777) as draft:
        write_text(draft / MARKER, _TEXT)
        yield draft


def check_folder(out: Path, *, force: bool) -> None:
    """Raises OutputError unless ``out`` is new, empty, or a demo's folder with ``force``."""
    if not out.absolute().parent.is_dir():
        raise OutputError(f"{out}: its folder does not exist", hint="make the folder first")
    if not out.exists():
        return
    if not out.is_dir():
        raise OutputError(f"{out}: is not a folder", hint="choose another folder")
    if not any(out.iterdir()):
        return
    if not (out / MARKER).is_file():
        raise OutputError(
            f"{out}: holds other things than a demo",
            hint="choose a new folder: nothing was touched",
        )
    if not force:
        raise OutputError(f"{out}: exists already")
