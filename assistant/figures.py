"""The figures in a Chinese text: Arabic and Chinese numerals, shares, dates. Reads both sides of every comparison of
what is said with what is known, so a figure missed in one place is missed in the other.

What says an amount and can't be read as one figure (十几, 2×10³, l2, Ⅻ) is `opaque`: only the same words prove it.
"""

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
_MORE_THAN_ONE = "[零〇二两三四五六七八九十百千万亿]"
_ARABIC = r"\d+(?:\.\d+)?"

_LONGEST = 60  # characters: no number is said in more, save digit by digit

# What may follow a Chinese numeral of one character to make it a figure and not a part of a word (统一, 一旦, 哪一项).
_UNITS = "学时|课时|学分|小时|分钟|周年|年度|年|个月|月|日|天|周|次|门|条|项|人|名|位|个|期|批|类|元|倍|成|所|级|折"
# The same after any but 一, which before these is an article (一种, 一份, 一场).
_OTHERS = "学期|学年|季度|节|堂|场|种|篇|份|岁|家|届|轮|件|块|秒|班|组|步|科|方面|户|校|镇|市|县|处"
# After these a numeral that ends a clause is an amount, unit or not (还差九。).
_AMOUNTS = "差缺欠剩余入求满修补得要需共"
_TO = r"\s*[至到~～—–-]\s*"

_FIGURE = re.compile(
    rf"""
      (?P<date> (?<!\d) (?P<y>\d{{4}}) (?: [-/.](?P<m>\d{{1,2}})[-/.](?P<d>\d{{1,2}})(?!\d)
                                         | \s*年\s*(?P<m2>\d{{1,2}})\s*月 (?:\s*(?P<d2>\d{{1,2}})\s*日)? ) )
    | (?P<day>  (?<!\d) (?P<m3>\d{{1,2}})\s*月\s*(?P<d3>\d{{1,2}})\s*日 )
    | (?P<date_in_words> (?:(?P<y4>{_DIGIT}{{4}})年)? (?P<m4>[一二三四五六七八九十]{{1,2}})月
                         (?P<d4>[一二三四五六七八九十]{{1,3}})[日号] )
    | (?P<whole>{_NUMERAL}+|\d+)分之\s*(?P<part>{_NUMERAL}+(?:点{_DIGIT}+)?|{_ARABIC})
      (?: {_TO}(?:(?P=whole)分之)?(?P<to_part>{_NUMERAL}+(?:点{_DIGIT}+)?|{_ARABIC})(?!\s*(?:{_UNITS})) )?
    | (?P<minus> 负\s*|(?<![\da-zA-Z年月日号时%)])[-−–](?=\d) )?
      (?: (?P<mixed> (?:{_ARABIC}[十百千万亿]+){{2,}} | {_ARABIC}[十百千万亿]+\d+ )
        | (?P<number> \d{{1,3}}(?:,\d{{3}})+(?:\.\d+)? | {_ARABIC} ) (?P<scale>[百千万亿]+)?
          (?P<sign>\s*(?:%|‰|个百分点))? )
    | (?P<half> 一半 | 半数 | (?<![上下前后大小])半(?=天|年|个月|小时|学期) )
    | (?P<chinese> {_NUMERAL}+点{_DIGIT}+(?=\s*(?:{_UNITS})) | {_NUMERAL}{{2,}}
                   | (?<![哪每这那某另任同唯统几]) {_NUMERAL}(?=\s*(?:{_UNITS}))
                   | (?<![第其]) {_NUMERAL}(?={_TO}(?:{_NUMERAL}+|\d+)\s*(?:{_UNITS}))
                   | (?<![哪每这那某另任同唯统第]) {_MORE_THAN_ONE}(?=\s*(?:{_OTHERS}))
                   | (?:(?<=[{_AMOUNTS}])|(?<=[{_AMOUNTS}]\s)) {_MORE_THAN_ONE}(?=\s*(?:[^\w\s]|$))
                   | (?:(?<=[差缺欠剩])|(?<=[差缺欠剩]\s)) 一(?=\s*(?:[^\w\s]|$)) )
    """,
    re.VERBOSE,
)
_UNIT = re.compile(rf"\s*({_UNITS}|{_OTHERS})")
_SIGNS = {"%": 100, "‰": 1000, "个百分点": 100}

