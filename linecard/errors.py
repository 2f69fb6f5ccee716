"""What keeps the product from starting, told to the person at the shell."""


class StartError(Exception):
    """The product cannot start; the message says why and what to do."""
