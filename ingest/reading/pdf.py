"""PDF: lines joined into paragraphs again, tables as rows, without page numbers, running heads and what nobody sees."""

import logging
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from io import BytesIO
from itertools import groupby
from typing import Any

import pdfplumber
from pdfminer.converter import PDFPageAggregator
from pdfminer.layout import LTChar, LTItem, LTPage
from pdfminer.pdfcolor import PDFColorSpace
from pdfminer.pdfdevice import PDFTextSeq
from pdfminer.pdfdocument import PDFEncryptionError
from pdfminer.pdffont import PDFFont
from pdfminer.pdfinterp import PDFGraphicState, PDFPageInterpreter, PDFTextState
from pdfminer.pdfpage import PDFPage
from pdfplumber.page import Page
from pdfplumber.pdf import PDF
from pdfplumber.table import Table
from pdfplumber.utils.exceptions import PdfminerException

from ingest.reading.document import Hidden, Unreadable, hidden, table_row
from ingest.reading.layout import Line, PageLines, joined, paragraphs, without_margins

_Char = dict[str, Any]  # a character as pdfplumber has it; points, from the page's upper left corner
_UNKNOWN = "\ufffd"  # a glyph of which the file doesn't say what character it is
_SCANNED = "是扫描件，没有文字层：请先做文字识别（OCR），或换成 docx、txt。"
_FILLED_MODES, _UNSEEN_MODES = {0, 4}, {3, 7}  # ISO 32000-1, table 106: filled alone; neither filled nor stroked
_INKS = {"Separation", "DeviceN"}  # colour spaces in which 0 is no ink, and so white
# Letters nearer than this share of their size are one word; lines nearer than this many points are one line.
_SPACING: Mapping[str, Any] = {"x_tolerance_ratio": 0.3, "y_tolerance": 4}
# Radicals that fonts lend to the characters that look like them. Unicode knows those of Kangxi as such; of its further
# ones, these are whole characters.
_KANGXI = re.compile("[\u2f00-\u2fdf\uf900-\ufaff]")
_RADICALS = str.maketrans(
    "⺁⺇⺒⺓⺜⺝⺟⺠⺬⺶⻁⻄⻅⻆⻉⻋⻑⻓⻔⻗⻘⻙⻚⻛⻜⻝⻢⻣⻤⻥⻦⻧⻨⻩⻪⻫⻬⻭⻮⻯⻰⻱⻲⻳",
    "厂几巳幺日月母民示羊虎西见角贝车長长门雨青韦页风飞食马骨鬼鱼鸟卤麦黄黾斉齐歯齿竜龙龜亀龟",
)

# Told of damage that needn't concern whoever reads the text, in words that aren't ours.
for library in ("pdfminer", "pdfplumber"):
    logging.getLogger(library).setLevel(logging.CRITICAL)


class _Device(PDFPageAggregator):
    """Keeps each text's rendering mode in the graphic state, which its characters hold, and marks unknown glyphs."""

    def render_string(
        self, textstate: PDFTextState, seq: PDFTextSeq, ncs: PDFColorSpace, graphicstate: PDFGraphicState
    ) -> None:
        """As for any text."""
        graphicstate.mode = textstate.render  # type: ignore[attr-defined]
        super().render_string(textstate, seq, ncs, graphicstate)

    def handle_undefined_char(self, font: PDFFont, cid: int) -> str:
        """One character, so that they can be counted."""
        return _UNKNOWN


class _Page(Page):
    """A page whose characters know their rendering mode, under `mode`."""

    @property
    def layout(self) -> LTPage:
        """The page, drawn on a device of ours."""
        device = _Device(self.pdf.rsrcmgr, pageno=self.page_number, laparams=None)
        PDFPageInterpreter(self.pdf.rsrcmgr, device).process_page(self.page_obj)
        return device.get_result()

    def process_object(self, obj: LTItem) -> _Char:
        """As ever, and the mode."""
        found: _Char = super().process_object(obj)
        if isinstance(obj, LTChar):
            found["mode"] = getattr(obj.graphicstate, "mode", 0)
        return found


def read(content: bytes) -> tuple[str, list[Hidden]]:
    """Text and hidden parts. Unreadable: encrypted, a scan without text, or fonts that do not tell their characters."""
    try:
        with pdfplumber.open(BytesIO(content)) as pdf:
            return _read(pdf)
    except PdfminerException as error:
        if error.args and isinstance(error.args[0], PDFEncryptionError):
            raise Unreadable("加了密码，打不开：请取消密码保护，另存后再试。") from None
        raise


