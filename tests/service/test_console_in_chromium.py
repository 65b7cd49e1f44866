"""The console in a real browser, by keyboard alone: with and without JavaScript, wide and narrow.

The accessibility rules of axe-core run where it is: see ``needs``.
"""

from pathlib import Path

import pytest

from blindlink.client.console import sign_in_code
from chrome import Chrome
from service.test_console import paths, project
from worlds import flow
from worlds import service as world
from worlds.service import Served

pytestmark = pytest.mark.needs("chromium")
SHAPE = """(() => ({
    h1: document.querySelectorAll('h1').length,
    main: document.querySelectorAll('main').length,
    captions: [...document.querySelectorAll('table')].every(table => table.caption),
    scopes: [...document.querySelectorAll('th')].every(cell => cell.scope),
    labels: [...document.querySelectorAll('input[type=text], textarea')].every(
        one => one.labels.length === 1),
    title: document.title.endsWith(' - blindlink console'),
    language: document.documentElement.lang,
    wide: document.documentElement.scrollWidth > window.innerWidth }))()"""
SOUND = dict.fromkeys(("captions", "scopes", "labels", "title"), True)
RING = """(() => { const style = getComputedStyle(document.activeElement);
    return style.outlineStyle !== 'none' || style.boxShadow !== 'none'; })()"""


def shown(served: Served) -> list[str]:
    """The pages that a browser shows as pages."""
    return [path for path in paths(served) if not path.endswith(("/log", "/head", "/progress"))]


def sign_in(chrome: Chrome, served: Served, role: str) -> None:
    """As a person does it: from the first page, with the keyboard."""
    chrome.open(f"{served.url}/console")
    chrome.wait("location.pathname === '/console/sign-in'")
    chrome.focus("Sign-in code")
    chrome.write(sign_in_code(served.connection(role))["code"])
    chrome.press("Enter")
    chrome.wait("location.pathname === '/console' && document.querySelector('.who') !== null")


class TestEveryPage:
    @pytest.mark.parametrize("width", [320, 1280])
    def test_is_sound_and_no_wider_than_the_window(
        self, chromium: str, tmp_path: Path, linked: Served, width: int
    ) -> None:
        expected = {"h1": 1, "main": 1, "language": "en-GB", "wide": False} | SOUND
        with Chrome.started(chromium, tmp_path, width=width) as chrome:
            chrome.open(f"{linked.url}/console/sign-in")
            assert chrome.ask(SHAPE) == expected
            sign_in(chrome, linked, "operator")
            for path in (*shown(linked), "/nothing"):
                chrome.open(f"{linked.url}/console{path}")
                assert chrome.ask(SHAPE) == expected, path

    def test_shows_where_the_focus_is(self, chromium: str, tmp_path: Path, linked: Served) -> None:
        """Everything that can be reached can be seen, and the way past the header comes first."""
        with Chrome.started(chromium, tmp_path) as chrome:
            sign_in(chrome, linked, "operator")
            for path in shown(linked):
                chrome.open(f"{linked.url}/console{path}")
                chrome.press("Tab")
                assert chrome.focused() == "Skip to main content", path
                seen = 0
                while chrome.ask("document.activeElement !== document.body") and seen < 60:
                    assert chrome.ask(RING), f"{path}: {chrome.focused()}"
                    chrome.press("Tab")
                    seen += 1
                assert seen > 5

    @pytest.mark.needs("axe")
    def test_passes_axe(self, chromium: str, axe: str, tmp_path: Path, linked: Served) -> None:
        found = {}
        with Chrome.started(chromium, tmp_path) as chrome:
            chrome.open(f"{linked.url}/console/sign-in")
            chrome.press("Enter")
            found["/sign-in"] = _axe(chrome, axe)
            sign_in(chrome, linked, "operator")
            for path in (*shown(linked), "/nothing"):
                chrome.open(f"{linked.url}/console{path}")
                found[path] = _axe(chrome, axe)
            chrome.open(f"{linked.url}/console{project(linked)}/audit")
            chrome.focus("Verify now")
            chrome.press("Enter")
            found["verified"] = _axe(chrome, axe)
            chrome.open(f"{linked.url}/console{project(linked)}/destroy")
            chrome.focus("Type the name")
            chrome.write("wrong")
            chrome.press("Enter")
            assert chrome.ask("document.activeElement.className") == "errors"
            found["wrong"] = _axe(chrome, axe)
        assert {path: wrong for path, wrong in found.items() if wrong} == {}


