"""TLS as a client meets it: handshakes, certificates as sent, who trusts them."""
