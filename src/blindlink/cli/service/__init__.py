"""The linkage service and its client."""
