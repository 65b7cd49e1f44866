"""From a release to a cohort folder."""
