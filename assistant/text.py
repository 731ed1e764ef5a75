"""What is text at all, and in which characters it is written."""

import re
import unicodedata
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opencc import OpenCC

_NO_UTF8 = re.compile("[\ud800-\udfff]")
_NO_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_HAN = re.compile("[\u3400-\u9fff]+")


def is_utf8(said: str) -> bool:
    """Whether it can be written down: half of a surrogate pair can't."""
    return _NO_UTF8.search(said) is None


def is_text(said: str) -> bool:
    """Whether it can be written down and read: no control character but white space either."""
    return is_utf8(said) and _NO_TEXT.search(said) is None


def visible(said: str) -> str:
    """The text without characters that aren't seen and may turn round what stands beside them (Cf)."""
    return "".join(char for char in said if unicodedata.category(char) != "Cf")


def simplified(said: str) -> str:
    """The text in Simplified characters, by OpenCC's `t2s`, which changes the script and no word."""
    han = "".join(_HAN.findall(said))
    if not han or len(han.encode("gb2312", "ignore")) == 2 * len(han):
        return said  # GB2312 holds what Simplified texts are written in: OpenCC's start is spared
    converted: str = _converter().convert(said)
    return converted


@cache
def _converter() -> "OpenCC":
    from opencc import OpenCC

    return OpenCC("t2s")
