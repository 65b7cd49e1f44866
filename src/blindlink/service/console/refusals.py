"""A refusal as a page. It says as much as the API's answer would, and no more."""

from fastapi import Request, Response

from blindlink.service.console.render import HEADERS, PREFIX, go, page
from blindlink.service.console.visitors import PART
from blindlink.service.problems import TITLES, Problem
from blindlink.service.web.callers import service_of

WORDS = {
    401: ("You are signed out", "Sign in again to go on."),
    403: ("You may not do this", "Your role may look, or the form was not one of this page."),
    404: ("Page not found", "If you typed the address, check it. Or go on from the projects."),
    409: ("This does not fit the present state", ""),
    421: ("Wrong address", "The console opens only under the service's own address: "),
    429: ("Too many requests", "Wait a moment, then try again."),
    503: ("The service cannot do this now", "Wait a moment, then try again."),
}


def is_page(request: Request) -> bool:
    """Whether whoever asked wants a page, of a web process that has pages."""
    path, has_pages = request.url.path, service_of(request).settings.console
    return has_pages and (path == PREFIX or path.startswith(f"{PREFIX}/"))


def refusal(request: Request, problem: Problem) -> Response:
    """The page for a refusal; who is not signed in is led to where one signs in."""
    if problem.status == 401 and PART not in request.headers and request.method in ("GET", "HEAD"):
        return go("/sign-in")
    title, text = WORDS.get(problem.status, (TITLES[problem.kind], ""))
    if problem.status == 421:
        text += f"{service_of(request).settings.public_url}{PREFIX}"
    found = page(
        request, "refusal", problem.status, title=title, text=text, detail=problem.detail.strip()
    )
    found.headers.update(problem.headers | HEADERS)
    return found
