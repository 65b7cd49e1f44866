"""What the analyst does. Sees pseudonyms and attributes only: no identity, no encoding."""
