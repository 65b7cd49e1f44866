"""The linkage quality report as a page."""
