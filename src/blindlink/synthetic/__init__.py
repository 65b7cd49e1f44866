"""The synthetic probation and treatment study with its truth, and the demo that plays it."""
