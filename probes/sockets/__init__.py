"""Listeners and connections of a namespace, and the processes that hold them."""
