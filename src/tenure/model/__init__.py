"""Clean rows to a tuned, calibrated, evaluated and registered model."""
