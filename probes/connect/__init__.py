"""One attempt to connect, as the application would feel it."""
