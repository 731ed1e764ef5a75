"""The figures in a Chinese text: Arabic and Chinese numerals, percentages, dates. Reads both sides of every comparison
of what is said with what is known, so a figure missed in one place is missed in the other."""

import re
import unicodedata
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

_DIGITS = {char: value for value, char in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_SCALES = {"十": 10, "百": 100, "千": 1000}
_MYRIADS = {"万": 10**4, "亿": 10**8}
_DIGIT = "[零〇一二两三四五六七八九]"
_NUMERAL = "[零〇一二两三四五六七八九十百千万亿]"

_LONGEST = 60  # characters: no number is said in more, save digit by digit

# What may follow a Chinese numeral of one character to make it a figure and not a part of a word (统一, 一旦, 哪一项).
_UNITS = "学时|课时|学分|小时|分钟|周年|年度|年|个月|月|日|天|周|次|门|条|项|人|名|位|个|期|批|类|元|倍|成|所|级|折"

_FIGURE = re.compile(
    rf"""
      (?P<date> (?<!\d) (?P<y>\d{{4}}) (?: [-/.](?P<m>\d{{1,2}})[-/.](?P<d>\d{{1,2}})(?!\d)
                                         | \s*年\s*(?P<m2>\d{{1,2}})\s*月 (?:\s*(?P<d2>\d{{1,2}})\s*日)? ) )
    | (?P<day>  (?<!\d) (?P<m3>\d{{1,2}})\s*月\s*(?P<d3>\d{{1,2}})\s*日 )
    | 百分之 (?P<percent> {_NUMERAL}+(?:点{_DIGIT}+)? | \d+(?:\.\d+)? )
    | (?P<number> \d{{1,3}}(?:,\d{{3}})+(?:\.\d+)? | \d+(?:\.\d+)? ) (?P<scale>[万亿])? (?P<sign>\s*%)?
    | (?P<chinese> {_NUMERAL}+点{_DIGIT}+(?=\s*(?:{_UNITS})) | {_NUMERAL}{{2,}}
                   | (?<![哪每这那任同唯统]) {_NUMERAL}(?=\s*(?:{_UNITS})) )
    """,
    re.VERBOSE,
)
_UNIT = re.compile(rf"\s*({_UNITS})")


class Figure(NamedTuple):
    """A figure. Dates are tuples (year, month, day), 0 where not said; percentages are fractions of one."""

    value: Fraction | tuple[int, int, int]
    unit: str
    said: str


def figures(text: str) -> Iterator[Figure]:
    """Every figure of `text`, in order. A date also yields its year as a plain figure."""
    # A full-width comma separates numbers; only a half-width one may stand inside of one.
    text = unicodedata.normalize("NFKC", text.replace("，", "、"))
    for match in _FIGURE.finditer(text):
        after = _UNIT.match(text, match.end())
        unit, said = after[1] if after else "", match.group()
        if match["date"]:
            month, day = match["m"] or match["m2"], match["d"] or match["d2"] or 0
            yield Figure((int(match["y"]), int(month), int(day)), "date", said)
            yield Figure(Fraction(int(match["y"])), "年", match["y"])
        elif match["day"]:
            yield Figure((0, int(match["m3"]), int(match["d3"])), "date", said)
        elif match["percent"]:
            number = match["percent"]
            value = _decimal(number) if number[0].isdigit() else numeral(number)
            if value is not None:
                yield Figure(value / 100, "%", said)
        elif match["number"]:
            value = _decimal(match["number"].replace(",", "")) * _MYRIADS.get(match["scale"] or "", 1)
            yield Figure(value / 100, "%", said) if match["sign"] else Figure(value, unit, said)
        elif (value := numeral(match["chinese"])) is not None:
            yield Figure(value, unit, said)


def numeral(chars: str) -> Fraction | None:
    """The value of a Chinese numeral (三十, 二〇二三, 一亿二千万, 三点五); None where the characters make none."""
    if len(chars) > _LONGEST and not set(chars) <= _DIGITS.keys():
        return None
    whole, _, part = chars.partition("点")
    if part:
        value = numeral(whole)
        return None if value is None else value + _decimal("0." + _as_digits(part))
    if len(chars) > 1 and all(char in _DIGITS for char in chars):
        return _decimal(_as_digits(chars))
    for myriad in ("亿", "万"):
        if myriad in chars:
            left, _, right = chars.rpartition(myriad)
            high, low = (
                numeral(left) if left else Fraction(1),
                numeral(right.removeprefix("零")) if right else Fraction(0),
            )
            return None if high is None or low is None else high * _MYRIADS[myriad] + low
    value, digit = Fraction(0), None
    for char in chars:
        if char in _DIGITS:
            if digit:
                return None
            digit = _DIGITS[char]
        else:
            value += (1 if digit is None else digit) * _SCALES[char]
            digit = None
    return value + (digit or 0)


def _as_digits(chars: str) -> str:
    return "".join(str(_DIGITS[char]) for char in chars)


def _decimal(digits: str) -> Fraction:
    """By way of a decimal, which reads rows of digits of any length."""
    return Fraction(Decimal(digits))
