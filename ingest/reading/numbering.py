"""Automatic numbers of a Word document, as Word would show them: 一、 （二） 第三条 1.2."""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from docx.oxml.ns import qn

_PLACE = re.compile(r"%([1-9])")


class _Level(NamedTuple):
    start: int
    format: str
    text: str  # %1 stands for the first level's number
    restart: int  # begins anew after any level above this one
    arabic: bool  # all places are shown in Arabic figures, whatever their own format


class Numbering:
    """The lists of one document. Its paragraphs are to be asked for in their order, each once."""

    def __init__(self, root: Any | None, styles: Mapping[str, Any]) -> None:
        """`root`: w:numbering, None where the document has none; `styles`: id → w:style."""
        self._styles = styles
        self._lists = _by_id(root, "w:abstractNum", "w:abstractNumId")
        self._uses = _by_id(root, "w:num", "w:numId")
        self._levels: dict[str, tuple[str, dict[int, _Level]]] = {}
        self._counts: dict[str, dict[int, int]] = {}
        self._begun: set[tuple[str, int]] = set()

    def next(self, use: str, level: int) -> str:
        """The next number of a list, by its w:numId and the level from 0; empty for a bullet or an unknown list."""
        if use not in self._levels:
            self._levels[use] = self._read(use)
        key, levels = self._levels[use]
        if level not in levels:
            return ""
        counts = self._counts.setdefault(key, {})
        override = self._override(use, level)
        if override is not None and (use, level) not in self._begun:
            counts[level] = override - 1
        self._begun.add((use, level))
        # A level above that no paragraph has used counts as used by now: so do word processors.
        for upper in (upper for upper in levels if upper < level):
            counts.setdefault(upper, levels[upper].start)
        counts[level] = counts.get(level, levels[level].start - 1) + 1
        for lower in [lower for lower in counts if lower in levels and lower > level and level < levels[lower].restart]:
            del counts[lower]
        return self._shown(levels, counts, level)

    def level_of(self, use: str, style: str) -> int:
        """The level that a style stands for in a list: 0 where none is named."""
        root = self._list(use)
        levels = [] if root is None else root.findall(qn("w:lvl"))
        for one in levels:
            if value(one, "w:pStyle") == style:
                return int(one.get(qn("w:ilvl")))
        return 0

    def _shown(self, levels: Mapping[int, _Level], counts: Mapping[int, int], level: int) -> str:
        def number(match: re.Match[str]) -> str:
            place = int(match[1]) - 1
            if place not in levels:
                return ""
            known = _FORMATS.get("decimal" if levels[level].arabic else levels[place].format, str)
            return known(counts.get(place, levels[place].start))

        if levels[level].format == "bullet":
            return ""
        shown = _PLACE.sub(number, levels[level].text).strip()
        # A Latin number would run together with a figure that follows it, a Chinese mark ends it by itself.
        return shown if not shown or shown[-1] in "、）：．" else shown + " "

    def _list(self, use: str) -> Any | None:
        """The w:abstractNum behind a use, by way of a list style where it names one."""
        for _ in range(2):
            root = self._lists.get(value(self._uses.get(use), "w:abstractNumId"))
            linked = None if root is None else self._styles.get(value(root, "w:numStyleLink"))
            if linked is None:
                break
            use = value(linked.find(f".//{qn('w:numPr')}"), "w:numId")
        return root

    def _read(self, use: str) -> tuple[str, dict[int, _Level]]:
        root = self._list(use)
        if root is None:
            return use, {}
        found = {int(one.get(qn("w:ilvl"))): _level(one) for one in root.findall(qn("w:lvl"))}
        # A use may bring levels of its own; it still counts along with the list.
        found |= {int(one.get(qn("w:ilvl"))): _level(one) for one in self._uses[use].iter(qn("w:lvl"))}
        return root.get(qn("w:abstractNumId")), found

    def _override(self, use: str, level: int) -> int | None:
        for one in self._uses[use].findall(qn("w:lvlOverride")):
            if one.get(qn("w:ilvl")) == str(level) and (start := value(one, "w:startOverride")):
                return int(start)
        return None


def _by_id(root: Any | None, tag: str, name: str) -> dict[str, Any]:
    return {} if root is None else {one.get(qn(name)): one for one in root.iter(qn(tag))}


