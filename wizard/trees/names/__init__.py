"""Names: what one means to the client, who says so, and why not."""
