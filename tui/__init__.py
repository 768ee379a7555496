"""The application: screens, key bindings, workers and the command line.

This room owns state and workers and may import every other room. Its heavy parts load
late: `netwiz --help` must not pay for them.
"""
