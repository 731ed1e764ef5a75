"""Printed pages back to running text: margins taken off, lines that were one paragraph made one again."""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from statistics import median
from typing import NamedTuple

_MARGIN = 0.12  # of a page's height: where page numbers and running heads stand
_FULL = 0.7  # of a page's width: where no line ends yet for want of room
_ROOM = 3  # letters that may be missing to a full line: a word or a quotation mark's neighbours, moved to the next
_NUMERAL = "[一二三四五六七八九十百]+"
_FOLIO = (
    rf"[-—–―－·•]\s*\d+\s*[-—–―－·•]|第\s*({_NUMERAL}|\d+)\s*页([,，/\s]*共\s*({_NUMERAL}|\d+)\s*页)?|\d+\s*/\s*\d+"
)
_IN_HEAD, _PAGE_NUMBER = re.compile(_FOLIO), re.compile(rf"{_FOLIO}|\d{{1,3}}")
_ITEM = re.compile(
    rf"{_NUMERAL}、|[(（]({_NUMERAL}|\d+)[)）]|\d+[.．、](?!\d)|第({_NUMERAL}|\d+)[编章节条](?=\s|$)|附件\d*(?=[:：\s]|$)|[①-⑳●•]"
)


class Line(NamedTuple):
    """A line of a page, or a row of a table. Points, from the page's upper left corner."""

    text: str
    x0: float
    x1: float
    top: float
    bottom: float
    is_row: bool = False


class PageLines(NamedTuple):
    """A page's lines from top to bottom, and the box of which they were read."""

    box: tuple[float, float, float, float]
    lines: list[Line]


def without_margins(pages: Sequence[PageLines]) -> list[PageLines]:
    """Without page numbers, and without what stands at the edge of most pages."""
    edges = [_edge(page) for page in pages]
    counts = Counter(head for edge in edges for head in {_IN_HEAD.sub("", line.text).strip() for line in edge})

    def is_margin(line: Line) -> bool:
        count = counts[_IN_HEAD.sub("", line.text).strip()]
        return bool(_PAGE_NUMBER.fullmatch(line.text)) or (count > 1 and count * 2 > len(pages))

    return [
        PageLines(page.box, [line for line in page.lines if not (line in edge and is_margin(line))])
        for page, edge in zip(pages, edges, strict=True)
    ]


def _edge(page: PageLines) -> list[Line]:
    """The first two and the last two lines, so far as they lie where a page has its margins."""
    _, top, _, bottom = page.box
    margin = (bottom - top) * _MARGIN
    prose = [line for line in page.lines if not line.is_row]
    return [line for line in prose[:2] + prose[-2:] if line.bottom < top + margin or line.top > bottom - margin]


def paragraphs(pages: Sequence[PageLines]) -> list[str]:
    """Lines that go on in the next one made one; a row of a table stays a line."""
    paragraphs: list[str] = []
    last: Line | None = None
    by_width: dict[int, list[Line]] = {}
    for page in pages:
        by_width.setdefault(_width(page), []).extend(line for line in page.lines if not line.is_row)
    columns = {width: _column(width, lines) for width, lines in by_width.items()}
    for page in pages:
        for line in page.lines:
            if last and columns[_width(page)].goes_on(last, line):
                paragraphs[-1] = joined(paragraphs[-1], line.text)
            else:
                paragraphs.append(line.text)
            last = line
    return paragraphs


class _Column(NamedTuple):
    """The margins between which text runs on pages of one width, and the usual gap between its lines. Points."""

    left: float
    right: float
    gap: float

    def goes_on(self, line: Line, after: Line) -> bool:
        """Whether a line goes on in the one after it: it is full, and no indent, number or gap begins something new."""
        em = line.bottom - line.top
        return (
            not line.is_row
            and not after.is_row
            and line.x1 > self.right - _ROOM * em
            and after.x0 < self.left + 0.8 * em
            and after.top - line.bottom <= 1.6 * self.gap + 1
            and not _ITEM.match(after.text)
        )


def _width(page: PageLines) -> int:
    return round(page.box[2] - page.box[0])


def _column(width: float, lines: Sequence[Line]) -> _Column:
    if not lines:
        return _Column(0, width, 0)
    outliers = len(lines) // 30  # a stamp's or a wide formula's lines say nothing of the margins
    gaps = [max(after.top - line.bottom, 0) for line, after in pairwise(lines) if after.top > line.top]
    return _Column(
        sorted(line.x0 for line in lines)[outliers],
        max(sorted(line.x1 for line in lines)[-1 - outliers], width * _FULL),
        median(gaps) if gaps else 0,
    )


def joined(text: str, more: str) -> str:
    """Two lines as one: words of Latin letters keep a space between them, Chinese has none."""
    is_latin = text[-1:].isascii() and more[:1].isascii() and more[:1].isalpha()
    return f"{text} {more}" if is_latin else text + more
