"""Where random bytes come from: an argument of product code, so that a simulation can replay."""

import secrets
from collections.abc import Callable

Entropy = Callable[[int], bytes]
"""Called with a number of bytes, returns that many random ones."""

system_entropy: Entropy = secrets.token_bytes
