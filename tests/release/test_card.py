"""The model card says what matters and nothing that changes from run to run."""

from __future__ import annotations

from tenure.release.folder import write_release
from tests.builders import make_parts


def test_card_of_a_binary_model(tmp_path):
    parts = make_parts("binary")
    card = (write_release(tmp_path, parts) / "card.md").read_text()
    assert card.startswith("# customers: predicts churn\n")
    assert "- Decision: `Yes` from a probability of 0.4 on" in card
    assert "| on test rows | model | majority class | plain logistic |" in card
    assert (
        "| log loss | 0.4000 [0.3500, 0.4500] | 0.6000 [0.5000, 0.7000] | 0.5000 [0.4000, 0.6000] |" in card
    )
    assert "1. months: 1\n" in card
    assert "- customer: " in card
    assert "majority class beside it" in card
    assert "run-1" not in card
