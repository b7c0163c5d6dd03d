"""Predictions, outcomes and decisions: the rows that link everything."""
