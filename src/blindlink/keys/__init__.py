"""Keys with one purpose each. Nothing is home-made: the primitives come from ``cryptography``.

    LinkageKey    the 32 random bytes that the owners share and nobody else may hold
    PartyKeys     a party's private keys: sealing, signing, authentication to the service
    PartyPublic   what the others know of a party; seals to it and verifies its signatures
    Entropy       the source of random bytes; ``system_entropy`` unless a simulation injects its own

A secret never prints, compares in constant time, and lives in files that others cannot read.
"""

from blindlink.keys.entropy import Entropy, system_entropy
from blindlink.keys.linkage import LinkageKey
from blindlink.keys.party import PartyKeys, make_party
from blindlink.keys.public import PartyPublic, Role, Signatures

__all__ = [
    "Entropy",
    "LinkageKey",
    "PartyKeys",
    "PartyPublic",
    "Role",
    "Signatures",
    "make_party",
    "system_entropy",
]
