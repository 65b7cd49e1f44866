"""One Spark session for all tests of this folder, on this machine, without open ports.

For tests that ask for ``needs("spark")`` and ``needs("java")``.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from worlds.spark_files import FAST_START


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Two cores of this machine, with a Java that starts quickly rather than runs fast.

    The log would only repeat the errors that tests provoke.
    """
    from blindlink.linker.spark.session import start

    folder = tmp_path_factory.mktemp("spark")
    session = start(
        {
            "spark.master": "local[2]",
            "spark.driver.extraJavaOptions": FAST_START,
            "spark.driver.memory": "1g",
            "spark.local.dir": str(folder),
            "spark.log.level": "OFF",
            "spark.sql.shuffle.partitions": "2",
            "spark.sql.warehouse.dir": str(folder / "warehouse"),
        }
    )
    yield session
    session.stop()
