"""``python -m blindlink.linker.spark LEFT RIGHT OUT --threshold T``, also for spark-submit."""

import argparse
import json
import logging
import sys
from dataclasses import asdict

from blindlink.errors import BlindlinkError
from blindlink.linker.spark import needed

CARDINALITIES = ("one-to-one", "one-to-many", "many-to-many")
MEASURES = ("cosine", "dice", "hamming", "jaccard", "overlap")


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit code: 0, or that of the error."""
    options = _parser().parse_args(arguments)
    try:
        with needed():
            from blindlink.linker.spark.link import link_parquet
            from blindlink.linker.spark.session import start

        settings = dict(item.split("=", 1) for item in options.conf)
        if options.master:
            settings["spark.master"] = options.master
        spark = start(settings)
        try:
            found = link_parquet(
                spark,
                options.left,
                options.right,
                options.out,
                options.threshold,
                top=options.top,
                cardinality=options.cardinality,
                measure=options.measure,
                keys=options.key or (),
                most=options.most,
                partitions=options.partitions,
                force=options.force,
            )
        finally:
            spark.stop()
    except BlindlinkError as error:
        sys.stderr.write(f"error: {error.message}\nhint: {error.hint}\n")
        return error.exit_code
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; nothing was written\n")
        return 130
    sys.stdout.write(json.dumps(asdict(found)) + "\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("blindlink.linker.spark", description="Link on Spark.")
    for name in ("left", "right"):
        parser.add_argument(name, help="Parquet file or folder of encodings")
    parser.add_argument("out", help="folder of Parquet for the links")
    parser.add_argument("--threshold", type=float, required=True, help="least score, such as 0.8")
    parser.add_argument("--top", type=int, help="pairs kept of each record")
    parser.add_argument("--cardinality", choices=CARDINALITIES, default=CARDINALITIES[0])
    parser.add_argument("--measure", choices=MEASURES, default="dice")
    parser.add_argument("--key", type=int, action="append", help="a match key to block on, from 1")
    parser.add_argument("--most", type=int, default=1000, help="pairs per record a key may make")
    parser.add_argument("--partitions", type=int, help="tasks of the larger side")
    parser.add_argument("--force", action="store_true", help="replace what is at OUT")
    parser.add_argument("--master", help="spark.master, such as local[4] or yarn")
    parser.add_argument("--conf", action="append", default=[], metavar="KEY=VALUE")
    return parser


if __name__ == "__main__":
    logging.disable()  # py4j would show the traceback of an interrupt
    sys.exit(main())
