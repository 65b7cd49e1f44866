"""Statistics that no study owns."""
