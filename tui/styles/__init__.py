"""Stylesheets of the screens."""