def _read(pdf: PDF) -> tuple[str, list[Hidden]]:
    pages: list[PageLines] = []
    found: list[Hidden] = []
    characters = unknown = 0
    is_scan = False
    for number, page_object in enumerate(PDFPage.create_pages(pdf.doc), 1):
        page = _Page(pdf, page_object, number)
        is_picture = sum(_area(image) for image in page.images) > page.width * page.height / 2
        is_scan |= _mark(page, is_picture)
        for kind, group in groupby(page.chars, key=lambda char: str(char["kind"])):
            found += hidden(kind, "".join(char["text"] for char in group)) if kind else []
        characters += len(page.chars)
        unknown += sum(char["text"] == _UNKNOWN for char in page.chars)
        pages.append(PageLines(page.cropbox, _lines(page)))
        if is_picture and not page.chars:
            found.append(Hidden("没有文字层的页", f"第 {number} 页"))
    if not pages:
        raise Unreadable("一页也读不出来，文件已损坏：请重新导出 PDF，或换成 docx、txt。")
    if not characters:
        raise Unreadable(_SCANNED)
    if unknown * 10 > characters:
        raise Unreadable("所用字体没有注明文字，读出来是乱码：请换成 docx、txt，或先做文字识别（OCR）。")
    if is_scan:
        found.append(Hidden("扫描件文字层", ""))
    return "\n".join(paragraphs(without_margins(pages))), found


def _mark(page: Page, is_picture: bool) -> bool:
    """Note on each character, under `kind`, what keeps a reader from seeing it; whether the page is a scan with text.

    Over the picture of a page, text recognition lays text that isn't drawn: with nothing else there, it is the text.
    """
    unseen = [char["mode"] in _UNSEEN_MODES for char in page.chars if not char["text"].isspace()]
    is_scan = is_picture and sum(unseen) > 0.9 * len(unseen)
    behind = [
        shape for shape in [*page.rects, *page.curves] if shape.get("fill") and not _is_white(shape)
    ] + page.images
    for char in page.chars:
        char["kind"] = _kind(char, page.cropbox, behind, is_scan)
    return is_scan


def _kind(char: _Char, box: Sequence[float], behind: Sequence[_Char], is_scan: bool) -> str:
    if char["mode"] in _UNSEEN_MODES and not is_scan:
        return "不可见文字"
    if char["size"] < 1:
        return "极小文字"
    if not _is_inside(char, box):
        return "页面外文字"
    a, b, *_ = char["matrix"]
    if min(abs(a), abs(b)) > 0.1 * max(abs(a), abs(b)):
        return "斜置的水印"
    is_white = char["mode"] in _FILLED_MODES and _is_white(char)
    return "白色文字" if is_white and not any(_is_inside(char, _box(shape)) for shape in behind) else ""


def _is_white(shape: _Char) -> bool:
    color = shape.get("non_stroking_color")
    parts = [part for part in (color if isinstance(color, tuple | list) else [color]) if isinstance(part, int | float)]
    if len(parts) == 4 or shape.get("ncs") in _INKS:
        return max(parts, default=1) < 0.05
    return min(parts, default=0) > 0.95


def _box(shape: _Char) -> tuple[float, float, float, float]:
    return shape["x0"], shape["top"], shape["x1"], shape["bottom"]


def _area(shape: _Char) -> float:
    return float((shape["x1"] - shape["x0"]) * (shape["bottom"] - shape["top"]))


def _is_inside(shape: _Char, box: Sequence[float]) -> bool:
    """Whether the middle of a shape lies in a box."""
    x, y = (shape["x0"] + shape["x1"]) / 2, (shape["top"] + shape["bottom"]) / 2
    return bool(box[0] <= x <= box[2] and box[1] <= y <= box[3])


def _lines(page: Page) -> list[Line]:
    """What can be seen of a page, from top to bottom."""
    # What is printed twice, a hair's breadth apart, is meant to be bold.
    seen = page.filter(lambda one: not one.get("kind")).dedupe_chars()
    # A table of one column is a frame around text.
    tables = [table for table in seen.find_tables() if any(len(row.cells) > 1 for row in table.rows)]
    cells = [cell for table in tables for cell in table.cells]
    prose = seen.filter(lambda one: one["object_type"] != "char" or not any(_is_inside(one, cell) for cell in cells))
    lines = [
        Line(_plain(line["text"]), line["x0"], line["x1"], line["top"], line["bottom"])
        for line in prose.extract_text_lines(return_chars=False, **_SPACING)
    ]
    lines += [row for table in tables for row in _rows(table)]
    return sorted(lines, key=lambda line: line.top)


def _rows(table: Table) -> Iterator[Line]:
    """The rows of a table. A cell that spans several rows is repeated in each, so that each can be read alone."""
    above: dict[int, tuple[float, str]] = {}  # column → where the cell ends below, its text
    for row, texts in zip(table.rows, table.extract(**_SPACING), strict=True):
        x0, top, x1, bottom = row.bbox
        cells: list[str] = []
        for column, (cell, text) in enumerate(zip(row.cells, texts, strict=True)):
            if cell is not None:
                above[column] = cell[3], reduce(joined, _plain(text or "").split("\n"))
            # Where neither a cell begins nor one from above goes on, one from the left does.
            if cell is not None or (column in above and above[column][0] > top + 1):
                cells.append(above[column][1])
        if line := table_row(cells):
            yield Line(line, x0, x1, top, bottom, is_row=True)


def _plain(text: str) -> str:
    return _KANGXI.sub(lambda match: unicodedata.normalize("NFKC", match[0]), text).translate(_RADICALS)
