"""The picture of README and tutorials: python tests/docs/report_picture.py DEMO_FOLDER

The top of the report of a demo, 1,200 wide and 1,700 high; run ``make demo`` first, so that its
figures are those that the README prints.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
PICTURE = ROOT / "docs" / "images" / "report.png"
WIDTH, HEIGHT = 1200, 1700


def take(page: Path, picture: Path) -> None:
    """Write the top of a page as a picture, by headless Chromium without a network."""
    with tempfile.TemporaryDirectory() as profile:
        command = [
            *("chromium", "--headless", "--no-sandbox", "--hide-scrollbars"),
            *(f"--window-size={WIDTH},{HEIGHT}", f"--user-data-dir={profile}"),
            *(f"--screenshot={picture}", page.resolve().as_uri()),
        ]
        subprocess.run(command, check=True, capture_output=True, timeout=120)


if __name__ == "__main__":
    take(Path(sys.argv[1]) / "analyst" / "report" / "report.html", PICTURE)
