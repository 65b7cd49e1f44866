"""From pairs to links: non-matches, probabilities, thresholds, assignment, expected quality."""