def _level(element: Any) -> _Level:
    level = int(element.get(qn("w:ilvl")))
    restart = value(element, "w:lvlRestart")
    return _Level(
        int(value(element, "w:start") or 0),
        value(element, "w:numFmt") or "decimal",
        value(element, "w:lvlText"),
        int(restart) if restart else level,
        element.find(qn("w:isLgl")) is not None,
    )


def value(element: Any | None, child: str) -> str:
    """The w:val of an element's child, by a name such as `w:start`; empty where there is none."""
    found = None if element is None else element.find(qn(child))
    return "" if found is None else found.get(qn("w:val"), "")


def _chinese(number: int) -> str:
    """十二, 一百零一; beyond 9999 in Arabic figures."""
    if not 0 <= number <= 9999:
        return str(number)
    places = zip(str(number), ("千", "百", "十", "")[-len(str(number)) :], strict=True)
    said = "".join("零" if digit == "0" else "一二三四五六七八九"[int(digit) - 1] + unit for digit, unit in places)
    said = re.sub("零+", "零", said)
    said = said.rstrip("零") or "零"
    return said[1:] if said.startswith("一十") else said


def _one_of(characters: str) -> Callable[[int], str]:
    """A format that has a character for each of the first numbers, and goes on in Arabic figures."""
    return lambda number: characters[number - 1] if 0 < number <= len(characters) else str(number)


def _run(first: str, count: int) -> str:
    return "".join(chr(ord(first) + step) for step in range(count))


def _letters(number: int) -> str:
    return chr(ord("A") + (number - 1) % 26) * ((number - 1) // 26 + 1) if number > 0 else str(number)


def _roman(number: int) -> str:
    said = ""
    for value, sign in _ROMAN:
        said += sign * (number // value)
        number %= value
    return said


def _digits(number: int) -> str:
    return str(number).translate(str.maketrans("0123456789", "〇一二三四五六七八九"))


def _legal(number: int) -> str:
    return ("一" if 10 <= number < 20 else "") + _chinese(number)


_ROMAN = tuple(
    zip(
        (1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1),
        ("M", "CM", "D", "CD", "C", "XC", "L", "XL", "X", "IX", "V", "IV", "I"),
        strict=True,
    )
)
_SIMPLIFIED = str.maketrans("一二三四五六七八九十百千", "壹贰叁肆伍陆柒捌玖拾佰仟")
_TRADITIONAL = str.maketrans("一二三四五六七八九十百千", "壹貳參肆伍陸柒捌玖拾佰仟")
_CIRCLED = _run("①", 20) + _run("㉑", 15) + _run("㊱", 15)
_FORMATS: Mapping[str, Callable[[int], str]] = {
    "none": lambda number: "",
    "decimalZero": lambda number: f"{number:02}",
    "decimalFullWidth": lambda number: str(number).translate(str.maketrans("0123456789", "０１２３４５６７８９")),
    "decimalEnclosedCircle": _one_of(_CIRCLED),
    "decimalEnclosedCircleChinese": _one_of(_CIRCLED),
    "decimalEnclosedParen": _one_of(_run("⑴", 20)),
    "decimalEnclosedFullstop": _one_of(_run("⒈", 20)),
    "chineseCounting": _chinese,
    "chineseCountingThousand": _chinese,
    "taiwaneseCounting": _chinese,
    "taiwaneseCountingThousand": _chinese,
    "japaneseCounting": _chinese,
    "ideographDigital": _digits,
    "taiwaneseDigital": _digits,
    "japaneseDigitalTenThousand": _digits,
    "chineseLegalSimplified": lambda number: _legal(number).translate(_SIMPLIFIED),
    "ideographLegalTraditional": lambda number: _legal(number).translate(_TRADITIONAL),
    "ideographTraditional": _one_of("甲乙丙丁戊己庚辛壬癸"),
    "ideographZodiac": _one_of("子丑寅卯辰巳午未申酉戌亥"),
    "ideographEnclosedCircle": _one_of(_run("㊀", 10)),
    "upperLetter": _letters,
    "lowerLetter": lambda number: _letters(number).lower(),
    "upperRoman": _roman,
    "lowerRoman": lambda number: _roman(number).lower(),
}
