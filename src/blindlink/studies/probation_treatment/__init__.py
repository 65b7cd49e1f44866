"""Sentences with a treatment requirement, and the treatment that follows."""
