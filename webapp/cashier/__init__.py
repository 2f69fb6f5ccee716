"""The cashier: payments, debts, promises, services and their locks, the cutoff."""
