"""Leaks to plant into clean tables: one function a kind and strength, with names and places that do not tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
import polars as pl

NAMES = ("field_a", "attr7", "Metric", "col_q", "xv", "group_t", "Level2", "value.b", "quantity", "flag3")


@dataclass(frozen=True)
class Planted:
    """A table with a leak in it.

    columns: the leaking columns; () when the table itself leaks.  codes: what counts as found.
    data: further keys of the section data.  serving: rows as the service would get them.
    """

    raw: pl.DataFrame
    columns: tuple[str, ...]
    codes: frozenset[str]
    data: dict[str, str] = field(default_factory=dict)
    serving: pl.DataFrame | None = None


@dataclass(frozen=True)
class Clean:
    """A clean table. y: class index or number, float [n].  matrix: its features as numbers, for models.

    identifiers: columns that name a row; with rows repeated they would be repeated truly, so they are left out then.
    """

    name: str
    raw: pl.DataFrame
    target: str
    y: np.ndarray
    n_classes: int
    matrix: np.ndarray
    identifiers: tuple[str, ...]


Plant = Callable[[Clean, np.random.Generator], Planted]
VALUE_CODES = frozenset(("L101", "L201", "L202", "L301", "L302", "L401"))


def insert(clean: Clean, rng: np.random.Generator, *columns: list[object] | np.ndarray) -> Planted:
    """Put columns into the table at random places under names that do not tell."""
    raw = clean.raw.clone()  # insert_column works in place
    names = [str(name) for name in rng.choice(NAMES, len(columns), replace=False)]
    for name, values in zip(names, columns, strict=True):
        series = pl.Series(name, values, strict=False)
        if series.dtype != pl.String:
            series = series.cast(pl.String)
        raw = raw.insert_column(int(rng.integers(0, raw.width + 1)), series)
    return Planted(raw, tuple(names), VALUE_CODES)


def positive(clean: Clean) -> np.ndarray:
    """The rows of the rarer class, or of the upper quarter of a number."""
    if clean.n_classes:
        sizes = np.bincount(clean.y.astype(int), minlength=clean.n_classes)
        return clean.y == sizes.argmin()
    return clean.y > np.quantile(clean.y, 0.75)


def _noisy_number(noise: float) -> Plant:
    def plant(clean: Clean, rng: np.random.Generator) -> Planted:
        y = clean.y / (clean.y.std() if not clean.n_classes else 1.0)
        return insert(clean, rng, np.round(37.0 + 12.0 * (y + rng.normal(0, noise, len(y))), 3))

    return plant


def _noisy_label(flips: float) -> Plant:
    def plant(clean: Clean, rng: np.random.Generator) -> Planted:
        labels = clean.y.astype(int)
        flipped = rng.random(len(labels)) < flips
        labels = np.where(flipped, rng.permutation(labels), labels)
        return insert(clean, rng, [f"{'KMTRXQZJWB'[k]}{k}" for k in labels])

    return plant


def copy_renamed(clean: Clean, rng: np.random.Generator) -> Planted:
    """The classes under other names."""
    words = ["amber", "blue", "coral", "dune", "ebony", "fern", "gold", "hazel", "iris", "jade"]
    return insert(clean, rng, [words[int(k)] for k in clean.y])


def copy_inverted(clean: Clean, rng: np.random.Generator) -> Planted:
    """The classes counted backwards."""
    return insert(clean, rng, (clean.n_classes - 1 - clean.y).astype(int))


def copy_many_codes(clean: Clean, rng: np.random.Generator) -> Planted:
    """Eight codes for each class, mixed up."""
    codes = rng.permutation(8 * clean.n_classes)
    return insert(clean, rng, codes[(clean.y * 8).astype(int) + rng.integers(0, 8, len(clean.y))] + 100)


def copy_with_typos(clean: Clean, rng: np.random.Generator) -> Planted:
    """The classes under other names, one cell in a thousand wrong or missing."""
    letters = np.array([f"{'KMTRXQZJWB'[int(k)]}" for k in clean.y], dtype=object)
    letters[rng.random(len(letters)) < 0.0005] = "K"
    letters[rng.random(len(letters)) < 0.0005] = None
    return insert(clean, rng, list(letters))


def number_linear(clean: Clean, rng: np.random.Generator) -> Planted:
    """The target in another unit."""
    return insert(clean, rng, 3.5 * clean.y - 20.0)


def number_monotone(clean: Clean, rng: np.random.Generator) -> Planted:
    """The target on another scale."""
    z = (clean.y - clean.y.mean()) / clean.y.std()
    return insert(clean, rng, -np.exp(0.7 * z))


def number_banded(clean: Clean, rng: np.random.Generator) -> Planted:
    """The target in eight bands with names."""
    bands = np.searchsorted(np.quantile(clean.y, np.linspace(0, 1, 9)[1:-1]), clean.y)
    return insert(clean, rng, [f"band {'CADBHFGE'[k]}" for k in bands])


def number_of_the_mean(clean: Clean, rng: np.random.Generator) -> Planted:
    """A folded function: how far the target lies from its mean, with its sign hidden in another digit."""
    return insert(clean, rng, np.round(np.arctan((clean.y - clean.y.mean()) / clean.y.std()), 6))


def _after(kind: str, coverage: float, stray: float) -> Plant:
    """Filled for a share of the positive rows and for a stray share of the others."""

    def plant(clean: Clean, rng: np.random.Generator) -> Planted:
        inside = positive(clean)
        filled = np.where(inside, rng.random(len(inside)) < coverage, rng.random(len(inside)) < stray)
        n = len(filled)
        if kind == "words":
            values = rng.choice(["A1", "B7", "C3", "D9"], n).astype(object)
        elif kind == "dates":
            start = date(2024, 1, 1)
            values = np.array(
                [(start + timedelta(days=int(d))).isoformat() for d in rng.integers(0, 360, n)], dtype=object
            )
        else:
            values = np.round(rng.gamma(2.0, 40.0, n) + 1.0, 2).astype(object)
        empty = 0.0 if kind == "zero" else None
        return insert(
            clean,
            rng,
            [value if is_filled else empty for value, is_filled in zip(values, filled, strict=True)],
        )

    return plant


def missing_for_outcome(clean: Clean, rng: np.random.Generator) -> Planted:
    """Lost for most rows with the outcome (a last survey that they no longer answer)."""
    gone = positive(clean) & (rng.random(len(clean.y)) < 0.8)
    values = rng.integers(1, 11, len(clean.y)).astype(object)
    return insert(
        clean, rng, [None if is_gone else value for value, is_gone in zip(values, gone, strict=True)]
    )


def _model(family: str, form: str) -> Plant:
    """A model's output: family "linear", "bayes" or "trees", out of fold unless the form says "fitted"."""

    def plant(clean: Clean, rng: np.random.Generator) -> Planted:
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
        from sklearn.linear_model import LogisticRegression, Ridge
        from sklearn.model_selection import KFold, cross_val_predict
        from sklearn.naive_bayes import GaussianNB
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        folds = KFold(4, shuffle=True, random_state=int(rng.integers(1000)))
        if not clean.n_classes:
            model = (
                make_pipeline(StandardScaler(), Ridge())
                if family == "linear"
                else HistGradientBoostingRegressor(max_iter=80)
            )
            return insert(clean, rng, np.round(cross_val_predict(model, clean.matrix, clean.y, cv=folds), 4))
        models = {
            "linear": LogisticRegression(max_iter=300),
            "bayes": GaussianNB(),
            "trees": HistGradientBoostingClassifier(max_iter=80),
        }
        model = make_pipeline(StandardScaler(), models[family])
        if form == "fitted":
            p = model.fit(clean.matrix, clean.y).predict_proba(clean.matrix)
        else:
            p = cross_val_predict(model, clean.matrix, clean.y, cv=folds, method="predict_proba")
        one = p[:, -1]
        if form == "pair":
            return insert(clean, rng, np.round(1 - one, 5), np.round(one, 5))
        if form == "percent":
            return insert(clean, rng, np.round(100 * one, 2))
        if form == "log odds":
            one = np.clip(one, 1e-6, 1 - 1e-6)
            return insert(clean, rng, np.round(np.log(one / (1 - one)), 4))
        return insert(clean, rng, np.round(one, 5))

    return plant


