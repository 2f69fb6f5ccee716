"""GROUND: settings, database, money, clock, errors, live streams. No business word here."""
