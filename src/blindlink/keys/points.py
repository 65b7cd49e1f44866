"""Public keys that are none: points of small order, and second spellings of a key.

With a point of small order as its Ed25519 key a party's classical signature verifies for every
message, and its hybrid signature is worth the other half alone; an X25519 key of small order agrees
on zero with everybody. The libraries read both.
"""

from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PublicKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

PRIME = 2**255 - 19
D = -121665 * pow(121666, -1, PRIME) % PRIME  # of the Edwards curve (RFC 8032, section 5.1)
PROBE = X25519PrivateKey.from_private_bytes(bytes(range(32)))
SIGN_BIT = 1 << 255


def check_x25519(key: bytes) -> None:
    """Raises ValueError for a point of small order (RFC 7748, section 6.1) or a second spelling."""
    if int.from_bytes(key, "little") >= PRIME:
        raise ValueError("is not the one spelling of an X25519 key")
    try:
        PROBE.exchange(X25519PublicKey.from_public_bytes(key))
    except ValueError:
        raise ValueError("is an X25519 key of small order") from None


def check_ed25519(key: bytes) -> None:
    """Raises ValueError for what is no point, has a second spelling, or is of small order."""
    number = int.from_bytes(key, "little")
    y, sign = number % SIGN_BIT, number >= SIGN_BIT
    if y >= PRIME or (y in (1, PRIME - 1) and sign):
        raise ValueError("is not the one spelling of an Ed25519 key")
    x_squared = (y * y - 1) * pow(D * y * y + 1, -1, PRIME) % PRIME
    if pow(x_squared, (PRIME - 1) // 2, PRIME) not in (0, 1):
        raise ValueError("is no Ed25519 key")
    for _ in range(3):  # of order 8 or less: three doublings lead to the neutral point, y = 1
        # y(2P) = (y^2 + x^2) / (1 - d x^2 y^2), x^2 by the curve's equation
        y_next = (y * y + x_squared) * pow(1 - D * x_squared * y * y, -1, PRIME) % PRIME
        y = y_next
        x_squared = (y * y - 1) * pow(D * y * y + 1, -1, PRIME) % PRIME
    if y == 1:
        raise ValueError("is an Ed25519 key of small order")


def check_mlkem768(key: bytes) -> None:
    """Raises ValueError for what is no ML-KEM-768 key (FIPS 203, section 7.2)."""
    MLKEM768PublicKey.from_public_bytes(key)


def check_mldsa65(key: bytes) -> None:
    """Raises ValueError for what is no ML-DSA-65 key."""
    MLDSA65PublicKey.from_public_bytes(key)
