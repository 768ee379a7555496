"""What ping needs of a container, and whether echo requests are answered."""
