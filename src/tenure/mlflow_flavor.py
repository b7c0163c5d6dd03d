"""How MLflow loads a release: `mlflow.pyfunc.load_model(uri).predict(frame)`, from data files, without pickle."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tenure.monitor.windows import text_table
from tenure.release.scorer import Scorer

if TYPE_CHECKING:
    import pandas as pd


class ReleaseModel:
    """What MLflow calls. predict answers as `tenure predict` writes, without the id: prediction, and probabilities."""

    def __init__(self, scorer: Scorer) -> None:
        self.scorer = scorer

    def predict(self, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Score a pandas frame of raw rows. Raises ColumnsMissing when columns are absent that the schema asks for."""
        import pandas

        rows = [{str(name): cell for name, cell in row.items()} for row in model_input.to_dict("records")]
        scored = self.scorer.score_table(text_table(rows, self.scorer.recipe))
        found: dict[str, Any] = {"prediction": scored.predictions}
        if scored.probabilities is not None and self.scorer.task == "binary":
            found["probability"] = scored.probabilities[:, 1]
        elif scored.probabilities is not None:
            for place, label in enumerate(self.scorer.classes):
                found[f"probability_{label}"] = scored.probabilities[:, place]
        return pandas.DataFrame(found, index=model_input.index)


def _load_pyfunc(data_path: str) -> ReleaseModel:
    """MLflow's entry: data_path is the release folder. Raises ReleaseError where a file does not verify."""
    scorer = Scorer.load(Path(data_path))
    scorer.check_golden()
    return ReleaseModel(scorer)
