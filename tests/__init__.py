"""The proof: unit tests per room, the screens, and the lab on a real Docker Engine."""
