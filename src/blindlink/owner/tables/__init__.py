"""Importing a raw extract: the columns and codes of a source system into the tables of a contract.

A cell that breaks the contract becomes missing, a row is never dropped unless it names no person,
and everything is counted by field (``findings``). Layouts and code lists are files (``layouts``).
"""
