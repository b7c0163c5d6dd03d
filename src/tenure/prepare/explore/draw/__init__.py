"""An exploration as a page and as text: plain functions from facts to strings."""
