"""Runs the notebooks of the documentation and writes their pages: ``make notebooks``.

A notebook is docs/notebooks/NAME.ipynb with its outputs; the page NAME.md shows the same, with its
pictures as files beside it, so that the site needs no notebook viewer. What a picture shows stands
in its cell's metadata as ``alt``. A test runs every notebook again and compares what it prints;
cells with the tag ``varies`` (fresh keys, digests) may differ.
"""

import base64
import re
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).parents[2] / "docs" / "notebooks"
VARIES = "varies"
_TIMEOUT = 900  # seconds for a cell


def names() -> list[str]:
    """Every notebook."""
    return sorted(path.stem for path in FOLDER.glob("*.ipynb"))


def load(name: str) -> Any:
    """A notebook as it is kept."""
    return nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)


def run(notebook: Any, folder: Path) -> Any:
    """A copy of the notebook with fresh outputs, run in a folder. Raises where a cell fails."""
    fresh = nbformat.from_dict(notebook)
    client = NotebookClient(
        fresh,
        timeout=_TIMEOUT,
        kernel_name="python3",
        coalesce_streams=True,
        resources={"metadata": {"path": folder}},
    )
    client.execute()
    for cell in fresh.cells:
        cell.get("metadata", {}).pop("execution", None)  # times of day
    return fresh


def printed(notebook: Any) -> list[list[str]]:
    """What each cell prints as text; nothing of a cell that may differ."""
    return [
        []
        if VARIES in cell.metadata.get("tags", [])
        else [text for output in cell.get("outputs", []) if (text := _text(output))]
        for cell in notebook.cells
    ]


def page(name: str, notebook: Any) -> tuple[str, dict[str, bytes]]:
    """The page as Markdown, and its pictures by file name."""
    pictures: dict[str, bytes] = {}
    parts = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            parts.append(cell.source)
            continue
        parts.append(f"```python\n{cell.source}\n```")
        for output in cell.outputs:
            parts.append(_shown(output, name, pictures, cell.metadata.get("alt", "Figure")))
    parts.insert(1, f"[Download this notebook]({name}.ipynb){{ download }}")
    return "\n\n".join(part for part in parts if part) + "\n", pictures


def write(name: str, notebook: Any) -> None:
    """Keep the notebook with its outputs, its page and its pictures."""
    text, pictures = page(name, notebook)
    for old in FOLDER.glob(f"{name}-*.png"):
        old.unlink()
    nbformat.write(notebook, FOLDER / f"{name}.ipynb")
    (FOLDER / f"{name}.md").write_text(text)
    for file, data in pictures.items():
        (FOLDER / file).write_bytes(data)


def _shown(output: Any, name: str, pictures: dict[str, bytes], alt: str) -> str:
    data = output.get("data", {})
    if "image/png" in data:
        file = f"{name}-{len(pictures) + 1}.png"
        pictures[file] = base64.b64decode(data["image/png"])
        return f"![{alt}]({file})"
    if "text/html" in data:
        # One line without blank ones: Markdown ends an HTML block at an empty line.
        html = re.sub(r"<style.*?</style>", "", data["text/html"], flags=re.DOTALL)
        return f'<div class="output">{" ".join(html.split())}</div>'
    text = _text(output)
    return f"```text\n{text}\n```" if text else ""


def _text(output: Any) -> str:
    if output.output_type == "stream":
        return str(output.text).rstrip() if output.name == "stdout" else ""
    if "image/png" in output.get("data", {}):
        return ""
    return str(output.get("data", {}).get("text/plain", "")).rstrip()


if __name__ == "__main__":
    import tempfile

    for each in names():
        with tempfile.TemporaryDirectory() as work:
            write(each, run(load(each), Path(work)))
