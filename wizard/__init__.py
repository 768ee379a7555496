"""The reasoning: cases, trees, causes, verdicts and reports.

This room knows what follows from the findings so far; it does no I/O at all. It may
use the types of `netwiz.probes`, and never imports textual or rich.
"""
