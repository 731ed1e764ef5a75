"""HTML as a reader sees it: a line a block, a line a table's row, and what the page hides told apart from its text.

Only what an element says of itself counts (its attributes and its `style`); style sheets are not evaluated.
"""

import re
from typing import Any, NamedTuple

from lxml import etree

from ingest.reading.document import Hidden, Unreadable, hidden, squeeze, table_row
from ingest.reading.text import decode

_CHARSET = re.compile(rb"charset\s*=\s*[\"']?\s*([\w-]+)", re.IGNORECASE)
_DROPPED = {"script", "style", "noscript", "template", "head", "title", "iframe", "object"}
_BLOCK = re.compile(
    "address|article|aside|blockquote|body|br|caption|center|d[dlt]|details|div|fieldset|figcaption|figure|footer|form|"
    "h[1-6]|header|hr|html|legend|li|main|nav|[ou]l|option|p|pre|section|summary|table|tbody|t[dhr]|tfoot|thead"
)
_DECLARATION = re.compile(r"([\w-]+)\s*:\s*([^;]*)")
_FAR_AWAY = re.compile(r"-\d{3,}.*")
_NEVER_SEEN = [
    ("display", re.compile("none")),
    ("visibility", re.compile("hidden|collapse")),
    ("opacity", re.compile(r"0*\.?0+%?")),
    *((property_name, _FAR_AWAY) for property_name in ("text-indent", "left", "top")),
]
_TINY = re.compile(r"0+(\.0*)?[a-z%]*|0*\.\d+(px|pt)")
_WHITE = re.compile(
    r"white|#fff.?|#(f[0-9a-f]){3}(..)?|transparent|rgba?\(\s*255[\s,]+255[\s,]+255.*|rgba\(.*[,/]\s*0*\.?0*\s*\)"
)
_WIDEST_SPAN = 64  # cells at once that go on into the next row: more is no table, and each row would be longer still
_LONGEST_CELL = 500  # characters: a longer cell holds a page laid out as a table


class _Look(NamedTuple):
    """What text inherits from the elements around it."""

    never_seen: bool = False
    white: bool = False
    backed: bool = False  # something that isn't white lies behind it
    tiny: bool = False

    @property
    def kind(self) -> str:
        """What keeps a reader from seeing text of this look; empty: nothing."""
        if self.never_seen:
            return "隐藏文字"
        if self.white and not self.backed:
            return "白色文字"
        return "极小文字" if self.tiny else ""


def read(content: bytes) -> tuple[str, list[Hidden]]:
    """Text and hidden parts. Unreadable: the encoding, or elements nested beyond what any page needs."""
    named = _CHARSET.search(content[:4096])
    text = decode(content, named[1].decode() if named else "")
    # Given as bytes, so that no declaration inside of the text is believed any more.
    parser = etree.HTMLParser(
        encoding="utf-8", huge_tree=True, no_network=True, remove_comments=True, remove_pis=True, recover=True
    )
    root = etree.fromstring(text.encode(), parser)
    if any("depth" in entry.message for entry in parser.error_log):
        raise Unreadable("标签嵌套过深，无法读全：请用浏览器打开，把正文复制到 txt 或 docx。")
    page = _Page()
    if root is not None:
        page.walk(root)
    return "\n".join(page.lines), page.hidden


