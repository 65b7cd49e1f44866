"""The bare tools."""
