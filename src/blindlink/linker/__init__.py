"""What the trusted third party does. Sees encodings only: no identity, no secret, no attribute."""
