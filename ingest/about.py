"""What a notice says of itself: title, number, issuer, dates, what it ends, and which enclosures it only names."""

import re
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import NamedTuple

from assistant.figures import numeral
from ingest.outline import Piece
from ingest.repair import Change

_KINDS = "通知|意见|办法|方案|计划|规定|细则|函|公告|通告|决定|要点|标准|条例|规划|指南"
_TITLE = re.compile(rf"[^。；;，]{{4,90}}(?:{_KINDS})(?:[(（][^()（）]{{1,8}}[)）])?")
_NUMBER = re.compile(r"[\u4e00-\u9fff]{2,12}[〔\[（(【]((?:19|20)\d\d)[〕\]）)】]\s*第?\d{1,4}号")
_OFFICE = re.compile(r"[^，。：；,:;、\s《》]{2,30}(?:局|厅|部|委员会|政府|办公室|发展学院)")
_DAY = re.compile(r"((?:19|20)\d\d)\s*[-年./]\s*(\d{1,2})\s*[-月./]\s*(\d{1,2})")
_SAID_DAY = re.compile(
    r"([〇零○一二三四五六七八九]{4})年([一二三四五六七八九十]{1,2})月([一二三四五六七八九十]{1,3})日"
)
_FROM = re.compile(r"自((?:19|20)\d\d)年(\d{1,2})月(\d{1,2})日起(?:正式)?(?:施行|实施|执行|生效)")
_UNTIL = re.compile(r"有效期(?:至|到)((?:19|20)\d\d)年(\d{1,2})月(\d{1,2})日")
_LASTS = re.compile(r"有效期(?:为)?([一二两三四五六七八九十\d]{1,3})年")
# One title or several in a row, each perhaps with its number; a title that is only mentioned before is not ended.
_REPEALED = re.compile(
    r"《([^《》]{4,90})》(?=(?:[(（][^()（）]{1,40}[)）]|《[^《》]{4,90}》|[、,，和及与])*(?![^。《》]{0,20}第[^。《》]{1,6}条)[^。《》]{0,20}废止)"
)
_ENCLOSED = re.compile(r"附件\s*(\d*)\s*[:：.．、]\s*(?:(\d{1,2})[.．、])?\s*(\S.*)")
_LISTED = re.compile(r"(\d{1,2})[.．、]\s*(\S.*)")


class About(NamedTuple):
    """A notice's own word on itself; None where it has none. `lines`: the places of its title and number."""

    title: str | None
    number: str | None
    issuer: str | None
    issued_on: date | None
    effective_from: date | None
    effective_to: date | None
    repeals: list[str]
    lines: list[tuple[int, int]]


def about(text: str, changes: Sequence[Change]) -> About:
    """What a repaired notice says of itself, the page around it (now in `changes`) included."""
    page = "\n".join(change.before for change in changes if change.kind == "页面杂项")
    head = list(_head(text))
    title, lines, issuer = _title(head)
    numbered = next(((line, start) for line, start in head if _NUMBER.fullmatch(line)), None)
    if numbered:
        lines.append((numbered[1], numbered[1] + 1))
    issued_on = _signed(text) or next(_days(page), None)
    effective_from = next(_days(found[0]), None) if (found := _FROM.search(text)) else None
    return About(
        title=title,
        number=re.sub(r"[\[（(【]((?:19|20)\d\d)[\]）)】]\s*第?", r"〔\1〕", numbered[0]) if numbered else None,
        issuer=_named(page) or _signature(text) or issuer,
        issued_on=issued_on,
        effective_from=effective_from,
        effective_to=_end(text, effective_from or issued_on),
        repeals=[found[1] for found in _REPEALED.finditer(text)],
        lines=lines,
    )


def absent(pieces: Sequence[Piece]) -> list[str]:
    """The enclosures that a notice names after its last clause and that don't follow it."""
    there = {piece.locator.split("/")[0] for piece in pieces}
    named: list[tuple[str, str]] = []
    for piece in pieces:
        if piece.locator == "尾":
            for line in piece.text.split("\n"):
                if found := _ENCLOSED.fullmatch(line):
                    named.append((found[1] or found[2] or "", found[3]))
                elif named and (listed := _LISTED.fullmatch(line)):
                    named.append((listed[1], listed[2]))
    return [f"附件{number}《{title.strip('《》')}》" for number, title in named if f"附件{number}" not in there]


def _head(text: str) -> Iterator[tuple[str, int]]:
    """The lines before the notice speaks to somebody or begins to number, each with its place."""
    at = 0
    for line in text.splitlines(keepends=True):
        words = line.strip()
        if re.search("[:：。]$", words) or re.match("[一二三四五六七八九十]、|第[一1]章", words) or len(words) > 90:
            return
        if words:
            yield words.lstrip("# "), at
        at += len(line)


def _title(head: Sequence[tuple[str, int]]) -> tuple[str | None, list[tuple[int, int]], str | None]:
    """The title, the places of its lines, and the office that stands above it."""
    for at, (line, start) in enumerate(head):
        above = head[at - 1] if at else None
        if not _TITLE.fullmatch(line):
            continue
        if above and "关于" not in line and "关于" in above[0] and not _TITLE.fullmatch(above[0]):
            title, first = above[0] + line, above[1]
        else:
            title, first = line, start
        office = title.split("关于")[0] or (above[0] if above else "")
        return title, [(first, start + 1)], office if _OFFICE.fullmatch(office) else None
    return None, [], None


def _named(page: str) -> str | None:
    found = re.search(r"(?:发布机构|发文机关|发布单位)\s*[:：]\s*(\S+)", page)
    return found[1] if found else None


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _signed(text: str) -> date | None:
    """The day under the signature: the last line that is a date, of the notice itself rather than an enclosure."""
    body = re.split(r"(?m)^\s*附件\s*\d*\s*$", text)[0]
    for line in reversed(_lines(body)):
        if len(line) <= 16:
            if days := list(_days(line)):
                return days[0]
            if said := _SAID_DAY.fullmatch(line):
                year = int("".join(str(_numeral(digit)) for digit in said[1].replace("○", "〇")))
                return _date(year, _numeral(said[2]), _numeral(said[3]))
    return None


def _numeral(said: str) -> int:
    return int(numeral(said) or 0)


def _signature(text: str) -> str | None:
    """The office in the line above the date of the signature."""
    lines = _lines(text)
    for above, line in pairwise(lines):
        if len(line) <= 16 and _DAY.match(line) and _OFFICE.fullmatch(above):
            return above
    return None


def _end(text: str, start: date | None) -> date | None:
    if found := _UNTIL.search(text):
        return next(_days(found[0]), None)
    if start and (found := _LASTS.search(text)):
        years = int(found[1]) if found[1].isdigit() else _numeral(found[1])
        after = _date(start.year + years, start.month, start.day) or date(start.year + years, 3, 1)
        return after - timedelta(days=1)
    return None


def _days(text: str) -> Iterator[date]:
    for found in _DAY.finditer(text):
        if day := _date(*map(int, found.groups())):
            yield day


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
