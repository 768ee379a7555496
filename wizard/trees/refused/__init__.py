"""Refused: whose address is it, who answered, and which rule or lack of listener."""
