"""The study of housing and work with invented people, and its truth."""
