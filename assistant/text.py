"""What is text at all."""


def is_text(said: str) -> bool:
    """Whether it can be written down as UTF-8: half of a surrogate pair can't."""
    return not any("\ud800" <= char <= "\udfff" for char in said)
