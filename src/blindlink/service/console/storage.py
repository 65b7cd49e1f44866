"""What lies in the storage and how much room there is: counts and bytes, no name of an object."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from fastapi import APIRouter, Request, Response
from sqlalchemy import func, select, text

from blindlink.service.console.render import PREFIX, page
from blindlink.service.console.visitors import Here, Reader
from blindlink.service.context import Service
from blindlink.service.data.models import Project

router = APIRouter(prefix=PREFIX, include_in_schema=False)
KINDS = {"parts": "Parts of uploads", "submissions": "Submissions", "releases": "Releases"}
OTHER = "Other"


@dataclass
class Held:
    """What a project holds: numbers and bytes by kind."""

    name: str
    id: str | None
    numbers: Counter[str] = field(default_factory=Counter)
    sizes: Counter[str] = field(default_factory=Counter)


@router.get("/storage")
def show_storage(request: Request, service: Here, _: Reader) -> Response:
    held = _held(service)
    return page(
        request,
        "storage",
        held=held,
        kinds=[*KINDS.values(), *([OTHER] if any(each.numbers[OTHER] for each in held) else [])],
        objects=sum(each.numbers.total() for each in held),
        total=sum(each.sizes.total() for each in held),
        where="A folder" if service.storage.is_local else "Object storage",
        room=service.storage.room(),
        database=_database(service),
    )


def _held(service: Service) -> list[Held]:
    """By project, in the order they were opened; last what belongs to none."""
    with service.database.read() as session:
        rows = session.execute(
            select(Project.number, Project.name, Project.id).order_by(Project.number)
        )
        found = {f"p{number}": Held(name, id_) for number, name, id_ in rows}
    nobody = Held("No project: swept up by a worker", None)
    for key, _, size in service.storage.listing():
        project, _, rest = key.partition("/")
        kind = KINDS.get(rest.split("/")[0], OTHER)
        one = found.get(project, nobody)
        one.numbers[kind] += 1
        one.sizes[kind] += size
    return [*found.values(), *([nobody] if nobody.numbers else [])]


def _database(service: Service) -> tuple[str, int]:
    """The kind of the database and its bytes."""
    if service.database.sqlite:
        path = Path(service.database.engine.url.database or "")
        files = (path.with_name(path.name + ending) for ending in ("", "-wal"))
        return "SQLite", sum(each.stat().st_size for each in files if each.exists())
    with service.database.read() as session:
        size = session.scalar(select(func.pg_database_size(text("current_database()"))))
    return "PostgreSQL", int(size or 0)
