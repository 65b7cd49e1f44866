"""Writes the pictures of docs/reference/charts.md, after a change to a chart or to vl-convert."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from chart_examples import examples  # noqa: E402 - found only now


def main() -> None:
    """One SVG for each chart."""
    folder = ROOT / "docs/images/charts"
    folder.mkdir(parents=True, exist_ok=True)
    for name, chart in examples().items():
        (folder / f"{name}.svg").write_text(chart.svg() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
