"""The screens, and what only they need."""
