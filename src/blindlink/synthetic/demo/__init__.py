"""The whole study in one command."""
