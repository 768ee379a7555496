"""Slow, or only at times: many probes instead of one."""
