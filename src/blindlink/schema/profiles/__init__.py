"""Profiles: a schema for whatever all owners can supply."""
