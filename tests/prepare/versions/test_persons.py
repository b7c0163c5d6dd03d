"""Rows of one person are found however their id is stored; forgotten ones are known by a hash only."""

from __future__ import annotations

import polars as pl
import pytest

from tenure.prepare.versions import ForgottenPersons, same_person
from tenure.prepare.versions.persons import digest_of


@pytest.mark.parametrize(
    ("ids", "identifier", "found"),
    [
        (["7590-V", " 7590-V ", "7590", None], "7590-V", [True, True, False, False]),
        ([17, 18, None], "17", [True, False, False]),
        ([17.0, 17.5, None], " 17", [True, False, False]),
        ([17, 18], "seventeen", [False, False]),
        ([17, 18], "17.5", [False, False]),
    ],
)
def test_a_person_is_found(ids: list[object], identifier: str, found: list[bool]) -> None:
    table = pl.DataFrame({"id": ids}, strict=False)
    marks = table.with_columns(found=same_person(table.schema, ["id", "group"], identifier))["found"]
    assert marks.to_list() == found


def test_without_a_column_nobody_is_found() -> None:
    table = pl.DataFrame({"x": [1]})
    assert table.filter(same_person(table.schema, ["id"], "1")).is_empty()


@pytest.mark.parametrize("ids", [["a", "b", None, "a"], [1, 2, None, 1], [1.0, 2.0, None, 1.0]])
def test_forgotten_persons_are_known_again(ids: list[object]) -> None:
    name = "a" if isinstance(ids[0], str) else "1"
    gone = ForgottenPersons("salt", frozenset({digest_of(name, "salt")}))
    assert gone.among(pl.Series(ids)).tolist() == [True, False, False, True]
    assert not ForgottenPersons("other salt", gone.digests).among(pl.Series(ids)).any()
    assert not ForgottenPersons("salt", frozenset()).among(pl.Series(ids)).any()
