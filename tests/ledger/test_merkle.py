"""Protects the tree: it is RFC 6962's, whatever its size, and a proof proves one leaf at one place and nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.ledger.merkle import EMPTY_ROOT, Tree, hash_leaf, hash_node, inclusion_path, is_included, root_of

#: The reference leaves and roots of the first n of them, of the certificate transparency implementation that RFC 6962
#: grew out of.
LEAVES = [
    bytes.fromhex(leaf)
    for leaf in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
#: Leaf, size and path of the same implementation's inclusion proofs.
PATHS = [
    (0, 1, []),
    (
        0,
        8,
        [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        5,
        8,
        [
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (2, 3, ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
    (
        1,
        5,
        [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
]
sizes = st.integers(1, 200)


def hashes_of(size: int) -> list[bytes]:
    return [hash_leaf(b"%d" % n) for n in range(size)]


def defined_root(hashes: Sequence[bytes]) -> bytes:
    """MTH as section 2.1 defines it, word for word."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    k = 1 << (len(hashes) - 1).bit_length() - 1
    return hash_node(defined_root(hashes[:k]), defined_root(hashes[k:]))


def defined_path(m: int, hashes: Sequence[bytes]) -> list[bytes]:
    """PATH as section 2.1.1 defines it, word for word."""
    if len(hashes) == 1:
        return []
    k = 1 << (len(hashes) - 1).bit_length() - 1
    if m < k:
        return [*defined_path(m, hashes[:k]), defined_root(hashes[k:])]
    return [*defined_path(m - k, hashes[k:]), defined_root(hashes[:k])]


@pytest.mark.parametrize("size", range(9))
def test_the_roots_are_those_of_the_reference(size: int) -> None:
    assert root_of(map(hash_leaf, LEAVES[:size])).hex() == ROOTS[size]


@pytest.mark.parametrize(("index", "size", "path"), PATHS)
def test_the_paths_are_those_of_the_reference(index: int, size: int, path: list[str]) -> None:
    hashes = [hash_leaf(leaf) for leaf in LEAVES[:size]]
    assert [step.hex() for step in inclusion_path(hashes, index)] == path
    assert is_included(hashes[index], index, size, inclusion_path(hashes, index), bytes.fromhex(ROOTS[size]))


def test_an_empty_tree_has_the_hash_of_nothing() -> None:
    assert Tree().root() == EMPTY_ROOT == hashlib.sha256(b"").digest()


@given(sizes)
def test_a_tree_of_any_size_is_what_the_definition_says(size: int) -> None:
    hashes, tree = hashes_of(size), Tree()
    for n, leaf_hash in enumerate(hashes, 1):
        tree.append(leaf_hash)
        assert (tree.size, tree.root()) == (n, defined_root(hashes[:n]))


@given(sizes, st.data())
def test_a_path_of_any_leaf_is_what_the_definition_says_and_proves_it(size: int, data: st.DataObject) -> None:
    hashes, index = hashes_of(size), data.draw(st.integers(0, size - 1))
    path = inclusion_path(hashes, index)
    assert path == defined_path(index, hashes)
    assert is_included(hashes[index], index, size, path, root_of(hashes))


@given(sizes, st.data())
def test_a_path_proves_no_other_leaf_place_or_tree(size: int, data: st.DataObject) -> None:
    hashes, index = hashes_of(size), data.draw(st.integers(0, size - 1))
    path, root, leaf = inclusion_path(hashes, index), root_of(hashes), hashes[index]
    other = data.draw(st.integers(0, size - 1).filter(lambda n: n != index)) if size > 1 else index + 1
    assert not is_included(leaf, other, size, path, root)
    assert not is_included(hash_leaf(b"other"), index, size, path, root)
    assert not is_included(leaf, index, size, path, hash_leaf(b"other"))
    assert not is_included(leaf, index, size, [*path, leaf], root)
    if path:
        changed = data.draw(st.integers(0, len(path) - 1))
        assert not is_included(leaf, index, size, [*path[:changed], leaf, *path[changed + 1 :]], root)
        assert not is_included(leaf, index, size, path[:-1], root)


@pytest.mark.parametrize("index", [-1, 3])
def test_there_is_no_path_to_a_leaf_that_is_not_there(index: int) -> None:
    with pytest.raises(IndexError):
        inclusion_path(hashes_of(3), index)
    assert not is_included(hash_leaf(b"0"), index, 3, [], hash_leaf(b"0"))


def test_a_node_can_not_be_passed_off_as_a_leaf() -> None:
    left, right = hashes_of(2)
    assert hash_leaf(left + right) != hash_node(left, right)
