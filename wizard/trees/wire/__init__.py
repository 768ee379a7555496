"""The wire itself: who asked for whom, and why nobody, or the wrong one, answers."""
