"""Links, addresses, routes, neighbours and sysctls of a namespace; ARP questions."""
