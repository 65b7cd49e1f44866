"""Limits of one thing, each in one place: whoever makes, sends, receives or links it asks here.

A limit that stands twice freezes a project: what the schema allowed, the engine refused.
"""

# Of a filter as it leaves its owner, after folds and hardenings. The denominator of a similarity is
# at most 2**17 then, so that scores as doubles compare like the exact fractions, and the number of
# a bit fits into the linker's 16 bits.
MAX_FILTER_BITS = 1 << 16
MAX_HASH_BITS = 1 << 16  # of a filter while it is made: a hash gives positions of 16 bits
MAX_FILTERS = 8  # of a record
MAX_MATCH_KEYS = 8  # of a record
MAX_TABLES = 16  # of an owner's payload
MAX_COLUMNS = 256  # of a payload table
MAX_BLOB = 1 << 20  # plain bytes of an entity's payload
