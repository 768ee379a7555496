"""Unreachable: somebody, or this machine itself, says that there is no way."""
