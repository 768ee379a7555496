"""What a person sees: panes, path drawing, packet list.

A widget is given data and says by messages what happened; it fetches nothing. It may
use the types of `netwiz.wizard` and `netwiz.probes`, and knows nothing of `netwiz.tui`.
"""
