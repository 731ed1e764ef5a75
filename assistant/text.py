"""What is text at all."""

import unicodedata


def is_utf8(said: str) -> bool:
    """Whether it can be written down: half of a surrogate pair can't."""
    return all(unicodedata.category(char) != "Cs" for char in said)


def is_text(said: str) -> bool:
    """Whether it can be written down and read: no control character but white space either."""
    return is_utf8(said) and all(char in "\n\r\t" or unicodedata.category(char) != "Cc" for char in said)
