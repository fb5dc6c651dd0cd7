"""The Merkle tree of RFC 6962, section 2.1: one hash for a list of leaves, and short proofs that a leaf is in it.

A leaf's hash is SHA-256(0x00 || data), a node's is SHA-256(0x01 || left || right), so a node can't be passed off as a
leaf. The left part of a tree of n leaves has the largest power of two below n. Working level by level and carrying a
lone last node up unchanged gives the same tree, without recursion and with each node hashed once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()


def hash_leaf(data: bytes) -> bytes:
    """The hash of a leaf with this content."""
    return hashlib.sha256(b"\x00" + data).digest()


def hash_node(left: bytes, right: bytes) -> bytes:
    """The hash of a node over two hashes."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Tree:
    """A tree that grows leaf by leaf. It holds one hash for each power of two in its size, so it never gets large."""

    def __init__(self) -> None:
        self.size = 0
        self._perfect: list[bytes] = []  # the roots of the perfect trees that it is made of, the largest first

    def append(self, leaf_hash: bytes) -> None:
        """Add a leaf by its hash, after all others."""
        carried, size = leaf_hash, self.size
        while size & 1:
            carried = hash_node(self._perfect.pop(), carried)
            size >>= 1
        self._perfect.append(carried)
        self.size += 1

    def root(self) -> bytes:
        """The hash of the whole tree as it stands."""
        if not self._perfect:
            return EMPTY_ROOT
        *others, root = self._perfect
        for left in reversed(others):
            root = hash_node(left, root)
        return root


def root_of(leaf_hashes: Iterable[bytes]) -> bytes:
    """The hash of the tree with these leaves."""
    tree = Tree()
    for leaf_hash in leaf_hashes:
        tree.append(leaf_hash)
    return tree.root()


def inclusion_path(leaf_hashes: Sequence[bytes], index: int) -> list[bytes]:
    """The hashes that lead from a leaf to the root, the nearest first (RFC 6962, section 2.1.1).

    `index`: of the leaf, from 0. Raises IndexError when there is no such leaf.
    """
    if not 0 <= index < len(leaf_hashes):
        raise IndexError(f"a tree of {len(leaf_hashes)} leaves has no leaf {index}")
    path, level = [], leaf_hashes
    while len(level) > 1:
        sibling = index ^ 1
        if sibling < len(level):
            path.append(level[sibling])
        index >>= 1
        level = _level_above(level)
    return path


def _level_above(level: Sequence[bytes]) -> list[bytes]:
    above = [hash_node(level[n], level[n + 1]) for n in range(0, len(level) - 1, 2)]
    return [*above, level[-1]] if len(level) % 2 else above


def is_included(leaf_hash: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Whether a path proves that a leaf stands at this index, from 0, in the tree with this size and root.

    The algorithm is that of RFC 9162, section 2.1.3.2, whose tree is the same.
    """
    if not 0 <= index < size:
        return False
    reached, last = leaf_hash, size - 1
    for sibling in path:
        if last == 0:
            return False
        if index & 1 or index == last:
            reached = hash_node(sibling, reached)
            while index and not index & 1:  # levels on which this node had no sibling
                index >>= 1
                last >>= 1
        else:
            reached = hash_node(reached, sibling)
        index >>= 1
        last >>= 1
    return last == 0 and reached == root
