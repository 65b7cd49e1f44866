"""The description of the API: committed, complete, and that of the code."""

import json
from pathlib import Path

import pytest

from blindlink.service import app
from blindlink.service.context import Service
from blindlink.service.settings import Settings
from service import api_page

FILE = Path(__file__).parents[2] / "schemas" / "openapi.json"


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    service = Service.open(Settings(tmp_path_factory.mktemp("openapi")))
    return app.openapi(app.make_app(service))


def test_is_the_committed_one(document: dict[str, object]) -> None:
    hint = "write it anew with: python -m blindlink.service.openapi schemas/openapi.json"
    assert json.loads(FILE.read_text()) == document, hint


def test_says_of_every_endpoint_what_it_tells_whom(document: dict[str, object]) -> None:
    for path, methods in document["paths"].items():  # type: ignore[attr-defined]
        for method, facts in methods.items():
            assert len(facts["description"]) > 40, f"{method} {path}"
            assert "tells" in facts["description"].lower() or path not in ("/health",)


def test_the_reference_page_is_that_of_the_code() -> None:
    assert api_page.PAGE.read_text() == api_page.text(), "run: python tests/service/api_page.py"


def test_every_operation_has_a_name_of_its_own() -> None:
    """Generated clients are called by it: it is that of the function, and no path is in it."""
    document = json.loads((Path(__file__).parents[2] / "schemas/openapi.json").read_text())
    names = [each["operationId"] for path in document["paths"].values() for each in path.values()]
    assert len(set(names)) == len(names)
    assert all("v1" not in name and name.isidentifier() for name in names)
