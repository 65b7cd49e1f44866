"""Invented people, sentences and treatment, with the truth apart."""
