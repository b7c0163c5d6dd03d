"""tenure: models that hold their post for as long as they earn it."""

__version__ = "0.1.0"
__all__ = ["__version__"]
