"""A study that declares itself: ``study.toml`` as models, in words, and against an agreement."""
