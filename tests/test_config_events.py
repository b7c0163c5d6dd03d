"""Event tables in tenure.yaml: what is accepted, and how each mistake is named."""

from __future__ import annotations

import pytest

from tenure.config import config_schema, parse_config
from tenure.errors import ConfigError

# each key on a line of its own, so that the line of a mistake is known
LINES = {
    "name": "name: cdnow",
    "data": "data:",
    "target": "  target: churned",
    "id": "  id: customer_id",
    "cutoffs": "  cutoffs: [1997-10-01, 1998-01-01]",
    "label": "  label: {table: purchases, when: none, within: 90d}",
    "tables": "  tables:",
    "purchases": "    purchases:",
    "source": "      source: cdnow.txt",
    "key": "      key: customer_id",
    "time": "      time: date",
    "windows": "      windows: [30d, 90d, all]",
    "aggregates": '      aggregates: {amount: [sum, trend], "*": [count, days_since_last]}',
}


def written(**changes: str | None) -> str:
    """The file with some lines changed, or without them."""
    lines = {**LINES, **changes}
    return "\n".join(line for line in lines.values() if line is not None) + "\n"


def test_the_file_of_the_guide_is_read():
    data = parse_config(written(), "tenure.yaml").data
    assert data.cutoffs is not None
    assert [moment.isoformat()[:10] for moment in data.cutoffs.moments] == ["1997-10-01", "1998-01-01"]
    names = [name for name, *_ in data.tables["purchases"].features("purchases")]
    assert names[:3] == ["purchases_amount_sum_30d", "purchases_amount_sum_90d", "purchases_amount_sum_all"]
    assert len(names) == 12
    assert data.split_group == "customer_id"
    assert data.split_time == "cutoff"


def test_a_range_of_cutoffs_ends_before_until():
    data = parse_config(
        written(cutoffs="  cutoffs: {from: 1997-07-01, until: 1997-08-29, every: 30d}"), "t"
    ).data
    assert data.cutoffs is not None
    assert [moment.isoformat()[:10] for moment in data.cutoffs.moments] == ["1997-07-01", "1997-07-31"]


def test_a_row_may_have_its_own_time():
    text = written(cutoffs="  source: orders.csv\n  time: placed", label=None)
    data = parse_config(text, "t").data
    assert (data.split_time, data.split_group, data.excluded) == ("placed", "customer_id", {})


@pytest.mark.parametrize(
    ("changes", "what", "line"),
    [
        ({"id": None}, "data.tables: event tables are joined by data.id", 6),
        ({"cutoffs": None}, "data.tables: event tables need data.cutoffs", 6),
        ({"cutoffs": "  source: a.csv"}, "data.tables: event tables need data.cutoffs", 7),
        ({"label": None}, "data.target: no data.source has the target", 3),
        (
            {"tables": None, "purchases": None} | dict.fromkeys(list(LINES)[8:]),
            "data.cutoffs: data.cutoffs speaks",
            5,
        ),
        (
            {"label": "  label: {table: purchase, when: none, within: 90d}"},
            "data.label.table: there is no table 'purchase' in data.tables, which has purchases",
            6,
        ),
        ({"label": "  label: {table: purchases, within: 90d}"}, "data.label: either when", 6),
        ({"label": "  label: {table: purchases, when: none, within: 0d}"}, "data.label.within", 6),
        ({"label": "  label: {table: purchases, when: never, within: 9d}"}, "got 'never'", 6),
        ({"cutoffs": "  cutoffs: [1997-10-01, soon]"}, "data.cutoffs.1: a date such as", 5),
        (
            {"cutoffs": "  cutoffs: [1997-10-01, 1997-10-01]"},
            "data.cutoffs: 1997-10-01T00:00:00+00:00 stands twice",
            5,
        ),
        ({"cutoffs": "  cutoffs: {from: 1997-10-01, every: 30d}"}, "until is missing", 5),
        (
            {"cutoffs": "  cutoffs: {from: 1998-10-01, until: 1997-10-01, every: 30d}"},
            "from is later than until",
            5,
        ),
        (
            {"cutoffs": "  cutoffs: {from: 1997-10-01, until: 1998-10-01, every: 1m}"},
            "cutoffs, more than 1000",
            5,
        ),
        ({"cutoffs": "  cutoffs: {form: 1997-10-01}"}, "unknown key 'data.cutoffs.form'", 5),
        ({"key": None}, "the key 'data.tables.purchases.key' is missing", 8),
        ({"time": "      tme: date"}, "unknown key 'data.tables.purchases.tme'", 11),
        ({"windows": "      windows: [30d, soon]"}, "data.tables.purchases.windows.1: a length of time", 12),
        ({"windows": "      windows: [7d, 1w]"}, "the windows 7d, 1w are equal", 12),
        ({"windows": "      windows: [0d]"}, "a window is longer than 0s", 12),
        ({"aggregates": "      aggregates: {amount: [summ]}"}, "got 'summ'", 13),
        (
            {"aggregates": "      aggregates: {amount: [count]}"},
            "aggregates.amount: count is not of a column",
            13,
        ),
        ({"aggregates": '      aggregates: {"*": [sum]}'}, "aggregates.*: sum is not of rows", 13),
        ({"purchases": "    my purchases:"}, "data.tables", 8),
        (
            {"target": "  target: purchases_amount_sum_30d"},
            "two columns would be named 'purchases_amount_sum_30d'",
            7,
        ),
        ({"target": "  target: cutoff"}, "two columns would be named 'cutoff'", 7),
    ],
)
def test_a_mistake_is_named_with_its_line(changes: dict[str, str | None], what: str, line: int):
    with pytest.raises(ConfigError) as caught:
        parse_config(written(**changes), "tenure.yaml")
    assert what in str(caught.value)
    assert f"tenure.yaml, line {line}\n" in str(caught.value)


def test_the_nearest_key_of_a_table_is_proposed():
    with pytest.raises(ConfigError, match="did you mean 'time'"):
        parse_config(written(time="      tme: date"), "tenure.yaml")


def test_the_schema_takes_a_list_of_cutoffs_or_a_range():
    kinds = config_schema()["$defs"]["DataConfig"]["properties"]["cutoffs"]["anyOf"]
    assert [kind.get("type", "range") for kind in kinds] == ["array", "range", "null"]
