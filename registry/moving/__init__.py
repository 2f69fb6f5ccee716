"""Moving in: customers, plans, services, addresses and money from a file or another system, in one set."""
