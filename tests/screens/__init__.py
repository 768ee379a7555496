"""The real screens, driven by keys."""
