"""Workbooks (xlsx) as rows of text, streamed: cells say what a person sees in them, and nothing is computed.

Read with the standard library alone, because what no library tells is what matters here: which cells are formulas,
merged or hidden, and the date formats of Chinese spreadsheets. No entity is resolved, no more unpacked than announced.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import chain
from pathlib import Path
from posixpath import join, normpath
from typing import Any
from xml.parsers.expat import ParserCreate
from zipfile import ZipFile

from assistant.errors import InputError

_UNPACKED = 400_000_000  # bytes, of all parts together
_LAST_ROW, WIDEST = 1_048_576, 256
_MOST_WARNINGS = 20
_MOST_TEXTS = 2_000_000  # more than the largest file that may be uploaded has room for
_PIECE = 1 << 16
_OLE = bytes.fromhex("D0CF11E0A1B11AE1")  # what holds an encrypted workbook, and an xls
_NAMESPACES = (
    "http://schemas.openxmlformats.org/spreadsheetml/2006/main",
    "http://purl.oclc.org/ooxml/spreadsheetml/main",
    "http://schemas.openxmlformats.org/package/2006/relationships",
)
_TRUE = ("1", "true")
# Number formats that have no code of their own in the file; those from 27 on are dates in Chinese, and times.
_BUILTIN_DATES = {*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)}
_QUOTED = re.compile(r'"[^"]*"|\\.|\[[^]]*]|_.|General')
_PADDED = re.compile('(?:"([^"]*)")?(0{2,})')
_LETTERS = re.compile("[A-Z]{1,3}")
_ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")
_DAY_ONE = {False: datetime(1899, 12, 30), True: datetime(1904, 1, 1)}
# Before day 61 the two calendars of 1900 disagree; after the last there is no date.
_FIRST_DAY, _LAST_DAY = 61, 2_958_465
_EXACT = 10**15  # spreadsheets keep 15 digits of a number

_Attributes = Mapping[str, str]
_Start = Callable[[_Attributes], None]
_End = Callable[[str], None]


class _Damaged(Exception):
    """The file breaks the format."""


@dataclass
class _Book:
    """What all sheets share: texts, which styles show dates, which pad whole numbers, whether days count from 1904."""

    archive: ZipFile
    texts: Sequence[str]
    dates: frozenset[int]
    padded: Mapping[int, tuple[str, int]]
    from_1904: bool


def read_workbook(path: Path, file: str, warnings: list[str]) -> Iterator[tuple[int, list[str]]]:
    """Numbered rows that hold anything, of the one visible sheet that does; every row at least as wide as the first.

    A formula becomes a text that begins with `=`, a number that was rounded one in scientific notation. InputError,
    here or on the way: the file, called `file`, is none of this kind; what isn't read or seen is added to `warnings`.
    """
    try:
        yield from _rows(path, file, warnings)
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"{file}：文件不存在，请核对路径。") from None
    except IsADirectoryError as error:
        raise InputError(f"{file}：无法读取（{error.strerror}）。") from None
    except Exception:  # whatever a damaged file makes zipfile, zlib, expat and float raise
        raise InputError(f"{file}：文件已损坏，或不是 xlsx，请用 Excel 或 WPS 另存为 xlsx 后再导入。") from None


def _rows(path: Path, file: str, warnings: list[str]) -> Iterator[tuple[int, list[str]]]:
    with path.open("rb") as content:
        if content.read(len(_OLE)) == _OLE:
            raise InputError(f"{file}：文件有密码，或是旧版 Excel 文件，请另存为没有密码的 xlsx。")
        with ZipFile(content) as archive:
            parts = archive.infolist()
            if sum(part.file_size for part in parts) > _UNPACKED:
                raise InputError(f"{file}：解压后超过 {_UNPACKED // 10**6} MB，请分成几个文件。")
            if any(part.flag_bits & 1 for part in parts):
                raise InputError(f"{file}：文件有密码，请另存为没有密码的 xlsx。")
            book, sheets = _open(archive)
            width = 0
            for number, row in _only(book, sheets, file, warnings):
                if max(row) >= WIDEST:
                    raise InputError(f"{file} 第 {number} 行：内容超出第 {WIDEST} 列，请删去多余的列。")
                width = width or max(row) + 1
                yield number, [row.get(place, "") for place in range(max(width, max(row) + 1))]


def _only(
    book: _Book, sheets: Sequence[tuple[str, str, bool]], file: str, warnings: list[str]
) -> Iterator[tuple[int, dict[int, str]]]:
    """The rows of the one visible sheet that has any."""
    filled = []
    for name, part, hidden in sheets:
        sheet = _Sheet(book, part, file, warnings)
        rows = sheet.rows()
        if (first := next(rows, None)) is None:
            continue
        if hidden:
            warnings.append(f"工作表「{name}」是隐藏的，已忽略。")
        else:
            filled.append((name, chain([first], rows)))
    if len(filled) > 1:
        names = "、".join(f"「{name}」" for name, _ in filled)
        raise InputError(f"{file}：有内容的工作表不止一个（{names}），请只留一个，其余各存为一个文件。")
    for _, rows in filled:
        yield from rows


def _open(archive: ZipFile) -> tuple[_Book, list[tuple[str, str, bool]]]:
    """The workbook, and its sheets as (name, part, hidden)."""
    main = next(at for kind, at in _relations(archive, "").values() if kind.endswith("/officeDocument"))
    parts = _relations(archive, main)
    sheets: list[tuple[str, str, bool]] = []
    from_1904 = False
    for tag, attributes in _elements(archive, main, "workbookPr", "sheet"):
        if tag == "workbookPr":
            from_1904 = attributes.get("date1904") in _TRUE
        else:
            relation = next(value for key, value in attributes.items() if key.endswith("/relationships id"))
            kind, part = parts[relation]
            if kind.endswith("/worksheet"):
                sheets.append((attributes["name"], part, attributes.get("state", "visible") != "visible"))
    by_kind = {kind.rpartition("/")[2]: part for kind, part in parts.values()}
    texts = _texts(archive, by_kind["sharedStrings"]) if "sharedStrings" in by_kind else []
    codes = _format_codes(archive, by_kind["styles"]) if "styles" in by_kind else []
    dates = frozenset(place for place, code in enumerate(codes) if _is_date(code))
    padded = {place: found for place, code in enumerate(codes) if (found := _padding(code))}
    return _Book(archive, texts, dates, padded, from_1904), sheets


def _relations(archive: ZipFile, part: str) -> dict[str, tuple[str, str]]:
    """What a part refers to inside the file: id → (kind, part)."""
    folder, _, name = part.rpartition("/")
    found = {}
    for _, attributes in _elements(archive, join(folder, "_rels", f"{name}.rels"), "Relationship"):
        if attributes.get("TargetMode") != "External":
            found[attributes["Id"]] = attributes["Type"], normpath(join("/", folder, attributes["Target"]))[1:]
    return found


def _format_codes(archive: ZipFile, part: str) -> list[int | str]:
    """The number format of every cell style: its code, or its number where the file has no code for it."""
    codes, styles, inside = dict[int, str](), list[int](), False
    for tag, attributes in _elements(archive, part, "numFmt", "cellXfs", "cellStyles", "xf"):
        if tag == "numFmt":
            codes[int(attributes["numFmtId"])] = attributes["formatCode"]
        elif tag == "xf" and inside:
            styles.append(int(attributes.get("numFmtId", 0)))
        elif tag != "xf":
            inside = tag == "cellXfs"
    return [codes.get(kind, kind) for kind in styles]


def _is_date(code: int | str) -> bool:
    """Whether a format shows a number as a date or time."""
    if isinstance(code, str):
        return bool(re.search("[ymdhsYMDHS]", _QUOTED.sub("", code)))
    return code in _BUILTIN_DATES


def _padding(code: int | str) -> tuple[str, int] | None:
    """What a format such as `"T"0000` puts before a whole number, and to how many digits it fills it up."""
    found = _PADDED.fullmatch(str(code))
    return (found[1] or "", len(found[2])) if found else None


def _texts(archive: ZipFile, part: str) -> list[str]:
    """The texts that cells refer to by number."""
    texts = list[str]()
    content = _Content()

    def end(_: str) -> None:
        texts.append(_unescaped(content.taken()))
        if len(texts) > _MOST_TEXTS:
            raise _Damaged

    content.parser = _parser(content.starts, {**content.ends, "si": end})
    for _ in _feed(archive, part, content.parser):
        pass
    return texts


class _Content:
    """Gathers the text inside of elements that hold any; how it is pronounced is left out."""

    def __init__(self) -> None:
        self.parser: Any = None
        self.pieces = list[str]()
        self.formula = False
        self._spoken = False
        self.starts: dict[str, _Start] = {"t": self._text, "v": self._value, "f": self._formula, "rPh": self._phonetic}
        self.ends: dict[str, _End] = {"t": self._end, "v": self._end, "f": self._end, "rPh": self._phonetic_end}

    def taken(self) -> str:
        """What was gathered, once."""
        text = "".join(self.pieces)
        self.pieces.clear()
        return text

    def _text(self, _: _Attributes) -> None:
        if not self._spoken:
            self.parser.CharacterDataHandler = self.pieces.append

    def _value(self, _: _Attributes) -> None:
        if not self.formula:
            self.parser.CharacterDataHandler = self.pieces.append

    def _formula(self, _: _Attributes) -> None:
        self.formula = True
        self.parser.CharacterDataHandler = self.pieces.append

    def _end(self, _: str) -> None:
        self.parser.CharacterDataHandler = None

    def _phonetic(self, _: _Attributes) -> None:
        self._spoken = True

    def _phonetic_end(self, _: str) -> None:
        self._spoken = False


class _Sheet(_Content):
    """One sheet, read once. Rows and cells must stand in order, as the format demands."""

    def __init__(self, book: _Book, part: str, file: str, warnings: list[str]) -> None:
        super().__init__()
        self._book, self._part, self._file, self._warnings = book, part, file, warnings
        self._done = list[tuple[int, dict[int, str]]]()
        self._row = dict[int, str]()
        self._number, self._digits, self._place = 0, "", -1
        self._kind, self._style = "n", "0"
        self._merged = list[str]()
        self._is_hidden, self._hidden = False, 0
        self.starts |= {"c": self._cell, "row": self._begin, "col": self._columns, "mergeCell": self._merge}
        self.ends |= {"c": self._cell_end, "row": self._row_end}
        self.parser = _parser(self.starts, self.ends)

    def rows(self) -> Iterator[tuple[int, dict[int, str]]]:
        """Rows that hold anything: their number, and texts by place, both as the sheet counts, places from 0."""
        for _ in _feed(self._book.archive, self._part, self.parser):
            yield from self._done
            self._done.clear()
        if self._merged:
            what = "合并了单元格，只有第一格有内容，请取消合并并逐格填写。"
            raise InputError([f"{self._file} {cells}：{what}" for cells in self._merged])
        if self._hidden:
            self._warnings.append(f"有 {self._hidden} 行是隐藏的，也已读入。")

    def _begin(self, attributes: _Attributes) -> None:
        number = int(attributes.get("r", self._number + 1))
        if not self._number < number <= _LAST_ROW:
            raise _Damaged
        self._number, self._digits, self._place = number, str(number), -1
        self._is_hidden = attributes.get("hidden") in _TRUE

    def _cell(self, attributes: _Attributes) -> None:
        place = _column(attributes["r"].removesuffix(self._digits)) if "r" in attributes else self._place + 1
        if place <= self._place:
            raise _Damaged
        self._place = place
        self._kind, self._style = attributes.get("t", "n"), attributes.get("s", "0")
        self.formula = False

    def _cell_end(self, _: str) -> None:
        if self.formula or self.pieces:
            content = self.taken()
            self._row[self._place] = f"={content}" if self.formula else self._shown(content)

    def _row_end(self, _: str) -> None:
        if self._row:
            self._done.append((self._number, self._row))
            self._row = {}
            self._hidden += self._is_hidden

    def _merge(self, attributes: _Attributes) -> None:
        self._merged.append(attributes["ref"])

    def _columns(self, attributes: _Attributes) -> None:
        first, last = int(attributes["min"]), int(attributes["max"])
        # A stretch to the sheet's edge is the emptiness beside the table.
        if attributes.get("hidden") in _TRUE and last <= WIDEST and len(self._warnings) < _MOST_WARNINGS:
            place = f"第 {first} 列" if first == last else f"第 {first} 至 {last} 列"
            self._warnings.append(f"{place}是隐藏的，也已读入。")

    def _shown(self, content: str) -> str:
        kind = self._kind
        if kind == "s":
            place = int(content)
            if place < 0:
                raise _Damaged
            return self._book.texts[place]
        if kind == "n":
            style = int(self._style)
            if style in self._book.dates:
                return _dated(float(content), self._book.from_1904)
            number = _number(content)
            before, digits = self._book.padded.get(style, ("", 0))
            return before + number.zfill(digits) if number.isdecimal() else number
        if kind == "b":
            return "FALSE" if content == "0" else "TRUE"
        if kind == "d":
            return content.partition("T00:00:00")[0]
        return _unescaped(content)


def _number(content: str) -> str:
    """A number's shortest decimal, so that what was typed comes back; in scientific notation where digits were lost."""
    if content.isdecimal() and content.isascii() and len(content) < 16 and content[0] != "0":
        return content
    value = float(content)
    if not math.isfinite(value) or "_" in content:
        raise _Damaged
    if abs(value) >= _EXACT:
        return f"{value:.14E}"
    return str(int(value)) if value.is_integer() else format(Decimal(repr(value)), "f")


