"""Trees against RFC 6962: known vectors, its recursive definition, and an independent verifier."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator_pipelines import verify_evidence as verifier
from coordinator_pipelines.domain.evidence import merkle

LEAVES = [
    bytes.fromhex(text)
    for text in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip
ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
"""Roots of the first 1 to 8 of these leaves: the test vectors of Certificate Transparency."""

sizes = st.integers(1, 130)


def hashes(count: int) -> list[bytes]:
    return [merkle.leaf_hash(str(number).encode()) for number in range(count)]


def defined_root(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962, 2.1, word for word, from leaf hashes."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    return sha256(b"\1" + defined_root(leaves[:k]) + defined_root(leaves[k:])).digest()


def inclusion(index: int, leaves: list[bytes]) -> list[bytes]:
    nodes = merkle.tree_of(leaves)
    return [merkle.subtree_hash(s, nodes) for s in merkle.inclusion_spans(index, len(leaves))]


def consistency(first: int, leaves: list[bytes]) -> list[bytes]:
    nodes = merkle.tree_of(leaves)
    return [merkle.subtree_hash(s, nodes) for s in merkle.consistency_spans(first, len(leaves))]


def root(leaves: list[bytes]) -> bytes:
    return merkle.root(len(leaves), merkle.tree_of(leaves))


@pytest.mark.parametrize("count", range(1, 9))
def test_roots_are_those_of_the_known_vectors(count: int) -> None:
    leaves = [merkle.leaf_hash(leaf) for leaf in LEAVES[:count]]
    assert root(leaves).hex() == ROOTS[count - 1]
    assert verifier.root_of(leaves).hex() == ROOTS[count - 1]


def test_known_proofs() -> None:
    leaves = [merkle.leaf_hash(leaf) for leaf in LEAVES]
    assert [each.hex() for each in inclusion(5, leaves)] == [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]
    assert [each.hex() for each in consistency(6, leaves)] == [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]


def test_a_tree_without_leaves_has_the_root_of_nothing() -> None:
    assert root([]) == merkle.EMPTY_ROOT == verifier.root_of([]) == sha256(b"").digest()


def test_an_odd_leaf_is_not_doubled_and_no_node_passes_for_a_leaf() -> None:
    a, b, c = hashes(3)
    assert root([a, b, c]) != root([a, b, c, c])
    assert merkle.leaf_hash(a + b) != merkle.node_hash(a, b)


@given(sizes)
def test_roots_are_those_of_the_definition(count: int) -> None:
    leaves = hashes(count)
    assert root(leaves) == defined_root(leaves) == verifier.root_of(leaves)


@given(sizes, st.data())
def test_growing_step_by_step_needs_the_edge_alone(count: int, data: st.DataObject) -> None:
    leaves, size = hashes(count), 0
    edge: dict[merkle.Node, bytes] = {}
    while size < count:
        step = data.draw(st.integers(1, count - size))
        edge |= merkle.grown(size, edge, leaves[size : size + step])
        size += step
        edge = {node: edge[node] for node in merkle.complete_nodes(0, size)}
        assert len(edge) == size.bit_count()
        assert merkle.root(size, edge) == defined_root(leaves[:size])


@given(sizes, st.data())
def test_inclusion_is_proved_and_nothing_else(count: int, data: st.DataObject) -> None:
    leaves = hashes(count)
    index = data.draw(st.integers(0, count - 1))
    path, top = inclusion(index, leaves), root(leaves)
    assert len(path) <= count.bit_length()
    assert verifier.includes(leaves[index], index, count, path, top)
    other = data.draw(st.integers(0, count + 5))
    assert verifier.includes(leaves[index], other, count, path, top) is (other == index)
    assert not verifier.includes(_changed(leaves[index], data), index, count, path, top)
    assert not verifier.includes(leaves[index], index, count, path, _changed(top, data))
    assert not verifier.includes(leaves[index], index, count, [*path, top], top)
    for at in range(len(path)):
        broken = [*path[:at], _changed(path[at], data), *path[at + 1 :]]
        assert not verifier.includes(leaves[index], index, count, broken, top)
        assert not verifier.includes(leaves[index], index, count, path[:at] + path[at + 1 :], top)


@given(sizes, st.data())
def test_consistency_is_proved_and_nothing_else(count: int, data: st.DataObject) -> None:
    leaves = hashes(count)
    first = data.draw(st.integers(1, count))
    path, old, new = consistency(first, leaves), root(leaves[:first]), root(leaves)
    assert verifier.is_consistent(first, count, old, new, path)
    assert not verifier.is_consistent(first, count, _changed(old, data), new, path)
    assert not verifier.is_consistent(first, count, old, _changed(new, data), path)
    assert not verifier.is_consistent(first, count, old, new, [*path, new])
    for at in range(len(path)):
        broken = [*path[:at], _changed(path[at], data), *path[at + 1 :]]
        assert not verifier.is_consistent(first, count, old, new, broken)
    forked = [*leaves[: first - 1], merkle.leaf_hash(b"another"), *leaves[first:]]
    assert not verifier.is_consistent(first, count, old, root(forked), consistency(first, forked))


def test_every_pair_of_small_sizes_is_consistent() -> None:
    for count in range(1, 34):
        leaves = hashes(count)
        for first in range(1, count + 1):
            args = first, count, root(leaves[:first]), root(leaves), consistency(first, leaves)
            assert verifier.is_consistent(*args)


def test_what_cannot_be_proved_is_refused() -> None:
    for index, size in ((0, 0), (3, 3), (-1, 3)):
        with pytest.raises(ValueError, match="has no leaf"):
            merkle.inclusion_spans(index, size)
    for first, second in ((0, 3), (4, 3)):
        with pytest.raises(ValueError, match="does not grow"):
            merkle.consistency_spans(first, second)


def _changed(digest: bytes, data: st.DataObject) -> bytes:
    at = data.draw(st.integers(0, 31))
    return bytes([*digest[:at], digest[at] ^ data.draw(st.integers(1, 255)), *digest[at + 1 :]])
