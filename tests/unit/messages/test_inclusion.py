"""Merkle roots and proofs of many leaves, against the recursive definition of RFC 6962."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blindlink.errors import VerificationError
from blindlink.messages import merkle

# RFC 6962 reference tree, as published with certificate-transparency: roots of the first n leaves.
LEAVES = [
    b"",
    b"\x00",
    b"\x10",
    b"\x20\x21",
    b"\x30\x31",
    b"\x40\x41\x42\x43",
    b"\x50\x51\x52\x53\x54\x55\x56\x57",
    bytes(range(0x60, 0x70)),
]
ROOTS = {
    0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    4: "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    5: "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    6: "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    7: "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}


def hashes(number: int) -> list[bytes]:
    return [merkle.leaf(bytes([at])) for at in range(number)]


@pytest.mark.parametrize("number", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 31, 100])
def test_the_running_root_is_the_root(number: int) -> None:
    running = merkle.RunningRoot()
    for leaf in hashes(number):
        running.add(leaf)
    assert running.root() == merkle.root(hashes(number))
    assert running.root() == running.root()  # asking changes nothing


def by_definition(leaves: list[bytes]) -> bytes:
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while 2 * split < len(leaves):
        split *= 2
    halves = by_definition(leaves[:split]) + by_definition(leaves[split:])
    return sha256(b"\1" + halves).digest()


@pytest.mark.parametrize(("size", "expected"), ROOTS.items())
def test_roots_of_the_rfc_tree(size: int, expected: str) -> None:
    assert merkle.root([merkle.leaf(each) for each in LEAVES[:size]]).hex() == expected


@pytest.mark.parametrize("size", range(1, 40))
def test_root_is_the_recursive_one(size: int) -> None:
    assert merkle.root(hashes(size)) == by_definition(hashes(size))


@given(st.integers(1, 70).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.integers(0, n - 1)))))
def test_a_proof_of_any_leaves_gives_the_root(case: tuple[int, set[int]]) -> None:
    size, chosen = case
    leaves, places = hashes(size), sorted(chosen or {0})
    proof = merkle.prove(leaves, places)
    assert merkle.root_from(size, places, [leaves[p] for p in places], proof) == by_definition(
        leaves
    )


def test_all_leaves_need_no_proof() -> None:
    assert merkle.prove(hashes(13), range(13)) == []


def test_one_leaf_needs_its_audit_path() -> None:
    leaves = hashes(8)
    assert len(merkle.prove(leaves, [5])) == 3


@pytest.mark.parametrize(
    ("places", "change", "message"),
    [
        ([2, 1], lambda proof: proof, "not in order"),
        ([1, 1], lambda proof: proof, "not in order"),
        ([1, 9], lambda proof: proof, "outside"),
        ([], lambda proof: proof, "not in order"),
        ([1, 4], lambda proof: proof[:-1], "too short"),
        ([1, 4], lambda proof: [*proof, bytes(32)], "too long"),
    ],
)
def test_malformed_proofs_are_refused(places, change, message) -> None:  # type: ignore[no-untyped-def]
    leaves = hashes(9)
    proof = change(merkle.prove(leaves, [1, 4]))
    with pytest.raises(VerificationError, match=message):
        merkle.root_from(9, places, [leaves[0]] * len(places), proof)


def test_a_changed_leaf_or_node_gives_another_root() -> None:
    leaves, places = hashes(11), [0, 3, 10]
    proof = merkle.prove(leaves, places)
    mine = [leaves[p] for p in places]
    for at in range(len(proof)):
        other = [*proof[:at], bytes(32), *proof[at + 1 :]]
        assert merkle.root_from(11, places, mine, other) != merkle.root(leaves)
    for at in range(len(mine)):
        other = [*mine[:at], bytes(32), *mine[at + 1 :]]
        assert merkle.root_from(11, places, other, proof) != merkle.root(leaves)