def _axe(chrome: Chrome, source: str) -> list[object]:
    chrome.ask(f"{source}; true")
    found: list[object] = chrome.ask(
        """axe.run(document, { resultTypes: ['violations'] }).then(found => found.violations.map(
        each => [each.id, each.impact, each.nodes.slice(0, 3).map(node => node.html)]))"""
    )
    return found


class TestAStudyByKeyboard:
    def test_from_sign_in_to_destruction(
        self, chromium: str, tmp_path: Path, submitted: flow.World
    ) -> None:
        """The page follows by itself what owners send and what the worker does."""
        with world.served(submitted) as served, Chrome.started(chromium, tmp_path) as chrome:
            served.open()
            sign_in(chrome, served, "operator")
            chrome.focus("study")
            chrome.press("Enter")
            chrome.wait(_says("Taking submissions"))
            assert not chrome.ask(_says("Start the run"))
            for owner in submitted.owners:
                served.submit(owner)
            chrome.wait(_says("Start the run"))
            chrome.focus("Start the run")
            chrome.press("Enter")
            chrome.focus("Freeze and link")
            chrome.press("Enter")
            chrome.wait(_says("The run is asked for"))
            chrome.wait(_says("Released"))
            chrome.wait("document.querySelector('[data-said]').textContent.includes('Released')")
            chrome.focus("Destroy this project")
            chrome.press("Enter")
            chrome.focus("Type the name of the project")
            chrome.write("study")
            chrome.press("Enter")
            chrome.wait(_says("Destruction is asked for"))
            chrome.wait(_says("Destroyed\\n"))
            assert not chrome.ask(_says("Stop updating"))
            chrome.focus("Sign out")
            chrome.press("Enter")
            chrome.wait("location.pathname === '/console/sign-in'")
            chrome.open(f"{served.url}/console")
            assert chrome.ask("location.pathname") == "/console/sign-in"

    def test_without_javascript(self, chromium: str, tmp_path: Path, submitted: flow.World) -> None:
        with (
            world.served(submitted) as served,
            Chrome.started(chromium, tmp_path, script=False) as chrome,
        ):
            served.open()
            for owner in submitted.owners:
                served.submit(owner)
            sign_in(chrome, served, "operator")
            for name in ("study", "Start the run", "Freeze and link"):
                chrome.focus(name)
                chrome.press("Enter")
            chrome.wait(_says("The run is asked for"))
            served.client("operator").wait_for_run()
            chrome.focus("Look again")
            chrome.press("Enter")
            chrome.wait(_says("Released"))
            chrome.focus("Audit log")
            chrome.press("Enter")
            chrome.focus("Verify now")
            chrome.press("Enter")
            chrome.wait(_says("Everything that was recomputed holds"))

    def test_updating_can_be_stopped(
        self, chromium: str, tmp_path: Path, submitted: flow.World
    ) -> None:
        with world.served(submitted) as served, Chrome.started(chromium, tmp_path) as chrome:
            served.open()
            sign_in(chrome, served, "auditor")
            chrome.open(f"{served.url}/console{project(served)}")
            chrome.focus("Stop updating")
            chrome.press(" ")
            assert chrome.focused() == "Go on updating"
            served.submit("moj")
            chrome.press(" ")
            chrome.wait(_says("1 of 2 submissions"))
            assert chrome.focused() == "Stop updating"
            assert not chrome.ask(_says("Destroy this project"))


def _says(text: str) -> str:
    return f'document.body.innerText.includes("{text}")'
