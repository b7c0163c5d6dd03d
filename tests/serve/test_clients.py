"""Other people's own clients talk to the service: MLflow's and Triton's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from tests.serve.project import ServedProject
from tests.serve.test_server import server

from tenure.release.scorer import Scorer


@pytest.fixture
def scores(releases: dict[str, Path], rows: list[dict[str, Any]]) -> list[float | None]:
    scorer = Scorer.load(releases["first"])
    return [scorer.score_row(row).probability for row in rows]


def test_mlflows_client(project: ServedProject, rows: list[dict[str, Any]], scores: list[float]):
    pandas = pytest.importorskip("pandas")
    scoring = pytest.importorskip("mlflow.pyfunc.scoring_server.client")
    with server(project) as (address, _):
        place = urlsplit(address)
        client = scoring.ScoringServerClient(place.hostname, place.port)
        client.wait_server_ready(timeout=5)
        assert client.get_version()
        answer = client.invoke(pandas.DataFrame(json.loads(json.dumps(rows, default=str))))
        assert answer.get_predictions()["probability"].tolist() == scores
        with pytest.raises(Exception, match=r"error code 400.*BAD_REQUEST.*months"):
            client.invoke(pandas.DataFrame({"months": ["many"]}))


@pytest.mark.parametrize("binary", [True, False])
def test_tritons_client(
    project: ServedProject, rows: list[dict[str, Any]], scores: list[float], binary: bool
):
    triton = pytest.importorskip("tritonclient.http")
    # JSON has no NaN, by which this client means a missing number
    chosen = [place for place, row in enumerate(rows) if binary or None not in row.values()]
    assert len(chosen) > 5
    with server(project) as (address, _):
        client = triton.InferenceServerClient(urlsplit(address).netloc)
        assert client.is_server_live()
        assert client.is_server_ready()
        assert client.is_model_ready("customers")
        assert not client.is_model_ready("others")
        inputs = []
        for told in client.get_model_metadata("customers")["inputs"]:
            cells = [rows[place][told["name"]] for place in chosen]
            if told["datatype"] == "FP64":
                data = np.array([np.nan if cell is None else cell for cell in cells], dtype=np.float64)
            else:
                data = np.array(["" if cell is None else str(cell) for cell in cells], dtype=np.object_)
            inputs.append(triton.InferInput(told["name"], [len(cells)], told["datatype"]))
            inputs[-1].set_data_from_numpy(data, binary_data=binary)
        answer = client.infer("customers", inputs, request_id="r1")
        assert answer.as_numpy("probability").tolist() == [scores[place] for place in chosen]
        assert answer.get_response()["id"] == "r1"
        with pytest.raises(triton.InferenceServerException, match="not served here"):
            client.infer("others", inputs)
        client.close()
