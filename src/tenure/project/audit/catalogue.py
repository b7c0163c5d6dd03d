"""The 28 tests of the ML Test Score, as data: what each asks, and what counts as evidence here.

Source: Breck, Cai, Nielsen, Salib, Sculley (2017), "The ML Test Score: A Rubric for ML Production Readiness and
Technical Debt Reduction", IEEE Big Data. The texts are in our own words.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Section = Literal["data", "model", "infrastructure", "monitoring"]
SECTIONS: tuple[Section, ...] = ("data", "model", "infrastructure", "monitoring")
LATER = "no part of tenure makes this evidence yet; a dated note may count for half"


@dataclass(frozen=True, slots=True)
class Test:
    """One test. key: as in the notes, such as data-1.  asks: in one sentence.  evidence: what earns the point."""

    key: str
    section: Section
    asks: str
    evidence: str


def _of(section: Section, *tests: tuple[str, str]) -> tuple[Test, ...]:
    return tuple(Test(f"{section}-{n}", section, *test) for n, test in enumerate(tests, start=1))


TESTS: tuple[Test, ...] = (
    *_of(
        "data",
        (
            "What is expected of every feature is written down in a schema.",
            "schema.json names every column that the champion reads, and is the one in its release",
        ),
        (
            "Every feature earns its place.",
            "permutation importance with intervals in the release: no feature whose interval ends below zero",
        ),
        (
            "No feature costs more than it brings.",
            "the run record holds the microseconds a row of every derived feature, none above 100",
        ),
        (
            "Features keep to the rules set for them: nothing forbidden, nothing that leaks.",
            "the leakage gate's findings on the champion's rows, none that stops; nothing of data.exclude is read",
        ),
        (
            "Personal data are protected along the whole way.",
            "no id or text in the release's golden rows and reference; every erasure finished, its receipt genuine",
        ),
        (
            "A new feature can be brought in quickly.",
            "the run record tells that features were proposed and judged within the run, in how many seconds",
        ),
        (
            "The code that makes features is tested.",
            "training rows, cleaned now by the table executor and by the row executor, agree bit for bit",
        ),
    ),
    *_of(
        "model",
        (
            "The model's specification is reviewed and under version control.",
            "git holds tenure.yaml as the run used it, and its last commit has a Reviewed-by trailer",
        ),
        (
            "What is measured offline goes with what happens live.",
            "a monitor report of the champion with enough outcomes: live and test intervals overlap",
        ),
        (
            "Hyperparameters were tuned.",
            "the run's plan has at least five completed trials of every family in the winner",
        ),
        (
            "It is known what an old model costs.",
            "a recorded review compared the champion with an older or newer model on later rows",
        ),
        (
            "No simpler model is as good.",
            "the paired gain over the plain linear model lies above zero, or the linear model won",
        ),
        (
            "The model is good on every slice that matters.",
            "slices with intervals in the release, none that fails",
        ),
        (
            "The model was looked at for whom it may treat unfairly.",
            "fairness figures by group in the release, none beyond its limit",
        ),
    ),
    *_of(
        "infrastructure",
        (
            "Training is reproducible.",
            "`tenure replay RUN` of the champion's run: the hashes of all files are those of the release",
        ),
        (
            "The model's specification is tested.",
            "the release loads with every hash right and scores its golden rows with the same bits, now",
        ),
        (
            "The whole way from data to model is tested together.",
            "the champion's run went from source to release with the tenure and the libraries that are installed now",
        ),
        (
            "Quality is checked before a model may serve.",
            "measured on sealed test rows, above the trivial model, before the promotion in the journal",
        ),
        (
            "A single example can be followed step by step.",
            "the effects on a golden row, computed now, sum with the base to its score",
        ),
        ("A model is tried on a small part of the traffic first.", LATER),
        (
            "One can go back to an earlier model, fast and safely.",
            "a rollback stands in the journal, and the release that it went back to is intact",
        ),
    ),
    *_of(
        "monitoring",
        ("A change in what the system depends on is told.", LATER),
        (
            "Training data and live data keep to the same rules.",
            "the latest monitor report of the champion compared enough live rows, and no column drifted",
        ),
        (
            "Training and serving compute the same features.",
            "the champion's latest answers in the journal, scored again as a table: the same bits",
        ),
        (
            "Models in service are not too old.",
            "the champion's run is younger than retrain.age, and a review was recorded within that time",
        ),
        (
            "The numbers stay sound.",
            "training rows scored now: every margin finite, probabilities within 0 and 1 and summing to 1",
        ),
        (
            "Speed and memory do not creep away.",
            "two monitor reports of the champion: the latest 99th percentile at most twice the first one's",
        ),
        (
            "Quality on live rows has not fallen.",
            "the champion's latest monitor report judged its outcomes, none worse by more than noise",
        ),
    ),
)
