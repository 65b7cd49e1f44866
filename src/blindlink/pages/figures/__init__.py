"""The report's figures: each a function from released tables to a drawing, or None without data."""
