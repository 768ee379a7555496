"""Netlink messages written and read by hand, where a library is too slow or forks."""
