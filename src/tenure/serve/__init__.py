"""A release answered over HTTP."""
