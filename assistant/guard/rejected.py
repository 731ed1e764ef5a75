"""What the guard raises."""


class Rejected(Exception):
    """Something in a text isn't proven. The message, for the log, says what kind of thing; `said`, for none, what."""

    def __init__(self, why: str, said: str = "") -> None:
        super().__init__(why)
        self.said = said
