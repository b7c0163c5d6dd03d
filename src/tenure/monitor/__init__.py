"""Live rows against the reference: drift, realised performance, and the review that decides."""