def _dated(value: float, from_1904: bool) -> str:
    """The date of a day's number, with the time where there is one; a number that is no date's as it is."""
    if not _FIRST_DAY <= value <= _LAST_DAY:
        return _number(repr(value))
    moment = _DAY_ONE[from_1904] + timedelta(days=int(value), seconds=round(value % 1 * 86_400))
    return str(moment.date() if value.is_integer() else moment)


@cache
def _column(letters: str) -> int:
    """The column called so, counted from 0. _Damaged: none is, as when a cell says that it stands in another row."""
    if not _LETTERS.fullmatch(letters):
        raise _Damaged
    place = 0
    for letter in letters:
        place = place * 26 + ord(letter) - ord("A") + 1
    return place - 1


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text) if "_x" in text else text


def _elements(archive: ZipFile, part: str, *tags: str) -> Iterator[tuple[str, _Attributes]]:
    """The elements of these names in a small part, in the order in which they begin."""
    begun: list[tuple[str, _Attributes]] = []

    def noted(tag: str) -> _Start:
        return lambda attributes: begun.append((tag, attributes))

    for _ in _feed(archive, part, _parser({tag: noted(tag) for tag in tags}, {})):
        yield from begun
        begun.clear()


def _parser(starts: Mapping[str, _Start], ends: Mapping[str, _End]) -> Any:
    """A parser that calls these at the beginning and the end of elements of the format's own."""
    begins = {f"{space} {tag}": call for space in _NAMESPACES for tag, call in starts.items()}
    closes = {f"{space} {tag}": call for space in _NAMESPACES for tag, call in ends.items()}

    def start(tag: str, attributes: _Attributes) -> None:
        if call := begins.get(tag):
            call(attributes)

    def end(tag: str) -> None:
        if call := closes.get(tag):
            call(tag)

    def refuse(*_: object) -> None:
        raise _Damaged

    parser = ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    # No workbook has a document type; without one there are no entities.
    parser.StartDoctypeDeclHandler = refuse
    return parser


def _feed(archive: ZipFile, part: str, parser: Any) -> Iterator[None]:
    """Parse a part piece by piece."""
    with archive.open(part) as content:
        while piece := content.read(_PIECE):
            parser.Parse(piece, False)
            yield
    parser.Parse(b"", True)
    yield
