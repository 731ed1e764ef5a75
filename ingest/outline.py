"""Splitting an official notice into clauses by its own numbering (GB/T 9704: 一、（一）1.（1）, chapters and articles).

Locators are those of `ingest/structure.py`. A heading may stand in a line of its own or before its text; a list that
closes the notice, its offices, signature and date are its tail; what is enclosed under 附件N is numbered anew.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from assistant.figures import numeral
from ingest.structure import TAIL, number

_HAN = "[一二三四五六七八九十百]"
_FORMS = {
    form: re.compile(pattern)
    for form, pattern in {
        "编": rf"第({_HAN}+|\d+)编\s*",
        "章": rf"第({_HAN}+|\d+)章\s*",
        "节": rf"第({_HAN}+|\d+)节\s*",
        "条": rf"第({_HAN}+|\d+)条\s*",
        "一": rf"({_HAN}+)[、．.]\s*",
        "（一）": rf"[(（]({_HAN}+)[)）]\s*",
        "1": r"(\d{1,2})[.．、](?!\d(?!\d{3}年))\s*",
        "(1)": r"[(（](\d{1,2})[)）]\s*",
        "①": r"([①-⑳])\s*",
    }.items()
}
_WEAK = {"1", "(1)", "①"}  # an Arabic number may be anything: it counts only where it is the next one
_ATTACHMENT = re.compile(rf"附件\s*(\d+|{_HAN}+)?\s*[:：]?\s*(.*)")
_MARKDOWN = re.compile(r"#{1,6}\s+")
_FIGURE = re.compile(r"\d|百分之")
_HEADING = 60  # characters that a heading before its text may have
_DAY = r"\s*[\d一二三四五六七八九十]{1,3}\s*"
_DATE = re.compile(rf"[(（]?(?:\d{{4}}|[〇零○一二三四五六七八九]{{4}})\s*年{_DAY}月{_DAY}日?[)）]?")
_OFFICE = re.compile(r"[^，。：；,:;、]{2,30}(?:局|厅|部|委|委员会|政府|办公室|学院|中心|学校)")
_LIST = re.compile(rf"附件\s*(?:\d|{_HAN})*\s*(?:[:：.．、]|$)")  # of attachments
_CLOSING = re.compile(
    rf"{_LIST.pattern}|[(（]?联\s*系\s*(?:人|电话|方式)|[(（]此件|抄送|特此(?:通知|公告)|主题词"
    r"|\S+\s*\d{4}年\d{1,2}月\d{1,2}日印发"
)


class Piece(NamedTuple):
    """A clause of a notice. `start` and `end` bound it in the text."""

    locator: str
    heading: str
    text: str
    start: int
    end: int


class _Line(NamedTuple):
    text: str
    start: int
    end: int


@dataclass
class _Item:
    """A numbered clause as it is gathered; `run_in`: heading and text share a line, as all its like do."""

    path: tuple[str, ...]
    heading: str
    lines: list[_Line]
    run_in: bool = False
    body: list[str] = field(default_factory=list)


def outline(text: str, skip: Sequence[tuple[int, int]] = ()) -> list[Piece]:
    """The clauses of a notice, in order. `skip`: the places of lines that are no part of any (title, number)."""
    pieces: list[Piece] = []
    for prefix, heading, lines in _parts(_lines(text, skip)):
        items = _items(lines, prefix)
        _close(items, prefix)
        if prefix:
            first = lines[0] if lines else None
            place = (first.start, first.start) if first else (0, 0)
            pieces.append(Piece(prefix[0], heading, "", *place))
        pieces += _pieces(items)
    return _distinct(pieces)


def _lines(text: str, skip: Sequence[tuple[int, int]]) -> list[_Line]:
    lines, at = list[_Line](), 0
    for line in text.splitlines(keepends=True):
        words = _MARKDOWN.sub("", line.strip(), count=1) if line.lstrip().startswith("#") else line.strip()
        if words and not any(start <= at < end for start, end in skip):
            lines.append(_Line(words, at, at + len(line.rstrip("\n"))))
        at += len(line)
    return lines


def _parts(lines: list[_Line]) -> Iterator[tuple[tuple[str, ...], str, list[_Line]]]:
    """The notice and its enclosures: locator prefix, title, lines."""
    starts = [at for at in range(len(lines)) if _encloses(lines, at)]
    starts = sorted({*starts, *_begun_anew(lines, starts)})
    yield (), "", lines[: starts[0] if starts else None]
    for start, end in pairwise([*starts, len(lines)]):
        named = _ATTACHMENT.fullmatch(lines[start].text)
        title, body = (named[2], start + 1) if named else ("", start)
        if not title and body < end and _is_title(lines[body].text):
            title, body = lines[body].text, body + 1
        yield (f"附件{_arabic(named[1]) if named and named[1] else ''}",), title, lines[body:end]


def _begun_anew(lines: list[_Line], starts: list[int]) -> Iterator[int]:
    """Where what a letter encloses begins at 一、 again, after signature and date, without a line that says 附件."""
    begun: set[str] = set()
    signed: int | None = None
    for at, line in enumerate(lines):
        found = _numbered(line.text)
        if at in starts:
            begun, signed = set(), None
        elif _DATE.fullmatch(line.text) and begun:
            signed = at + 1
        elif found and found[1] == 1 and found[0] in ("章", "一"):
            if signed is not None and found[0] in begun:
                yield signed
                begun, signed = set(), None
            begun.add(found[0])


def _encloses(lines: list[_Line], at: int) -> bool:
    """Whether an enclosure begins here: 附件 alone in its line, or with a title and something to read after it."""
    named = _ATTACHMENT.fullmatch(lines[at].text)
    if not named or at + 1 == len(lines) or re.match(r"附件\s*[:：]\s*\S", lines[at].text):
        return False
    after = lines[at + 1].text
    if not named[2]:
        return not (lines[at].text.endswith((":", "：")) and re.match(r"1[.．、]", after))
    closing = _ATTACHMENT.match(after) or _OFFICE.fullmatch(after) or _DATE.fullmatch(after)
    return bool(named[1]) and not closing and named[2][0] not in ".．、" and _is_title(named[2])


def _is_title(text: str) -> bool:
    return len(text) <= 60 and not re.search("[。；;：:]$", text) and _numbered(text) is None


def _arabic(said: str) -> str:
    return said if said.isdigit() else str(_value(said))


def _value(said: str) -> int:
    return int(said) if said.isdigit() else int(numeral(said) or 0)


def _numbered(text: str) -> tuple[str, int, int] | None:
    """The form and value of the number that a line begins with, and where the words after it begin."""
    for form, pattern in _FORMS.items():
        if match := pattern.match(text):
            said = match[1]
            value = ord(said) - ord("①") + 1 if form == "①" else _value(said)
            return form, value, match.end()
    return None


def _items(lines: list[_Line], prefix: tuple[str, ...]) -> list[_Item]:
    """The lines gathered under the numbers that they follow; what comes before the first under 0."""
    items = [_Item((*prefix, "0"), "", [])]
    stack: list[tuple[str, int, str]] = []  # form, value and locator part of the numbers that we are inside of
    last: dict[str, int] = {}
    listing = False
    for line in lines:
        found = _numbered(line.text)
        listing = listing or bool(_LIST.match(line.text))
        if found is None or (listing and found[0] in _WEAK) or not _follows(found[0], found[1], stack, last):
            items[-1].lines.append(line)
            items[-1].body.append(line.text)
            continue
        form, value, after = found
        listing = False
        if form in {one for one, _, _ in stack}:
            while stack[-1][0] != form:
                stack.pop()
            stack.pop()
        part = number(line.text[:after].strip()) or (line.text[:after].strip(), "")
        stack.append((form, value, part[0]))
        last[form] = value
        heading, rest = ("", line.text[after:]) if form == "条" else _heading(line.text[after:])
        item = _Item((*prefix, *(one for _, _, one in stack)), heading, [line], run_in=bool(rest) and form != "条")
        item.body += [rest] if rest else []
        items.append(item)
    return items


def _follows(form: str, value: int, stack: list[tuple[str, int, str]], last: dict[str, int]) -> bool:
    """Whether a number continues its list, or begins one below the number that we are inside of."""
    siblings = [known for one, known, _ in stack if one == form]
    if siblings:
        # A slip repeats a number, a table of contents or a plan without 附件 begins anew; 第一条 may be referred to.
        return value == siblings[-1] + 1 if form in _WEAK else value >= siblings[-1] or (value == 1 and form != "条")
    return value in (1, last.get(form, 0) + 1)


def _heading(words: str) -> tuple[str, str]:
    """A numbered line's heading and the text that follows in the same line."""
    end = words.find("。")
    if end < 0:
        says = len(words) > 2 * _HEADING or words.endswith(("；", ";", "，", ",")) or _FIGURE.search(words)
        return ("", words) if says else (words, "")
    if end == len(words) - 1 or end > _HEADING or _FIGURE.search(words, 0, end):
        return "", words  # a sentence, which must be quotable
    return words[:end], words[end + 1 :].strip()


