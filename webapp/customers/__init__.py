"""Customers: the list, adding one, the card with its panels, the files kept with it."""
