"""Writes the API's description: ``python -m blindlink.service.openapi schemas/openapi.json``."""

import json
import sys
import tempfile
from pathlib import Path

from blindlink.files import write_text
from blindlink.service.app import make_app, openapi
from blindlink.service.context import Service
from blindlink.service.settings import Settings


def write(out: Path) -> None:
    """Write the document; raises OutputError."""
    with tempfile.TemporaryDirectory() as folder:
        service = Service.open(Settings(Path(folder)))
        text = json.dumps(openapi(make_app(service)), indent=1, ensure_ascii=False)
        service.close()
    write_text(out, text + "\n", force=True)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
