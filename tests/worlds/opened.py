"""What a release says, apart from its pseudonyms, its moments and its signatures."""

from typing import Any

from blindlink.analyst.cohort.opening import Opened, open_release
from blindlink.messages.acting import Acting
from worlds import flow
from worlds import service as world


def opened(made: flow.World, file: str) -> Opened:
    """The release as the analyst opens it."""
    return open_release(
        made.folder / file, Acting(made.agreement, flow.keys("analyst"), world.clock())
    )


def contents(made: flow.World, file: str) -> dict[str, Any]:
    """Links and candidates by the owners' own blob ids, and everything that was forwarded."""
    found = opened(made, file)
    ids = [row.tobytes().hex() for owner in found.owners for row in owner.rows["first_blob"]]
    methods = found.index.methods

    def pairs(rows: object) -> list[tuple[str, str, str, str]]:
        return sorted(
            (
                ids[row["left"]],
                ids[row["right"]],
                repr(float(row["probability"])),
                methods[row["method"]],
            )
            for row in rows  # type: ignore[attr-defined]
        )

    return {
        "links": pairs(found.links),
        "candidates": pairs(found.candidates),
        "entities": [
            [
                (row["first_blob"].tobytes().hex(), int(row["candidates"]), int(row["forwarded"]))
                for row in owner.rows
            ]
            for owner in found.owners
        ],
        "reports": found.reports,
        "tables": {
            owner.part.name: [repr(table) for table in owner.unsealed.tables]
            for owner in found.owners
        },
    }
