"""A Spark session where there is none, and Spark's errors as errors of blindlink."""

import os
import re
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from py4j.protocol import Py4JError
from pyspark import java_gateway
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from blindlink import errors
from blindlink.errors import BlindlinkError, MissingExtraError

# What a worker raised arrives as the text of its traceback, the error in a line of its own.
_RAISED = re.compile(r"^blindlink\.errors\.(\w+Error): (.+)$", re.MULTILINE)
_OWN = {
    "spark.app.name": "blindlink",
    "spark.log.level": "ERROR",
    "spark.ui.enabled": "false",  # it would open a port
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.maxResultSize": "0",  # the caller wants the pairs, however many there are
    "spark.sql.shuffle.partitions": str(4 * (os.cpu_count() or 1)),
}


def session() -> SparkSession:
    """The session that is active, or a new one: as ``spark-defaults.conf`` says, or local.

    A new one lasts as long as the process. Raises MissingExtraError where there is no Java 17.
    """
    active = SparkSession.getActiveSession()
    return start({}) if active is None else active


def start(settings: dict[str, str]) -> SparkSession:
    """A session with these settings over blindlink's own; raises MissingExtraError without Java."""
    _need_java()
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    if settings.get("spark.master", "local").startswith("local"):
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")  # no port is open to others
    builder = SparkSession.builder
    for name, value in (_OWN | settings).items():
        builder = builder.config(name, value)
    try:
        with _ending_java():
            return builder.getOrCreate()
    except PySparkException:  # Java ended before it answered, as an older one does
        raise _java("does not start Spark") from None


@contextmanager
def _ending_java() -> Iterator[None]:
    """Ends a Java that was started inside, should an error or interrupt come before it answers.

    Java ignores interrupts and ends when its Python does, but not while it is starting.
    """
    started: list[subprocess.Popen[bytes]] = []
    launch = java_gateway.Popen

    def remembered(*arguments: Any, **options: Any) -> "subprocess.Popen[bytes]":
        started.append(launch(*arguments, **options))
        return started[-1]

    java_gateway.Popen = remembered
    try:
        yield
    except BaseException:
        for process in started:
            process.kill()
            process.wait()
        raise
    finally:
        java_gateway.Popen = launch


def _need_java() -> None:
    home = os.environ.get("JAVA_HOME")
    found = (Path(home) / "bin" / "java").exists() if home else shutil.which("java")
    if not found:
        raise _java("is not installed")


def _java(fault: str) -> MissingExtraError:
    error = MissingExtraError("Java 17 or newer", "spark")
    error.message = f"Java, on which Spark runs, {fault}"
    error.args = (error.message,)
    error.hint = "install Java 17 (Debian: apt-get install openjdk-17-jre-headless); set JAVA_HOME"
    return error


@contextmanager
def clear_errors() -> Iterator[None]:
    """Raises what went wrong in Spark as an error of blindlink."""
    try:
        with warnings.catch_warnings():
            # Spark's own pandas functions are meant; nothing here uses pandas.
            warnings.filterwarnings("ignore", "PySpark does not yet", FutureWarning)
            yield
    except (PySparkException, Py4JError) as error:
        raise _translated(error) from None


def _translated(error: Exception) -> BlindlinkError:
    raised = _RAISED.findall(str(error))
    if raised:
        name, message = raised[-1]
        kind = getattr(errors, name, BlindlinkError)
        if name != "MissingExtraError":
            found: BlindlinkError = kind(message)
            return found
        missing = MissingExtraError("a library", "linker")
        missing.args, missing.message = (message,), f"on an executor: {message}"
        return missing
    condition = getattr(error, "getCondition", lambda: None)()
    java = re.search(r"([A-Za-z]+(?:Exception|Error))\b(?!.*error has occurred)", str(error))
    what = condition or (java.group(1) if java else type(error).__name__)
    return BlindlinkError(
        f"Spark stopped: {what}",
        hint="the logs of the driver and the executors say more; see docs/how-to/link-on-spark.md",
    )
