"""Page area: the board of tickets of all customers."""
