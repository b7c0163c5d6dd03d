"""The ways others ask for predictions: each turns its request into rows, and the answers into its own words."""