def id_in_order(clean: Clean, rng: np.random.Generator) -> Planted:
    """Rows were numbered after they had been sorted by the target; then shuffled."""
    order = np.argsort(clean.y + rng.uniform(0, 1e-6, len(clean.y)), kind="stable")
    numbers = np.empty(len(order), dtype=int)
    numbers[order] = np.arange(len(order)) + 100_000
    planted = insert(clean, rng, numbers)
    return Planted(planted.raw, planted.columns, frozenset(("L501", "L101")))


def id_with_prefix(clean: Clean, rng: np.random.Generator) -> Planted:
    """The first letters of an identifier say which list the row came from."""
    lists = np.where(positive(clean), "QX", "QA")
    numbers = rng.permutation(len(lists)) + 10_000
    planted = insert(clean, rng, [f"{a}-{b}" for a, b in zip(lists, numbers, strict=True)])
    return Planted(planted.raw, planted.columns, frozenset(("L501", "L101")))


def rows_sorted(clean: Clean, rng: np.random.Generator) -> Planted:
    """The file is sorted by the target."""
    order = np.argsort(clean.y + rng.uniform(0, 1e-6, len(clean.y)), kind="stable")
    return Planted(clean.raw[order], (), frozenset(("L502",)))


def _repeated(share: float) -> Plant:
    """A share of the rows stands in the table again, under another identifier."""

    def plant(clean: Clean, rng: np.random.Generator) -> Planted:
        again = rng.choice(clean.raw.height, int(share * clean.raw.height), replace=False)
        raw = clean.raw.drop(clean.identifiers)
        raw = pl.concat([raw, raw[again]])
        raw = raw[rng.permutation(raw.height)]
        raw = raw.insert_column(0, pl.Series("rec", [f"R{k:07d}" for k in range(raw.height)]))
        return Planted(raw, (), frozenset(("L601",)), {"id": "rec"})

    return plant


