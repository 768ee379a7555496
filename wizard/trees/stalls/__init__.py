"""Connected, and then: silence, a reset, an end."""
