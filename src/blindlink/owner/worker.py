"""A worker process of ``blindlink.owner.parallel``."""

import sys

from blindlink.owner.parallel import work

if __name__ == "__main__":
    work(sys.stdin.buffer, sys.stdout.buffer)
