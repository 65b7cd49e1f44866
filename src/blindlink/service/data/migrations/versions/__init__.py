"""One file for one step of the schema."""
