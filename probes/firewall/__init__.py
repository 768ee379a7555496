"""The rules of every packet filter in a namespace, read and never written."""
