"""tenure for who works with scikit-learn: the real training and the release's own scores, behind fit and predict."""

from tenure.estimators.classifier import Classifier
from tenure.estimators.regressor import Regressor

__all__ = ["Classifier", "Regressor"]
