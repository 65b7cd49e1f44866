"""The append-only log: entries, heads, proofs, receipts, and what others keep of it."""
