"""Traditional into Simplified characters, wording kept: OpenCC's `t2s`, which changes script and no word."""

from functools import cache

from opencc import OpenCC

from ingest.repair.language import half_width


@cache
def _converter() -> OpenCC:
    return OpenCC("t2s")


def simplified(text: str) -> str:
    """The text in Simplified characters; phrases decide where a character has two."""
    converted: str = _converter().convert(text)
    return converted


@cache
def plain(character: str) -> str:
    """A character alone in Simplified, half-width form: what two spellings of one thing have in common."""
    return half_width(simplified(character))


def plainly(text: str) -> str:
    """A text in Simplified, half-width form, as long as the text."""
    return "".join(map(plain, text))
