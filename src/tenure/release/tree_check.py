"""Check a tree model's text before the C library reads it: the library trusts every index in it.

A crafted or damaged text would make the library read outside its arrays or walk in a circle. What
passes here is a set of finite trees whose nodes, leaves and features all exist.
"""

from __future__ import annotations

import re
from itertools import chain

from tenure.errors import ReleaseError

Fields = dict[bytes, bytes]

_CATEGORICAL = 1
_TREE = b"Tree="
_END = b"end of trees"


def check_model_text(raw: bytes) -> None:
    """Raise ReleaseError unless the text is a complete model of well-formed trees."""
    if not raw.startswith(b"tree\n") or b"\n" + _END not in raw:
        raise _error("is not in LightGBM's text format, or is cut off")
    start = raw.find(b"\n" + _TREE) + 1 or raw.find(b"\n" + _END) + 1
    try:
        header = _fields(raw[: start - 1])
        n_features = int(header[b"max_feature_idx"]) + 1
        _check_header(header, n_features)
        trees = _split_trees(raw, start, header)
        if len(trees) % int(header[b"num_tree_per_iteration"]):
            raise _error("does not hold the same number of trees for each output")
        for tree in trees:
            _check_tree(_fields(tree), n_features)
    except (KeyError, ValueError, IndexError) as error:
        raise _error(f"has a missing or unreadable entry: {error}") from error


def read_trees(raw: bytes) -> list[Fields]:
    """The entries of each tree of a checked model text."""
    start = raw.find(b"\n" + _TREE) + 1
    header = _fields(raw[: start - 1])
    return [_fields(tree) for tree in _split_trees(raw, start, header)]


def count_edges(raw: bytes) -> int:
    """Edges of all trees of a checked model text."""
    return sum(2 * (int(found) - 1) for found in re.findall(rb"\nnum_leaves=(\d+)", raw))


def _fields(text: bytes) -> Fields:
    pairs = [line.partition(b"=")[::2] for line in text.split(b"\n") if b"=" in line]
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise _error("has an entry twice")
    return fields


def _check_header(header: Fields, n_features: int) -> None:
    n_outputs = int(header[b"num_class"])
    if n_features < 1 or n_outputs < 1 or int(header[b"num_tree_per_iteration"]) != n_outputs:
        raise _error("names no features or outputs")
    for name in (b"feature_names", b"feature_infos"):
        if len(header[name].split(b" ")) != n_features:
            raise _error(f"needs {n_features} {name.decode()}")


def _split_trees(raw: bytes, start: int, header: Fields) -> list[bytes]:
    """Cut the trees at the sizes that the library will jump by, and see that each jump lands on a tree."""
    trees = []
    for size in map(int, header[b"tree_sizes"].split()):
        if size <= 0:
            raise _error("has a tree of no size")
        trees.append(raw[start : start + size])
        start += size
        if not trees[-1].startswith(_TREE) or trees[-1].count(_TREE) != 1:
            raise _error("has tree sizes that do not fit")
    if not trees or raw[start : start + len(_END)] != _END:
        raise _error("has tree sizes that do not fit")
    return trees


def _check_tree(tree: Fields, n_features: int) -> None:
    n_leaves = int(tree[b"num_leaves"])
    if n_leaves < 1 or tree.get(b"is_linear", b"0") != b"0":
        raise _error("has a tree without leaves, or a linear one")
    values = tree[b"leaf_value"].split()
    if len(values) != n_leaves:
        raise _error("has a tree with too many or too few leaf values")
    for value in values:
        float(value)
    if n_leaves == 1:
        return
    n_nodes = n_leaves - 1
    left, right = _ints(tree, b"left_child", n_nodes), _ints(tree, b"right_child", n_nodes)
    # Each leaf (-n_leaves to -1) and each node but the root is the child of exactly one node before it.
    if sorted(chain(left, right)) != [*range(-n_leaves, 0), *range(1, n_nodes)]:
        raise _error("has a tree whose branches do not fit together")
    if any(0 <= a <= i or 0 <= b <= i for i, (a, b) in enumerate(zip(left, right, strict=True))):
        raise _error("has a tree whose branches run in a circle")
    features = _ints(tree, b"split_feature", n_nodes)
    if min(features) < 0 or max(features) >= n_features:
        raise _error("splits on a feature that it does not have")
    if min(_ints(tree, b"leaf_count", n_leaves)) < 1 or min(_ints(tree, b"internal_count", n_nodes)) < 1:
        raise _error("has a branch without training rows")
    thresholds = tree[b"threshold"].split()
    if len(thresholds) != n_nodes:
        raise _error("has too many or too few thresholds")
    kinds = _ints(tree, b"decision_type", n_nodes)
    categorical = [float(t) for t, kind in zip(thresholds, kinds, strict=True) if kind & _CATEGORICAL]
    _check_categories(tree, categorical)


def _check_categories(tree: Fields, indices: list[float]) -> None:
    n_sets = int(tree[b"num_cat"])
    if n_sets < 0 or (indices and not 0 <= min(indices) <= max(indices) < n_sets):
        raise _error("has a categorical split without its categories")
    if n_sets:
        bounds = _ints(tree, b"cat_boundaries", n_sets + 1)
        _ints(tree, b"cat_threshold", bounds[-1])
        if bounds[0] != 0 or bounds != sorted(bounds):
            raise _error("has categories that do not fit together")


def _ints(tree: Fields, name: bytes, n: int) -> list[int]:
    numbers = [int(number) for number in tree[name].split()]
    if len(numbers) != n:
        raise _error(f"has {len(numbers)} numbers in {name.decode()} where {n} belong")
    return numbers


def _error(what: str) -> ReleaseError:
    return ReleaseError(f"the tree model {what}", where="model.txt", todo="restore the file, or train again")
