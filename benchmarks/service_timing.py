"""Can an outsider tell a project that exists from one that does not, by the time of the answer?

    python benchmarks/service_timing.py --requests 500

Both questions in turn, signed by somebody who is in neither project. "faster" is how often the
answer about the project that exists came before the one about none: 0.5 is chance.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).absolute().parent
sys.path.insert(0, str(HERE.parent / "tests"))

from blindlink.service.data.models import KeyHolder
from worlds import parties
from worlds import service as world


def measure(requests: int) -> dict[str, Any]:
    """Times in milliseconds, in pairs."""
    with tempfile.TemporaryDirectory(prefix="blindlink-timing-") as name:
        made = world.submissions(Path(name))
        with world.served(made) as served:
            served.open()
            other = parties.signed()
            linker = other.agreement.linker.fingerprint()
            with served.service.database.write() as session:
                session.add(KeyHolder(linker=linker, holder="0" * 64, name="elsewhere", seen=0))
            served.client("operator", other).open()
            times: dict[str, list[float]] = {other.digest(): [], "0" * 64: []}
            for number in range(requests):
                order = list(times) if number % 2 else list(reversed(times))
                for project in order:
                    start = time.perf_counter()
                    served.raw("moj", "GET", f"/v1/projects/{project}")
                    times[project].append(1000 * (time.perf_counter() - start))
    forbidden, unknown = times.values()
    wins = sum(a < b for a in forbidden for b in unknown)
    quarters = statistics.quantiles(unknown, n=4)
    return {
        "requests": 2 * requests,
        "median ms, forbidden": round(statistics.median(forbidden), 3),
        "median ms, unknown": round(statistics.median(unknown), 3),
        "quartiles ms, unknown": [round(quarters[0], 3), round(quarters[2], 3)],
        "faster": round(wins / len(forbidden) / len(unknown), 3),
    }


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--requests", type=int, default=500)
    print(json.dumps(measure(options.parse_args().requests), indent=1))
