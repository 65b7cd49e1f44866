"""The synthetic probation and treatment study with its truth, and the demonstration that plays it."""
