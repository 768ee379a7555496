"""Property tests find the same examples each time, however slow the machine is."""

from hypothesis import settings

settings.register_profile("netwiz", deadline=None, derandomize=True, database=None)
settings.load_profile("netwiz")
