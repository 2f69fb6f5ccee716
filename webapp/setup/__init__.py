"""Page area: what an ISP enters before its customers: POPs, networks, gear, plans, labels, gates."""
