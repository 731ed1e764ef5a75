"""The numbers in a Chinese text, read a second way: no slip is shared with `assistant.figures`."""

import re
import unicodedata
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

_CHINESE = "零〇一二两三四五六七八九十百千万亿"
_DIGITS = {char: value for value, char in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_SCALES = {"十": 10, "百": 100, "千": 1000, "万": 10**4, "亿": 10**8}
_TOKEN = re.compile(
    rf"""
      (?<!\d)(?P<date>\d{{4}})[-/.年](?P<month>\d{{1,2}})(?:[-/.月](?P<day>\d{{1,2}})(?!\d)|月)
    | (?<!\d)(?P<month2>\d{{1,2}})月(?P<day2>\d{{1,2}})日
    | (?P<name>(?<![A-Za-z0-9])[A-Za-z]+[-_]?\d[A-Za-z0-9]*)
    | (?P<number>\d{{1,3}}(?:,\d{{3}})+(?:\.\d+)?|\d+(?:\.\d+)?)(?P<scale>[百千万亿]*)(?P<sign>\s*%)?
    | 百分之(?P<percent>[{_CHINESE}点]+)
    | (?P<chinese>[{_CHINESE}]{{2,}}(?:点[{_CHINESE}]+)?|[{_CHINESE}](?:点[{_CHINESE}]+)?(?=学时|课时|元|人|成))
    """,
    re.VERBOSE,
)
_IDIOMS = {"万一", "一一", "千万"}  # words, not numbers


class Token(NamedTuple):
    """A number, a share, a date (0 where a part isn't said) or a name with digits in it."""

    value: Fraction | tuple[int, int, int] | str
    is_share: bool
    said: str

    def is_proven_by(self, other: "Token") -> bool:
        """The same value; of a date, the same parts, as far as they are said."""
        if isinstance(self.value, tuple) and isinstance(other.value, tuple):
            return all(mine in (0, theirs) for mine, theirs in zip(self.value, other.value, strict=True))
        return (self.value, self.is_share) == (other.value, other.is_share)


def tokens(text: str) -> Iterator[Token]:
    """Everything with digits in it, in order. A whole date also yields its year as a number."""
    text = unicodedata.normalize("NFKC", text.replace("，", "、"))
    for match in _TOKEN.finditer(text):
        said = match[0]
        if match["date"]:
            yield Token((int(match["date"]), int(match["month"]), int(match["day"] or 0)), False, said)
            yield Token(Fraction(match["date"]), False, match["date"])
        elif match["month2"]:
            yield Token((0, int(match["month2"]), int(match["day2"])), False, said)
        elif match["name"]:
            yield Token(match["name"].upper(), False, said)
        elif match["number"]:
            value = Fraction(Decimal(match["number"].replace(",", "")))
            for scale in match["scale"]:
                value *= _SCALES[scale]
            yield Token(value, bool(match["sign"]), said)
        elif match["percent"]:
            yield Token(_chinese(match["percent"]), True, said)
        elif said not in _IDIOMS:
            yield Token(_chinese(said), False, said)


def _chinese(said: str) -> Fraction:
    """十二 is 12, 二〇二三 is 2023, 一万二千 is 12000, 三点五 is 3.5."""
    whole, _, part = said.partition("点")
    after = Fraction(int("0" + "".join(str(_DIGITS.get(char, 0)) for char in part)), 10 ** len(part))
    if len(whole) > 1 and not set(whole) & _SCALES.keys():
        return Fraction("".join(str(_DIGITS[char]) for char in whole)) + after
    total = section = digit = 0
    for char in whole:
        if char in _DIGITS:
            digit = _DIGITS[char]
        elif _SCALES[char] < 10**4:
            section, digit = section + (digit or 1) * _SCALES[char], 0
        else:
            total, section, digit = (total + section + digit) * _SCALES[char] or _SCALES[char], 0, 0
    return Fraction(total + section + digit) + after