class _Page:
    """A page on its way to text; `lines` and `hidden` are whole once it has been walked."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.hidden: list[Hidden] = []
        self._line: list[str] = []  # pieces of the line, or of the cell, that is being read
        self._number = ""  # of a list's item, for the line that comes next
        self._taken: list[str] = []
        self._kind = ""
        self._rows: _Rows | None = None  # of the table that is being read, where its rows are data
        self._in_cell = False  # of such a table
        self._numbers: list[int | None] = []  # the next number of each list that we are inside of

    def walk(self, root: Any) -> None:
        """Read an element and all in it, however deep."""
        looks = [_Look()]
        walker = etree.iterwalk(root, events=("start", "end"))
        for event, element in walker:
            if event == "end":
                looks.pop()
                self._end(element)
                self._write(element.tail, looks[-1].kind)
                continue
            looks.append(_look(element, looks[-1]))
            if element.tag in _DROPPED:
                walker.skip_subtree()
            else:
                self._start(element, looks[-1])
        self._break()
        self._tell()

    def _start(self, element: Any, look: _Look) -> None:
        tag = element.tag
        if _BLOCK.fullmatch(tag):
            self._break()
        if tag in ("td", "th"):
            self._in_cell = self._rows is not None
        if tag == "table" and self._rows is None and _is_data(element):
            self._rows = _Rows()
        elif tag in ("ol", "ul"):
            self._numbers.append(_integer(element.get("start"), 1) if tag == "ol" else None)
        elif tag == "li" and self._numbers and (number := self._numbers[-1]) is not None:
            self._number = "" if look.kind else f"{number}. "
            self._numbers[-1] = number + 1
        self._write(element.text, look.kind)

    def _end(self, element: Any) -> None:
        tag = element.tag
        if tag in ("ol", "ul"):
            self._numbers.pop()
        if self._rows is None or tag not in ("td", "th", "tr", "table"):
            if _BLOCK.fullmatch(tag):
                self._break()
            return
        if tag in ("td", "th"):
            self._in_cell = False
            self._rows.cell(
                "".join(self._line), _integer(element.get("colspan"), 1), _integer(element.get("rowspan"), 1)
            )
        elif tag == "tr":
            self._add(self._rows.end())
        else:
            self._rows = None
        self._line.clear()

    def _write(self, text: str | None, kind: str) -> None:
        if not text:
            return
        if not kind:
            self._line.append(text)
        if text.strip() and kind != self._kind:
            self._tell()
            self._kind = kind
        if kind:
            self._taken.append(text)

    def _break(self) -> None:
        """End the line; inside of a cell, that makes a space."""
        if self._in_cell:
            self._line.append(" ")
            return
        self._add(squeeze("".join(self._line)))
        self._line.clear()

    def _add(self, line: str) -> None:
        if line:
            self.lines.append(self._number + line)
            self._number = ""

    def _tell(self) -> None:
        self.hidden += hidden(self._kind, "".join(self._taken))
        self._taken.clear()


class _Rows:
    """The rows of one table. A cell that spans several rows is repeated in each, so that each can be read alone."""

    def __init__(self) -> None:
        self._cells: dict[int, str] = {}  # column → text, of the row being read
        self._column = 0
        self._spans: dict[int, tuple[str, int]] = {}  # column → text of a cell above, rows that it still covers

    def cell(self, text: str, columns: int, rows: int) -> None:
        """The next cell of the row."""
        self._fill()
        self._cells[self._column] = text
        if rows > 1 and len(self._spans) < _WIDEST_SPAN:
            self._spans[self._column] = text, rows - 1
        self._column += columns

    def end(self) -> str:
        """The row as a line; empty where it has no text."""
        for column in sorted(self._spans):
            self._column = max(self._column, column)
            self._fill()
        line = table_row(text for _, text in sorted(self._cells.items()))
        self._cells.clear()
        self._column = 0
        return line

    def _fill(self) -> None:
        while self._column in self._spans:
            text, left = self._spans.pop(self._column)
            self._cells[self._column] = text
            if left > 1:
                self._spans[self._column] = text, left - 1
            self._column += 1


def _look(element: Any, outer: _Look) -> _Look:
    if not element.attrib:
        return outer
    style = dict(_DECLARATION.findall(re.sub(r"/\*.*?\*/|!important", "", element.get("style", "").lower())))
    said = {name: value.strip() for name, value in style.items()}
    color = said.get("color", element.get("color", "").strip().lower())
    behind = " ".join(said.get(name, "") for name in ("background", "background-color", "background-image"))
    behind = re.sub(r"\s*,\s*", ",", f"{behind} {element.get('bgcolor', '').lower()}").strip()
    size = said.get("font-size")
    never_seen = (
        outer.never_seen
        or element.get("hidden") is not None
        or element.get("aria-hidden", "").strip().lower() == "true"
        or any(name in said and pattern.fullmatch(said[name]) for name, pattern in _NEVER_SEEN)
    )
    return _Look(
        never_seen,
        bool(_WHITE.fullmatch(color)) if color and color != "inherit" else outer.white,
        outer.backed or (bool(behind) and not all(map(_is_plain, behind.split()))),
        bool(_TINY.fullmatch(size)) if size and size != "inherit" else outer.tiny,
    )


def _is_plain(background: str) -> bool:
    return background in ("none", "inherit", "initial") or bool(_WHITE.fullmatch(background))


def _is_data(table: Any) -> bool:
    """Whether the rows of a table belong on a line each, and it isn't there to lay out the page."""
    if table.find(".//table") is not None or all(len(row.xpath("td | th")) < 2 for row in table.iter("tr")):
        return False
    return all(len("".join(cell.itertext())) <= _LONGEST_CELL for cell in table.iter("td", "th"))


def _integer(said: str | None, otherwise: int) -> int:
    return int(said) if said and said.isdecimal() and len(said) < 4 else otherwise
