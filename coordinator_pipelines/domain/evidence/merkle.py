"""Merkle trees of RFC 6962 (2.1) that grow at the right and are never rebuilt.

Add here what is true of any such tree; avoid what its leaves are (``entry``) and where its nodes
are kept. A node (level, position) is the root of a complete subtree: the leaves
[position * 2^level, (position + 1) * 2^level). Such a node never changes, so a tree of any size
is known by the nodes that were complete when it had that size: proofs read logarithmically many.
"""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256

Node = tuple[int, int]
Span = tuple[int, int]
"""Leaves [start, end) of a subtree, complete or not."""

EMPTY_ROOT = sha256(b"").digest()
"""The root of a tree without leaves."""


def leaf_hash(data: bytes) -> bytes:
    """SHA-256(0x00 || data): no leaf can pass for a node."""
    return sha256(b"\0" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right)."""
    return sha256(b"\1" + left + right).digest()


def complete_nodes(start: int, end: int) -> list[Node]:
    """The complete subtrees that a subtree of leaves [start, end) consists of, left to right.

    >>> complete_nodes(0, 7)
    [(2, 0), (1, 2), (0, 6)]
    """
    nodes = []
    while start < end:
        level = (end - start).bit_length() - 1
        nodes.append((level, start >> level))
        start += 1 << level
    return nodes


def grown(size: int, edge: Mapping[Node, bytes], leaves: Iterable[bytes]) -> dict[Node, bytes]:
    """The nodes that become complete when leaves are appended to a tree of a size.

    Args:
        size: leaves before.
        edge: at least the hashes of ``complete_nodes(0, size)``.
        leaves: hashes of the new leaves, in order.
    """
    nodes = {node: edge[node] for node in complete_nodes(0, size)}
    new = {}
    for position, leaf in enumerate(leaves, size):
        node, digest = (0, position), leaf
        nodes[node] = new[node] = digest
        while node[1] % 2:
            node = node[0] + 1, node[1] // 2
            digest = node_hash(nodes[node[0] - 1, node[1] * 2], digest)
            nodes[node] = new[node] = digest
    return new


def root(size: int, nodes: Mapping[Node, bytes]) -> bytes:
    """The root of a tree, from at least its ``complete_nodes``."""
    return subtree_hash((0, size), nodes) if size else EMPTY_ROOT


def subtree_hash(span: Span, nodes: Mapping[Node, bytes]) -> bytes:
    """The root of a subtree that has leaves, from at least its ``complete_nodes``."""
    *others, digest = (nodes[node] for node in complete_nodes(*span))
    for left in reversed(others):
        digest = node_hash(left, digest)
    return digest


def inclusion_spans(index: int, size: int) -> list[Span]:
    """The subtrees whose hashes are the inclusion proof of a leaf (RFC 6962, 2.1.1), in order.

    Raises:
        ValueError: the tree has no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    start, end, spans = 0, size, []
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            spans.append((middle, end))
            end = middle
        else:
            spans.append((start, middle))
            start = middle
    return spans[::-1]


def consistency_spans(first: int, second: int) -> list[Span]:
    """The subtrees whose hashes prove that a tree grew from a smaller one (RFC 6962, 2.1.2).

    Raises:
        ValueError: the first tree is empty, or larger than the second.
    """
    if not 0 < first <= second:
        raise ValueError(f"a tree of {second} leaves does not grow from one of {first}")
    start, end, spans, is_old_root = 0, second, [], True
    while first < end:
        middle = start + _split(end - start)
        if first <= middle:
            spans.append((middle, end))
            end = middle
        else:
            spans.append((start, middle))
            start, is_old_root = middle, False
    if not is_old_root:
        spans.append((start, end))
    return spans[::-1]


def tree_of(leaves: Sequence[bytes]) -> dict[Node, bytes]:
    """All complete nodes of a small tree, from the hashes of its leaves."""
    return grown(0, {}, leaves)


def _split(length: int) -> int:
    """The largest power of two below a length above 1."""
    return 1 << ((length - 1).bit_length() - 1)
