"""A worker process of ``blindlink.owner.encoding.parallel``."""

import sys

from blindlink.owner.encoding.parallel import work

if __name__ == "__main__":
    work(sys.stdin.buffer, sys.stdout.buffer)