def _close(items: list[_Item], prefix: tuple[str, ...]) -> None:
    """Move what closes the notice from its last clause into its tail."""
    last = items[-1]
    if len(items) == 1:
        return
    own = bool(last.heading) or len(last.body) == len(last.lines)  # the line of the number says something itself
    usual = max((len(one.body) for one in items[1:-1] if one.run_in and len(one.path) == len(last.path)), default=1)
    bodies = last.lines[1:] if not last.run_in else last.lines
    for at, line in enumerate(bodies):
        closing = _CLOSING.match(line.text) or _DATE.fullmatch(line.text) or _OFFICE.fullmatch(line.text)
        if (at or own) and ((closing and line is not last.lines[0]) or (last.run_in and at >= usual)):
            cut = last.lines.index(line)
            tail = _Item((*prefix, TAIL), "", last.lines[cut:], body=[one.text for one in last.lines[cut:]])
            del last.body[len(last.body) - len(tail.body) :]
            del last.lines[cut:]
            items.append(tail)
            return


def _pieces(items: list[_Item]) -> Iterator[Piece]:
    for item in items:
        if item.lines:
            text = "\n".join(item.body)
            yield Piece("/".join(item.path), item.heading, text, item.lines[0].start, item.lines[-1].end)


def _distinct(pieces: list[Piece]) -> list[Piece]:
    """Clauses that a slip numbered alike, told apart: the second 三 is 三~2."""
    seen: dict[str, int] = {}
    distinct = []
    for piece in pieces:
        seen[piece.locator] = times = seen.get(piece.locator, 0) + 1
        distinct.append(piece if times == 1 else piece._replace(locator=f"{piece.locator}~{times}"))
    return distinct
