"""Projects, uploads, runs and their end: which state follows which. No HTTP, no private key."""
