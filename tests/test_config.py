"""tenure.yaml: what is accepted, and how each mistake is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from tenure.config import config_schema, load_config, parse_config, resolve_reference
from tenure.errors import ConfigError

MINIMAL = "name: a\ndata:\n  source: x.csv\n  target: y\n"

EXAMPLE = """
name: telco-churn
data:
  source: data/telco.csv
  target: Churn
  positive: "Yes"
  id: customerID
  time: null
  group: null
  tables: {}
  exclude: []
features: {}
split: {validation: 0.2, test: 0.2, seed: 0}
model:
  candidates: [logistic, forest, xgboost, lightgbm, catboost]
  metric: roc_auc
  budget: 120s
fairness: {groups: [gender, SeniorCitizen], metric: equal_opportunity_difference, limit: 0.1}
business: {value_of_customer: 600, cost_of_contact: 5, cost_of_offer: 50, success_rate: 0.3}
serve: {log: journal, auth: {token: "${TENURE_TOKEN}"}, max_body: 1MB}
monitor: {window: 7d, label_delay: 30d, false_alarms: 0.05, schedule: "0 6 * * *"}
retrain: {when: [drift, performance, age], promote: automatic}
store: {registry: null, journal: null, data_remote: null}
"""


def test_the_file_of_the_contract_is_read():
    config = parse_config(EXAMPLE, "tenure.yaml")
    assert config.model.budget == 120.0
    assert config.monitor.window == 7 * 86400
    assert config.serve.max_body == 1_000_000
    assert config.data.positive == "Yes"


@pytest.mark.parametrize(
    ("text", "what", "line", "todo"),
    [
        ("model: {budgt: 3s}", "unknown key 'model.budgt'", 5, "did you mean 'budget'?"),
        ("mdel: {budget: 3s}", "unknown key 'mdel'", 5, "did you mean 'model'?"),
        ("serve: {auth: {tokn: a}}", "unknown key 'serve.auth.tokn'", 5, "did you mean 'token'?"),
        ("model:\n  zzz: 1", "unknown key 'model.zzz'", 6, "valid keys here: candidates, metric"),
        ("model: {candidates: [logistic, xgbost]}", "model.candidates.1", 5, "did you mean 'xgboost'?"),
        ("model: {budget: soon}", "a length of time such as 120s", 5, "correct the value"),
        ("model: {budget: 0s}", "model.budget", 5, "correct the value"),
        ("model: {candidates: forest}", "model.candidates", 5, "write a list: [forest]"),
        ("split: {test: 1.5}", "split.test", 5, "correct the value"),
        ("split: {test: 0.5, validation: 0.45}", "less than a tenth", 5, "correct the value"),
        ("serve: {auth: {token: hunter2}}", "${NAME} reference", 5, "correct the value"),
        ("features: {a: 3}", "features.a: input should be a valid string", 5, "correct"),
        ("leakage: {waive: {L999: {a: b}}}", "there is no check 'L999'", 5, "correct the value"),
        (
            "leakage: {waive: {L101: {a: ' '}}}",
            "L101 for 'a' is waived without a reason",
            5,
            "correct the value",
        ),
        ("name: b", "the key 'name' stands twice", 5, "keep one"),
        ("split: [", "not valid YAML", 5, "mend the syntax"),
    ],
)
def test_a_mistake_is_named_with_its_line_and_the_next_step(text, what, line, todo):
    with pytest.raises(ConfigError) as caught:
        parse_config(MINIMAL + text, "tenure.yaml")
    message = str(caught.value)
    assert what in message
    assert f"tenure.yaml, line {line}" in message
    assert todo in message


def test_a_secret_written_into_the_file_is_not_repeated():
    with pytest.raises(ConfigError) as caught:
        parse_config(MINIMAL + "serve: {auth: {token: hunter2}}", "tenure.yaml")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "positive"), [("true", "true"), ("yes", "yes"), ("No", "No"), ("1", "1"), ('"Yes"', "Yes")]
)
def test_a_label_is_text_however_yaml_reads_it(text, positive):
    assert parse_config(MINIMAL + f"  positive: {text}\n", "t").data.positive == positive


@pytest.mark.parametrize("text", ["", "- a", "just text", "name: a"])
def test_a_file_without_the_needed_keys_is_refused(text, tmp_path: Path):
    (tmp_path / "tenure.yaml").write_text(text)
    with pytest.raises(ConfigError):
        load_config(tmp_path / "tenure.yaml")


def test_a_missing_file_names_the_command_that_makes_one(tmp_path: Path):
    with pytest.raises(ConfigError, match="tenure init"):
        load_config(tmp_path / "tenure.yaml")


def test_the_schema_speaks_of_every_key():
    schema = config_schema()
    assert set(schema["properties"]) >= {
        "name",
        "data",
        "split",
        "model",
        "serve",
        "monitor",
        "retrain",
        "store",
    }
    assert schema["additionalProperties"] is False


def test_a_reference_is_resolved_from_the_environment(monkeypatch):
    monkeypatch.setenv("TENURE_TEST_TOKEN", "abc")
    assert resolve_reference("${TENURE_TEST_TOKEN}", "serve.auth.token") == "abc"
    monkeypatch.delenv("TENURE_TEST_TOKEN")
    with pytest.raises(ConfigError, match="TENURE_TEST_TOKEN"):
        resolve_reference("${TENURE_TEST_TOKEN}", "serve.auth.token")
