"""Ask a service of tenure for predictions, from Python: tenure.Client, and tenure.AsyncClient for event loops."""

from tenure.client.answers import Outcomes, Prediction, Reason, ServiceError
from tenure.client.connection import AsyncClient, Client

__all__ = ["AsyncClient", "Client", "Outcomes", "Prediction", "Reason", "ServiceError"]
