"""Texts in one script and width, so that two spellings of one thing compare equal."""

from functools import cache

from assistant.text import simplified
from ingest.repair.language import half_width


@cache
def plain(character: str) -> str:
    """A character alone in Simplified, half-width form: what two spellings of one thing have in common."""
    return half_width(simplified(character))


def plainly(text: str) -> str:
    """A text in Simplified, half-width form, as long as the text."""
    return "".join(map(plain, text))
