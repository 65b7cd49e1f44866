"""From cells to filters and match keys."""
