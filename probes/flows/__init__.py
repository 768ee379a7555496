"""Who talks to whom in all namespaces: swept cheaply, joined, named and followed."""
