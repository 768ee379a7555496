"""Widgets and what they draw, without an application where possible."""