_IN_ENGLISH = (
    "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|half|double|dozens?|hundreds?|thousands?|millions?"
    "|(?:thir|four|fif|six|seven|eigh|nine)teen|(?:twen|thir|for|fif|six|seven|eigh|nine)ty"
)
_OPAQUE = re.compile(
    rf"""
      [a-z0-9_.-]*(?:[a-z][-_]?\d|\d[a-z])[a-z0-9_.-]*            # T0003, l2, 1.2e3
    | (?<![\d.-])0\d+(?![\d.]*-)                                # 06
    | \d[ ]+\d[\d ]* | \d[·•・'’_^×]+\d+ | \d+\s*/\s*\d+          # 1 2, 10^2, 2/3
    | 几[十百千万亿]+ | [十百千万]几 | [近逾超过上成数好][十百千万亿几]+(?![^\W\d_]*分之)
    | (?:\d[\d.,]*|{_NUMERAL}+)\s*[多余来](?=\s*(?:{_UNITS}|{_OTHERS}|[万亿]|[^\w\s]|$))
    | 负\s*{_NUMERAL}+ | (?<!{_NUMERAL})[一二两三四五六七八九]{{2}}(?=\s*(?:{_UNITS}|{_OTHERS}|[十百千万亿]))   # 三五天
    | (?:学时|课时|天|年|个|小时|周|月)半(?![年月天]) | 翻[倍番] | [成加]倍 | 过半 | [大多]半
    | [壹贰叁肆伍陆柒捌玖拾佰仟廿卅]+(?=\s*(?:{_UNITS}|{_NUMERAL}|[壹贰叁肆伍陆柒捌玖拾佰仟]|[^\w\s]|$))
    | (?<![a-z])(?:[ivxlcdm]{{2,}}|{_IN_ENGLISH})(?![a-z])
    """,
    re.VERBOSE | re.IGNORECASE,
)
# Characters that nearly all texts are made of: none is invisible, or a number of its own.
_PLAIN = re.compile(
    r"[\n\x20-\x7e\xb7\u2014\u2018-\u201d\u2026\u3001-\u3006\u3008-\u3020\u3400-\u9fff\ue000-\uf8ff\uff01-\uff5e]*"
)
_SIMPLIFIED = str.maketrans("學時課鐘週個門條項類級兩萬億點節種", "学时课钟周个门条项类级两万亿点节种")


class Figure(NamedTuple):
    """A figure. Dates are tuples (year, month, day), 0 where not said; shares are fractions of one, their unit `%`.

    `at`: where `said` begins in the `plain` text.
    """

    value: Fraction | tuple[int, int, int]
    unit: str
    said: str
    at: int = 0


def plain(text: str) -> str:
    """The text as an eye reads it: half-width, without invisible characters; what counts is in Simplified.

    A full-width comma separates numbers and becomes 、; only a half-width one may stand inside of one. Numbers in
    circles and the like stay as they are: ² beside a digit is no digit.
    """
    text = text.replace("，", "、")
    if _PLAIN.fullmatch(text):
        return unicodedata.normalize("NFKC", text).translate(_SIMPLIFIED)
    parts = re.split(f"([{odd}])", text) if (odd := "".join(filter(_is_odd, set(text)))) else [text]
    parts[::2] = [_visible(unicodedata.normalize("NFKC", _visible(part))) for part in parts[::2]]
    return "".join(parts).translate(_SIMPLIFIED)


def _visible(text: str) -> str:
    return "".join(char for char in text if unicodedata.category(char) not in ("Cf", "Mn", "Me"))


def figures(text: str) -> Iterator[Figure]:
    """Every figure of `text`, in order. A date also yields its year as a plain figure."""
    text = plain(text)
    for match in _FIGURE.finditer(text):
        yield from _read(match, text)


