"""A study of another field: people on a housing register, and the work that they start."""