def entities(clean: Clean, rng: np.random.Generator) -> Planted:
    """Each of a third of the rows stands three times, a number of it changed a little: visits of one customer."""
    chosen = rng.choice(clean.raw.height, clean.raw.height // 3, replace=False)
    raw = clean.raw.drop(clean.identifiers)[np.repeat(chosen, 3)]
    key = pl.Series("xkey", [f"P{k:06d}" for k in np.repeat(rng.permutation(len(chosen)), 3)])
    raw = raw.insert_column(int(rng.integers(0, raw.width + 1)), key)
    raw = raw.insert_column(
        0, pl.Series("visit_length", np.round(rng.gamma(2, 30, raw.height), 2)).cast(pl.String)
    )
    return Planted(raw[rng.permutation(raw.height)], ("xkey",), frozenset(("L602",)))


def date_from_later(clean: Clean, rng: np.random.Generator) -> Planted:
    """A date of what came after the row's time, for the rows that had the outcome; else one before it."""
    start = date(2023, 1, 1)
    when = np.sort(rng.integers(0, 700, len(clean.y)))
    away = np.where(positive(clean), rng.integers(2, 60, len(clean.y)), -rng.integers(2, 400, len(clean.y)))
    planted = insert(clean, rng, [(start + timedelta(days=int(d))).isoformat() for d in when + away])
    times = pl.Series("as_of", [(start + timedelta(days=int(d))).isoformat() for d in when])
    raw = planted.raw.insert_column(0, times)
    return Planted(raw, planted.columns, VALUE_CODES | {"L701"}, {"time": "as_of"})


def date_refreshed(clean: Clean, rng: np.random.Generator) -> Planted:
    """A date that a later load has overwritten in one row of ten, whatever the outcome."""
    start = date(2023, 1, 1)
    when = np.sort(rng.integers(0, 700, len(clean.y)))
    away = np.where(
        rng.random(len(clean.y)) < 0.1, rng.integers(2, 60, len(clean.y)), -rng.integers(0, 400, len(clean.y))
    )
    planted = insert(clean, rng, [(start + timedelta(days=int(d))).isoformat() for d in when + away])
    raw = planted.raw.insert_column(
        0, pl.Series("as_of", [(start + timedelta(days=int(d))).isoformat() for d in when])
    )
    return Planted(raw, planted.columns, frozenset(("L701",)), {"time": "as_of"})


def later_target(clean: Clean, rng: np.random.Generator) -> Planted:
    """The target of the next row."""
    ahead = np.append(clean.y[1:], clean.y[0])
    planted = insert(clean, rng, [f"s{int(k)}" for k in ahead] if clean.n_classes else ahead)
    return Planted(planted.raw, planted.columns, frozenset(("L702",)))


def _at_serving(how: str) -> Plant:
    """A column that is good in training and, where the model serves, absent, empty or a constant."""

    def plant(clean: Clean, rng: np.random.Generator) -> Planted:
        planted = insert(clean, rng, np.round(rng.gamma(2.0, 25.0, len(clean.y)), 2))
        (name,) = planted.columns
        live = planted.raw.drop(clean.target)[rng.choice(clean.raw.height, 400, replace=False)]
        if how == "absent":
            live = live.drop(name)
        else:
            live = live.with_columns(pl.lit(None if how == "empty" else "0.0", dtype=pl.String).alias(name))
        return Planted(planted.raw, (name,), frozenset(("L801", "L802")), {}, live)

    return plant


CLASS_PLANTS: dict[str, dict[str, Plant]] = {
    "predicts too well": {
        "number, noise 0.15": _noisy_number(0.15),
        "number, noise 0.25": _noisy_number(0.25),
        "number, noise 0.3": _noisy_number(0.3),
        "label, 1 % wrong": _noisy_label(0.01),
        "label, 5 % wrong": _noisy_label(0.05),
        "label, 10 % wrong": _noisy_label(0.10),
    },
    "copy or function": {
        "renamed": copy_renamed,
        "inverted": copy_inverted,
        "many codes": copy_many_codes,
        "typos": copy_with_typos,
    },
    "filled in afterwards": {
        "words, all": _after("words", 1.0, 0.0),
        "numbers, 70 %": _after("numbers", 0.7, 0.0),
        "dates, 90 %, stray 1 %": _after("dates", 0.9, 0.01),
        "zero otherwise, 60 %": _after("zero", 0.6, 0.0),
        "lost for 80 %": missing_for_outcome,
    },
    "model output": {
        "linear": _model("linear", "share"),
        "linear, percent": _model("linear", "percent"),
        "linear, log odds": _model("linear", "log odds"),
        "linear, pair": _model("linear", "pair"),
        "naive Bayes": _model("bayes", "share"),
        "trees": _model("trees", "share"),
        "trees, fitted on these rows": _model("trees", "fitted"),
    },
    "identifier or order": {"number": id_in_order, "prefix": id_with_prefix, "row order": rows_sorted},
    "shared rows or entities": {
        "5 % again": _repeated(0.05),
        "20 % again": _repeated(0.2),
        "entities": entities,
    },
    "time travel": {
        "date after outcome": date_from_later,
        "date refreshed": date_refreshed,
        "later target": later_target,
    },
    "serving": {how: _at_serving(how) for how in ("absent", "empty", "constant")},
}

NUMBER_PLANTS: dict[str, dict[str, Plant]] = {
    "predicts too well": {"noise 0.05": _noisy_number(0.05), "noise 0.1": _noisy_number(0.1)},
    "copy or function": {
        "linear": number_linear,
        "monotone": number_monotone,
        "banded": number_banded,
        "arctan": number_of_the_mean,
    },
    "filled in afterwards": {
        "words, all": _after("words", 1.0, 0.0),
        "numbers, 70 %": _after("numbers", 0.7, 0.0),
        "lost for 80 %": missing_for_outcome,
    },
    "model output": {"linear": _model("linear", "value"), "trees": _model("trees", "value")},
    "identifier or order": {"number": id_in_order, "row order": rows_sorted},
    "shared rows or entities": {"20 % again": _repeated(0.2), "entities": entities},
    "time travel": {"date refreshed": date_refreshed, "later target": later_target},
    "serving": {how: _at_serving(how) for how in ("absent", "empty", "constant")},
}
