"""What an operator sees: logs and metrics, never a value of a person."""
