"""Work is done again only for a reason that can be named."""

from __future__ import annotations

import json

import pytest

from tenure.prepare.versions import Fingerprint, code_digest, what_changed

BEFORE = Fingerprint(
    {"data/a.csv": "12"},
    {"data": {"target": "y", "exclude": [], "delimiter": None}, "split": {"seed": 0}},
    "1+a",
)


def changed(**settings: object) -> Fingerprint:
    return Fingerprint(BEFORE.inputs, {**BEFORE.settings, **settings}, BEFORE.code)


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (BEFORE, []),
        (Fingerprint({"data/a.csv": "13"}, BEFORE.settings, "1+a"), ["data/a.csv changed"]),
        (
            Fingerprint({"data/b.csv": "12"}, BEFORE.settings, "1+a"),
            ["data/a.csv is no longer read", "data/b.csv is read now"],
        ),
        (changed(split={"seed": 1}), ["split.seed changed from 0 to 1"]),
        (changed(features={"a": "b + 1"}), ["features.a changed from None to 'b + 1'"]),
        (changed(features={}), ["features changed from None to {}"]),
        (
            Fingerprint(BEFORE.inputs, BEFORE.settings, "1+b"),
            ["the code changed (tenure, or a library it computes with)"],
        ),
    ],
)
def test_each_change_is_named(now: Fingerprint, said: list[str]) -> None:
    assert what_changed(BEFORE, now) == said


def test_a_fingerprint_survives_json() -> None:
    again = Fingerprint(**json.loads(json.dumps(BEFORE.to_dict())))
    assert what_changed(BEFORE, again) == []
    assert what_changed(changed(split={"seed": (1, 2)}), changed(split={"seed": [1, 2]})) == []


def test_the_code_is_its_source_and_its_libraries() -> None:
    prepare = code_digest(("prepare",), ("polars",))
    assert prepare == code_digest(("prepare",), ("polars",))
    assert prepare.split("+")[0]
    assert (
        len({prepare, code_digest(("prepare", "records"), ("polars",)), code_digest(("prepare",), ())}) == 3
    )
    assert code_digest((), ("no-such-library",)) != code_digest((), ())
