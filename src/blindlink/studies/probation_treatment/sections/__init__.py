"""The sections of the report: each a function from a view of the release to a part of the page."""
