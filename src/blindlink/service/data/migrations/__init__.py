"""The steps of the database schema, run by Alembic: ``blindlink serve --migrate``."""
