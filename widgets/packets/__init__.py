"""The packet list: a bounded ring of rows, what a filter leaves of it, and its view."""
