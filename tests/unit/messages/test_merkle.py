"""Merkle trees against the vectors of RFC 6962's reference implementation and brute force."""

import pytest

from blindlink.errors import VerificationError
from blindlink.messages.merkle import (
    check_consistency,
    consistency_proof,
    leaf,
    prove,
    root,
    root_from,
)
from worlds.parties import entropy

# The eight leaves and the roots of the trees of 1 to 8 of them that the reference implementation of
# RFC 6962 tests against (certificate-transparency, merkletree/merkle_tree_test.cc).
LEAVES = [
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
HASHES = [leaf(bytes.fromhex(each)) for each in LEAVES]
MANY = [leaf(entropy("leaves")(number)) for number in range(1, 34)]


def test_roots_are_those_of_the_reference() -> None:
    assert root([]).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    for size, expected in enumerate(ROOTS, start=1):
        assert root(HASHES[:size]).hex() == expected


def test_the_examples_of_rfc_6962() -> None:
    """Section 2.1.3: the paths of a tree of seven leaves, by the names of its nodes."""
    a, b, c, d, e, f, j = HASHES[:7]
    g, h, i = root([a, b]), root([c, d]), root([e, f])
    k = root([a, b, c, d])
    assert prove(HASHES[:7], [0]) == [b, h, root([e, f, j])]
    assert prove(HASHES[:7], [3]) == [c, g, root([e, f, j])]
    assert prove(HASHES[:7], [4]) == [f, j, k]
    assert prove(HASHES[:7], [6]) == [i, k]
    assert consistency_proof(HASHES[:7], 3) == [c, d, g, root([e, f, j])]
    assert consistency_proof(HASHES[:7], 4) == [root([e, f, j])]
    assert consistency_proof(HASHES[:7], 6) == [i, j, k]


def test_every_leaf_of_every_tree_is_shown() -> None:
    for size in range(1, len(MANY) + 1):
        for index in range(size):
            path = prove(MANY[:size], [index])
            assert root_from(size, [index], [MANY[index]], path) == root(MANY[:size])


def test_every_tree_extends_every_smaller_one() -> None:
    for second in range(1, len(MANY) + 1):
        for first in range(1, second + 1):
            proof = consistency_proof(MANY[:second], first)
            check_consistency(first, second, proof, root(MANY[:first]), root(MANY[:second]))


def rejected(size: int, index: int, path: list[bytes]) -> bool:
    try:
        return root_from(size, [index], [MANY[index]], path) != root(MANY[:size])
    except VerificationError:
        return True


def test_a_changed_path_does_not_lead_to_the_root() -> None:
    for size in range(2, 20):
        for index in range(size):
            path = prove(MANY[:size], [index])
            wrong = [path[:-1], [*path, MANY[0]], [MANY[32], *path[1:]]]
            assert all(rejected(size, index, each) for each in wrong)
            assert all(rejected(size, other, path) for other in range(size) if other != index)


def test_a_changed_proof_of_consistency_is_refused() -> None:
    for second in range(1, 20):
        for first in range(1, second + 1):
            good = consistency_proof(MANY[:second], first)
            roots = root(MANY[:first]), root(MANY[:second])
            for wrong in ([*good, MANY[0]], good[:-1], [MANY[32], *good[1:]]):
                if wrong == good:
                    continue
                with pytest.raises(VerificationError):
                    check_consistency(first, second, wrong, *roots)
            with pytest.raises(VerificationError):
                check_consistency(first, second, good, MANY[32], roots[1])
            with pytest.raises(VerificationError):
                check_consistency(first, second, good, roots[0], MANY[32])


def test_a_history_that_was_rewritten_is_found_out() -> None:
    old, rewritten = MANY[:6], [*MANY[:2], MANY[20], *MANY[3:12]]
    proof = consistency_proof(rewritten, 6)
    with pytest.raises(VerificationError, match="does not extend"):
        check_consistency(6, 12, proof, root(old), root(rewritten))


def test_a_proof_with_nothing_in_it_is_too_short() -> None:
    with pytest.raises(VerificationError, match="too short"):
        check_consistency(3, 7, [], MANY[0], MANY[1])


def test_sizes_must_be_possible() -> None:
    for first, second in ((0, 3), (4, 3), (-1, 3)):
        with pytest.raises(VerificationError, match="not in order"):
            check_consistency(first, second, [], MANY[0], MANY[0])
    for index, size in ((3, 3), (-1, 3), (0, 0)):
        with pytest.raises(VerificationError, match="outside"):
            root_from(size, [index], [MANY[0]], [])
    for index in (-1, 3):
        with pytest.raises(IndexError):
            prove(MANY[:3], [index])
    for first in (0, 4):
        with pytest.raises(IndexError):
            consistency_proof(MANY[:3], first)
