"""For authors of plug-ins: what every candidate must do, as checks that run on it."""

from tenure.testing.candidates import CHECKS, PromiseBroken, check_candidate

__all__ = ["CHECKS", "PromiseBroken", "check_candidate"]
