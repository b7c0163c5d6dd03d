"""No text reaches the C library that would make it read or walk where it must not."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenure.errors import ReleaseError
from tenure.release.tree_check import check_model_text

HEADER = {
    "version": "v4",
    "num_class": "1",
    "num_tree_per_iteration": "1",
    "max_feature_idx": "1",
    "feature_names": "f0 f1",
    "feature_infos": "none none",
}
TREE = {
    "num_leaves": "3",
    "num_cat": "0",
    "split_feature": "0 1",
    "threshold": "0.5 1.5",
    "decision_type": "8 8",
    "left_child": "1 -1",
    "right_child": "-3 -2",
    "leaf_value": "-1 2 3",
    "leaf_count": "3 1 2",
    "internal_count": "6 4",
    "is_linear": "0",
}
CATEGORIES = {"decision_type": "1 8", "threshold": "0 1.5", "num_cat": "1"}


def make_text(
    header: dict[str, str | None] | None = None, tree: dict[str, str | None] | None = None
) -> bytes:
    body = "".join(f"{k}={v}\n" for k, v in {**TREE, **(tree or {})}.items() if v is not None)
    tree_text = f"Tree=0\n{body}\n\n"
    settings_ = {**HEADER, "tree_sizes": str(len(tree_text)), **(header or {})}
    return ("tree\n" + "".join(f"{k}={v}\n" for k, v in settings_.items() if v is not None)).encode() + (
        f"\n{tree_text}end of trees\n".encode()
    )


def test_good_texts_pass():
    check_model_text(make_text())
    check_model_text(make_text(tree={**CATEGORIES, "cat_boundaries": "0 1", "cat_threshold": "5"}))


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ({"max_feature_idx": "x"}, "unreadable entry"),
        ({"max_feature_idx": None}, "max_feature_idx"),
        ({"max_feature_idx": "0"}, "needs 1 feature_names"),
        ({"max_feature_idx": "-1"}, "names no features"),
        ({"num_class": "0"}, "names no features or outputs"),
        ({"num_class": "2", "num_tree_per_iteration": "2"}, "same number of trees"),
        ({"feature_infos": "none"}, "feature_infos"),
        ({"tree_sizes": "10"}, "tree sizes"),
        ({"tree_sizes": "99999999999"}, "tree sizes"),
        ({"tree_sizes": "-5"}, "no size"),
        ({"tree_sizes": ""}, "tree sizes"),
        ({"tree_sizes": None}, "tree_sizes"),
    ],
)
def test_broken_headers_are_refused(header, message):
    with pytest.raises(ReleaseError, match=message):
        check_model_text(make_text(header))


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({"left_child": "0 -1"}, "do not fit together"),
        ({"left_child": "1 1", "right_child": "-3 -2"}, "do not fit together"),
        ({"left_child": "-1 1", "right_child": "-3 -2"}, "circle"),
        ({"right_child": "-9 -2"}, "do not fit together"),
        ({"left_child": "1"}, "1 numbers in left_child where 2"),
        ({"split_feature": "0 7"}, "does not have"),
        ({"split_feature": "0 -1"}, "does not have"),
        ({"leaf_value": "1 2"}, "leaf values"),
        ({"leaf_value": "1 2 x"}, "unreadable"),
        ({"num_leaves": "4"}, "leaf values"),
        ({"num_leaves": "0"}, "without leaves"),
        ({"threshold": None}, "threshold"),
        ({"threshold": "1"}, "thresholds"),
        ({"internal_count": None}, "internal_count"),
        ({"leaf_count": "0 1 2"}, "without training rows"),
        ({"is_linear": "1"}, "linear"),
        (CATEGORIES | {"num_cat": "0"}, "without its categories"),
        (CATEGORIES | {"cat_boundaries": "0 9", "cat_threshold": "5"}, "cat_threshold"),
        (CATEGORIES | {"cat_boundaries": "1 1", "cat_threshold": "5"}, "categories"),
        ({"num_leaves=3\nnum_leaves": "3"}, "twice"),
    ],
)
def test_broken_trees_are_refused(tree, message):
    with pytest.raises(ReleaseError, match=message):
        check_model_text(make_text(tree=tree))


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_no_damage_raises_anything_but_a_release_error(data):
    text = bytearray(make_text())
    for _ in range(data.draw(st.integers(1, 4))):
        text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ReleaseError):
        check_model_text(bytes(text))
