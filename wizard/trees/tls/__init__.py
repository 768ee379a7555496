"""TLS and what is said in it: versions, names, chains, clocks, HTTP."""
