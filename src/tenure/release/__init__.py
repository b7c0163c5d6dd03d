"""What a release folder holds, and the arithmetic that training, batch and service share."""
