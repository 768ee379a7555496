"""How much, how often, how fast: many attempts, queues on the way, throttling."""
