"""What is agreed before any data: linkage schemas, comparisons, steps, hardenings, profiles."""
