"""What the guard raises."""


class Rejected(Exception):
    """Something in a text isn't proven; the message says what, for the log."""
