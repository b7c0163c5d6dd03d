"""A telecom company whose customers leave for reasons we know.

The world writes a labelled history (`customers.csv`), and for each later month the rows that a
service would meet (`live_01.csv`) and what came of them (`outcomes_01.csv`). `truth.csv` holds every
row's true chance to leave, so the best possible ROC-AUC of the world is known. Each month is a fresh
cross-section of the same population: in the scenario `steady` nothing drifts but the calendar.

The tables are as untidy as real ones: blanks, "N/A", charges written "$64.80", letter-case variants,
a constant column, a date, a number of support calls that is sometimes missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from tenure.errors import ProjectError, TenureError, nearest_names

if TYPE_CHECKING:
    import polars as pl

Scenario = Literal["steady", "price_rise", "new_plan", "outage"]
SCENARIOS: tuple[str, ...] = get_args(Scenario)

Columns = dict[str, np.ndarray]

CONTRACTS = ("Month-to-month", "One year", "Two year")
PLANS = ("Basic", "Plus", "Premium", "Unlimited")
NEW_PLAN = "Family 5G"
PAYMENTS = ("Electronic check", "Bank transfer", "Credit card", "Mailed check")
REGIONS = ("North", "South", "East", "West", "Coast", "Highlands", "Capital", "Islands")
OUTAGE_REGIONS = ("Coast", "Islands")

PLAN_CHARGE = {"Basic": 32.0, "Plus": 55.0, "Premium": 78.0, "Unlimited": 95.0, NEW_PLAN: 69.0}
PLAN_DATA_GB = {"Basic": 3.0, "Plus": 12.0, "Premium": 30.0, "Unlimited": 60.0, NEW_PLAN: 90.0}

HISTORY_DATE = date(2025, 1, 1)
DAYS_A_MONTH = 30.4375
MIN_CUSTOMERS = 100
LIVE_SHARE = 5  # a live month has one row for every five of the history


@dataclass(frozen=True, slots=True)
class TelecomWorld:
    """Where the simulated tables are, and the truth behind them.

    change_month: the first live month (counted from 1) that differs from the history; None for steady.
    bayes_auc: ROC-AUC of the true chances, by month; month 0 is the history. No model can expect more.
    """

    directory: Path
    scenario: str
    seed: int
    customers: Path
    live: tuple[Path, ...]
    outcomes: tuple[Path, ...]
    truth: Path
    change_month: int | None
    bayes_auc: tuple[float, ...]
    churn_rate: tuple[float, ...]


def simulate(
    directory: Path | str,
    customers: int = 10_000,
    months: int = 3,
    scenario: str = "steady",
    seed: int = 0,
) -> TelecomWorld:
    """Write a telecom world into directory and say where everything is.

    customers: rows of the labelled history; each live month has a fifth of that. months: live months.
    scenario: steady; price_rise (from the change on, charges rise by a third and customers who pay by
    the month leave over the price, where the contract's length hardly mattered before); new_plan (a plan
    that the history has never seen takes a third of the base); outage (two regions lose service, call
    support and leave). The change comes in month 2, or in month 1 if that is the only one.
    The same arguments write the same bytes. Raises TenureError for a wrong argument and ProjectError when
    the folder can't be written.
    """
    _check(customers, months, scenario, seed)
    folder = Path(directory)
    change = None if scenario == "steady" else min(2, months)
    truths: list[pl.DataFrame] = []
    live, outcomes, aucs, rates = [], [], [], []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for month in range(months + 1):
            rng = np.random.default_rng([seed, month])
            n = customers if month == 0 else max(MIN_CUSTOMERS, customers // LIVE_SHARE)
            active = scenario if change is not None and change <= month else "steady"
            people = draw_customers(rng, n, active)
            chance = churn_chance(people, active)
            churned = rng.random(n) < chance
            table = _written(rng, people, month, first_id=0 if month == 0 else customers + (month - 1) * n)
            answers = table.select("customer_id").with_columns(churned=_yes_no(churned))
            if month == 0:
                table.with_columns(answers["churned"]).write_csv(folder / "customers.csv")
            else:
                live.append(folder / f"live_{month:02d}.csv")
                outcomes.append(folder / f"outcomes_{month:02d}.csv")
                table.write_csv(live[-1])
                answers.write_csv(outcomes[-1])
            truths.append(_truth(answers, month, chance))
            aucs.append(roc_auc(churned, chance))
            rates.append(float(churned.mean()))
        _stack(truths).write_csv(folder / "truth.csv")
    except OSError as error:
        raise ProjectError(
            f"the simulated tables can't be written: {error.strerror or error}",
            where=str(folder),
            todo="name a folder that you may write to, with space left",
        ) from error
    return TelecomWorld(
        directory=folder,
        scenario=scenario,
        seed=seed,
        customers=folder / "customers.csv",
        live=tuple(live),
        outcomes=tuple(outcomes),
        truth=folder / "truth.csv",
        change_month=change,
        bayes_auc=tuple(aucs),
        churn_rate=tuple(rates),
    )


def draw_customers(rng: np.random.Generator, n: int, scenario: str = "steady") -> Columns:
    """Draw n customers as clean columns, each of shape (n,), under the scenario's conditions.

    Charges are in dollars a month, tenure in months, data in gigabytes a month, outages in hours a month.
    """
    contract = rng.choice(CONTRACTS, n, p=(0.55, 0.24, 0.21))
    plan = rng.choice(PLANS, n, p=(0.28, 0.34, 0.24, 0.14))
    if scenario == "new_plan":
        plan = np.where(rng.random(n) < 1 / 3, NEW_PLAN, plan)
    bound = np.select([contract == "Two year", contract == "One year"], [1.9, 1.3], 0.75)
    tenure = np.clip(np.round(rng.gamma(1.4, 17.0, n) * bound), 0, 96)
    payment = rng.choice(PAYMENTS, n, p=(0.34, 0.24, 0.24, 0.18))
    by_hand = np.isin(payment, ("Electronic check", "Mailed check"))
    autopay = rng.random(n) < np.where(by_hand, 0.15, 0.8)
    age = np.clip(np.round(rng.normal(46, 16, n)), 18, 90)
    region = rng.choice(REGIONS, n, p=(0.16, 0.15, 0.14, 0.14, 0.12, 0.06, 0.18, 0.05))
    data_gb = _by_plan(plan, PLAN_DATA_GB) * rng.gamma(2.0, 0.5, n) * np.where(age < 30, 1.4, 1.0)
    charge = _by_plan(plan, PLAN_CHARGE) + rng.normal(0, 7.5, n) - 4.0 * (contract == "Two year")
    support = rng.poisson(rng.gamma(1.1, 1.1, n)).astype(np.float64)
    outage = np.where(rng.random(n) < 0.8, 0.0, rng.exponential(1.5, n))
    if scenario == "price_rise":
        charge = charge * rng.normal(1.34, 0.05, n)
    if scenario == "outage":
        hit = np.isin(region, OUTAGE_REGIONS)
        outage = outage + hit * rng.gamma(4.0, 3.0, n)
        support = support + hit * rng.poisson(2.5, n)
    return {
        "contract": contract,
        "plan": plan,
        "monthly_charge": np.round(np.maximum(charge, 9.99), 2),
        "tenure_months": tenure,
        "support_calls": support,
        "data_gb": np.round(data_gb, 1),
        "outage_hours": np.round(outage, 1),
        "payment_method": payment,
        "autopay": autopay,
        "age": age,
        "region": region,
    }


def churn_chance(people: Mapping[str, np.ndarray], scenario: str = "steady") -> np.ndarray:
    """The true chance of each customer to leave within the month, in (0, 1), shape (n,).

    A logistic model with a curve in tenure and two products, so that trees have something to find.
    """
    monthly = people["contract"] == "Month-to-month"
    two_year = people["contract"] == "Two year"
    price = (people["monthly_charge"] - 60.0) / 22.0
    newcomer = np.exp(-people["tenure_months"] / 9.0)
    calls = np.minimum(people["support_calls"], 6.0)
    by_check = people["payment_method"] == "Electronic check"
    logit = (
        -3.2
        + 1.45 * monthly
        - 1.15 * two_year
        + 0.45 * price
        + 2.1 * newcomer
        + 0.34 * calls
        + 0.55 * calls * newcomer
        + 0.10 * np.minimum(people["outage_hours"], 15.0)
        + 0.55 * by_check
        - 0.50 * people["autopay"]
        - 0.012 * (people["age"] - 46.0)
        - 0.35 * (people["plan"] == "Unlimited")
    )
    if scenario == "price_rise":
        # The old reasons fade; for those who pay by the month the bill decides, the others are bound.
        logit = 0.2 * logit - 0.6 + np.where(monthly, 1.9 * (price - 0.9), -1.2)
    if scenario == "new_plan":
        logit = logit - 1.2 * (people["plan"] == NEW_PLAN)
    return np.asarray(1.0 / (1.0 + np.exp(-logit)), dtype=np.float64)


def roc_auc(positive: np.ndarray, score: np.ndarray) -> float:
    """The chance that a random positive scores above a random negative; ties count half.

    positive: shape (n,), boolean.  score: shape (n,).  NaN when one class is missing.

    >>> roc_auc(np.array([False, True, True]), np.array([0.1, 0.1, 0.9]))
    0.75
    """
    n_positive = int(positive.sum())
    n_negative = len(positive) - n_positive
    if not n_positive or not n_negative:
        return float("nan")
    _, inverse, counts = np.unique(score, return_inverse=True, return_counts=True)
    midranks = np.cumsum(counts) - (counts - 1) / 2
    rank_sum = float(midranks[inverse][positive].sum())
    return (rank_sum - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative)


def _check(customers: int, months: int, scenario: str, seed: int) -> None:
    if scenario not in SCENARIOS:
        near = nearest_names([scenario], SCENARIOS)
        raise TenureError(
            f"there is no scenario {scenario!r}; there are {', '.join(SCENARIOS)}",
            todo=f"did you mean {near[0]}?" if near else "name one of them",
        )
    ranges = {
        "customers": (customers, MIN_CUSTOMERS, 9_999_999),
        "months": (months, 1, 99),
        "seed": (seed, 0, 2**63),
    }
    for name, (value, low, high) in ranges.items():
        if not low <= value <= high:
            raise TenureError(
                f"{name} must be from {low} to {high}, got {value}", todo=f"give --{name} in this range"
            )


def _by_plan(plan: np.ndarray, values: Mapping[str, float]) -> np.ndarray:
    names, codes = np.unique(plan, return_inverse=True)
    return np.array([values[str(name)] for name in names])[codes]


def _yes_no(flags: np.ndarray) -> pl.Series:
    import polars as pl

    return pl.Series(np.where(flags, "yes", "no").tolist(), dtype=pl.String)


def _written(rng: np.random.Generator, people: Columns, month: int, first_id: int) -> pl.DataFrame:
    """The customers as a person's export would hold them: text, blanks and odd spellings included."""
    import polars as pl

    n = len(people["age"])
    today = np.datetime64(HISTORY_DATE) + np.int64(round(month * DAYS_A_MONTH))
    days = np.round((people["tenure_months"] + rng.random(n)) * DAYS_A_MONTH).astype(np.int64)
    frame = pl.DataFrame(
        {
            "customer_id": [f"C{number:07d}" for number in range(first_id + 1, first_id + n + 1)],
            "signup_date": (today - days).astype("datetime64[D]"),
            **{name: column for name, column in people.items() if name != "autopay"},
            "autopay": np.where(people["autopay"], "Yes", "No"),
            "currency": ["USD"] * n,
        }
    )

    def some(share: float) -> pl.Series:
        return pl.Series(rng.random(n) < share)

    def text(name: str) -> pl.Expr:
        return pl.col(name).cast(pl.String)

    dollars = pl.format("${}", "monthly_charge")
    blank = pl.lit(None, dtype=pl.String)
    whole = pl.col("tenure_months", "support_calls", "age").cast(pl.Int64)
    return frame.with_columns(whole).with_columns(
        pl.col("signup_date").dt.strftime("%Y-%m-%d"),
        contract=_spelled(pl.col("contract"), some(0.02), some(0.01)),
        plan=_spelled(pl.col("plan"), some(0.01), some(0.01)),
        region=pl.when(some(0.01)).then(blank).otherwise(text("region")),
        monthly_charge=pl.when(some(0.05)).then(dollars).otherwise(text("monthly_charge")),
        support_calls=pl.when(some(0.04)).then(blank).otherwise(text("support_calls")),
        data_gb=pl.when(some(0.04)).then(pl.lit("N/A")).otherwise(text("data_gb")),
        age=pl.when(some(0.03)).then(blank).otherwise(text("age")),
    )


def _spelled(level: pl.Expr, lower: pl.Series, spaced: pl.Series) -> pl.Expr:
    """The level as it is, now and then in small letters, now and then with a stray space behind it."""
    import polars as pl

    return pl.when(lower).then(level.str.to_lowercase()).when(spaced).then(level + " ").otherwise(level)


def _truth(answers: pl.DataFrame, month: int, chance: np.ndarray) -> pl.DataFrame:
    import polars as pl

    return answers.select("customer_id", pl.lit(month).alias("month"), pl.Series("chance", chance), "churned")


def _stack(frames: list[pl.DataFrame]) -> pl.DataFrame:
    import polars as pl

    return pl.concat(frames)
