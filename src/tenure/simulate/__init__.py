"""Worlds with a known truth, to try the whole circle on."""