def opaque(text: str) -> Iterator[tuple[int, int]]:
    """The stretches (start, end) of the `plain` text that say an amount, or hold a digit, and are no one figure."""
    text = plain(text)
    undated = _FIGURE.sub(lambda match: "。" * len(match.group()) if _is_date(match) else match.group(), text)
    spans = [match.span() for match in _OPAQUE.finditer(undated)]
    if not _PLAIN.fullmatch(text):
        spans += [(at, at + 1) for at, char in enumerate(text) if _is_odd(char)]
    for match in _FIGURE.finditer(text):
        if not any(_read(match, text)):
            spans.append(match.span())
    yield from sorted(spans)


def _is_date(match: re.Match[str]) -> bool:
    return bool(match["date"] or match["day"] or match["date_in_words"])


def _read(match: re.Match[str], text: str) -> Iterator[Figure]:
    after = _UNIT.match(text, match.end())
    unit, said, at = after[1] if after else "", match.group(), match.start()
    if match["date"]:
        month, day = int(match["m"] or match["m2"]), match["d"] or match["d2"]
        if _is_day(month, day):
            yield Figure((int(match["y"]), month, int(day or 0)), "date", said, at)
            yield Figure(Fraction(int(match["y"])), "年", match["y"], at)
    elif match["day"]:
        if _is_day(int(match["m3"]), match["d3"]):
            yield Figure((0, int(match["m3"]), int(match["d3"])), "date", said, at)
    elif match["date_in_words"]:
        year, month_said, day_said = numeral(match["y4"] or "零"), numeral(match["m4"]), numeral(match["d4"])
        if year is not None and month_said and day_said:
            yield Figure((int(year), int(month_said), int(day_said)), "date", said, at)
            if match["y4"]:
                yield Figure(year, "年", match["y4"], at)
    elif match["part"]:
        whole = {"百": Fraction(100), "千": Fraction(1000), "万": Fraction(10**4)}.get(match["whole"])
        whole = whole or _amount(match["whole"])
        for part in filter(None, (match["part"], match["to_part"])):
            if whole and (value := _amount(part)) is not None:
                yield Figure(value / whole, "%", said, at)
    elif match["half"]:
        yield Figure(Fraction(1, 2), unit or "%", said, at)
    elif match["mixed"]:
        if (value := _mixed(match["mixed"])) is not None:
            yield Figure(-value if match["minus"] else value, unit, said, at)
    elif match["number"]:
        value = _decimal(match["number"].replace(",", ""))
        for scale in match["scale"] or "":
            value *= (_SCALES | _MYRIADS)[scale]
        value = -value if match["minus"] else value
        sign = (match["sign"] or "").strip()
        yield Figure(value / _SIGNS[sign], "%", said, at) if sign else Figure(value, unit, said, at)
    elif (value := numeral(match["chinese"])) is not None and not _OPAQUE.match(text, at):
        points = text.startswith("个百分点", match.end())
        yield Figure(value / 100, "%", said, at) if points else Figure(value, unit, said, at)


def _is_day(month: int, day: str | None) -> bool:
    return 1 <= month <= 12 and (day is None or 1 <= int(day) <= 31)


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


def _amount(said: str) -> Fraction | None:
    return _decimal(said) if said[0].isdecimal() else numeral(said)


def _mixed(said: str) -> Fraction | None:
    """1万2千: numbers each with its scale, the scales falling; None where one lacks its own (1万2)."""
    total, last = Fraction(0), None
    for number, scales in re.findall(rf"({_ARABIC})([十百千万亿]*)", said):
        scale = 1
        for char in scales:
            scale *= (_SCALES | _MYRIADS)[char]
        if scale == 1 or (last is not None and scale >= last):
            return None
        total, last = total + _decimal(number) * scale, scale
    return total


def _is_odd(char: str) -> bool:
    """Whether a character is a number of its own: ², ①, ½, Ⅻ."""
    return char != "〇" and unicodedata.category(char) in ("No", "Nl")


def _as_digits(chars: str) -> str:
    return "".join(str(_DIGITS[char]) for char in chars)


def _decimal(digits: str) -> Fraction:
    """By way of a decimal, which reads rows of digits of any length."""
    return Fraction(Decimal(digits))
