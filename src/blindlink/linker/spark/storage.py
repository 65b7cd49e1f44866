"""Encodings and links on the file systems that Spark knows, through its own Hadoop libraries."""

import posixpath
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - as all of Spark's documentation has it

from blindlink.errors import FormatError, InputError, OutputError
from blindlink.messages.encodings import Encodings, filter_name, from_table

_BINARY = "binary"


def read(spark: SparkSession, path: str) -> tuple[DataFrame, Encodings]:
    """The records of a file or folder of encodings, and an empty ``Encodings`` that describes them.

    Raises InputError where there is nothing, FormatError for what is not a file of encodings.
    """
    try:
        frame = spark.read.parquet(path)
    except (PySparkException, Py4JError) as error:
        if "PATH_NOT_FOUND" in str(error):
            raise InputError(f"{path}: no such file or directory", hint="check the path") from None
        if "CANNOT_READ_FILE_FOOTER" in str(error) or "UNABLE_TO_INFER_SCHEMA" in str(error):
            raise FormatError(f"{path}: not a file of encodings") from None
        raise
    known = [_metadata(spark, file) for file in frame.inputFiles()]
    if not known or any(each != known[0] for each in known):
        raise FormatError(f"{path}: its files do not belong together")
    header = from_table(_empty(frame, known[0], path), path)
    return frame, header


def _empty(frame: DataFrame, metadata: dict[str, str], path: str) -> pa.Table:
    """No rows of the columns of a frame, with the lengths that the metadata states."""
    bits = [int(part) for part in metadata.get("blindlink.bits", "").split(",") if part.isdigit()]
    widths = {filter_name(n): -(-length // 8) for n, length in enumerate(bits, start=1)}
    fields = []
    for name, kind in frame.dtypes:
        types = {"bigint": pa.int64(), "string": pa.string()}
        width = widths.get(name, 16 if name.startswith("match_key_") else -1)
        fields.append((name, pa.binary(width) if kind == _BINARY else types.get(kind, pa.null())))
    return pa.schema(fields).empty_table().replace_schema_metadata(metadata)


def _metadata(spark: SparkSession, file: str) -> dict[str, str]:
    """What the footer of a Parquet file says in the words of ``formats.encodings``."""
    jvm: Any = spark.sparkContext._jvm
    path = jvm.org.apache.hadoop.fs.Path(jvm.java.net.URI(file))
    source = jvm.org.apache.parquet.hadoop.util.HadoopInputFile.fromPath(path, _settings(spark))
    reader = jvm.org.apache.parquet.hadoop.ParquetFileReader.open(source)
    try:
        known = reader.getFooter().getFileMetaData().getKeyValueMetaData()
    finally:
        reader.close()
    return {name: known[name] for name in known if name.startswith("blindlink.")}


def count(frame: DataFrame, path: str) -> int:
    """The number of records; raises InputError where a row number is double, empty or negative."""
    row = F.col("row")
    found = frame.agg(
        F.count(F.lit(1)).alias("all"), F.count_distinct(row).alias("rows"), F.min(row).alias("low")
    ).first()
    if found is None or found["rows"] != found["all"] or (found["low"] or 0) < 0:
        raise InputError(
            f"{path}: row numbers are not unique",
            hint="encode each owner's records in one run, or number the rows through all files",
        )
    return int(found["all"])


def check_output(spark: SparkSession, out: str, *, inputs: Sequence[str], force: bool) -> None:
    """Raises OutputError when ``out`` holds an input, or anything that must not be replaced.

    ``force`` replaces what Spark has written, which it marks by a file, and nothing else.
    """
    system, path = _file_system(spark, out)
    place = str(path.makeQualified(system.getUri(), system.getWorkingDirectory()))
    for source in inputs:
        home, read_from = _file_system(spark, source)
        name = str(read_from.makeQualified(home.getUri(), home.getWorkingDirectory()))
        if f"{name}/".startswith(f"{place.rstrip('/')}/"):
            raise OutputError(f"{out}: is also the input", hint="choose another output path")
    if system.exists(path) and not force:
        raise OutputError(f"{out}: exists already")
    if system.exists(path) and not system.exists(_path(spark, posixpath.join(out, "_SUCCESS"))):
        raise OutputError(f"{out}: is not what Spark wrote", hint="choose another output path")


@contextmanager
def replacing(spark: SparkSession, out: str) -> Iterator[str]:
    """A folder beside ``out`` that takes its name when the block ends without an error."""
    head, name = posixpath.split(out.rstrip("/"))
    draft = posixpath.join(head, f".{name}.{secrets.token_hex(4)}.part")
    system, path = _file_system(spark, out)
    hidden = _path(spark, draft)
    try:
        yield draft
        system.delete(path, True)
        if not system.rename(hidden, path):
            raise OutputError(f"{out}: cannot be written")
    finally:
        system.delete(hidden, True)


def _file_system(spark: SparkSession, path: str) -> tuple[Any, Any]:
    found = _path(spark, path)
    return found.getFileSystem(_settings(spark)), found


def _path(spark: SparkSession, path: str) -> Any:
    jvm: Any = spark.sparkContext._jvm
    return jvm.org.apache.hadoop.fs.Path(path)


def _settings(spark: SparkSession) -> Any:
    context: Any = spark.sparkContext
    return context._jsc.hadoopConfiguration()
