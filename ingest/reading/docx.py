"""Word documents: paragraphs and tables in order, numbered as Word numbers them, as if all changes were accepted."""

import re
import zipfile
from collections.abc import Iterator, Mapping
from io import BytesIO
from itertools import groupby
from typing import Any

import docx
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.oxml.ns import qn

from ingest.reading.document import Hidden, Unreadable, hidden, table_row
from ingest.reading.numbering import Numbering, value

_LARGEST = 200  # MiB, unpacked
_OLE = bytes.fromhex("d0cf11e0a1b11ae1")  # how both old Word files and encrypted new ones begin
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_DROPPED = {qn("w:del"), qn("w:moveFrom"), qn("w:rt"), _FALLBACK}
_TEXTS = {qn("w:t"), "{http://schemas.openxmlformats.org/officeDocument/2006/math}t"}
_SIGNS = {qn("w:tab"): "\t", qn("w:br"): "\n", qn("w:cr"): "\n", qn("w:noBreakHyphen"): "-"}
_WHITE = re.compile(r"([ef][0-9a-f]){3}", re.IGNORECASE)  # nobody reads a light grey on white either
_TINY = {"0", "1", "2", "3", "4"}  # half points
_OFF = {"0", "false", "off", "none", "nil"}
_PLAIN = {None, "", "auto", "none", "white", "FFFFFF"}


def read(content: bytes) -> tuple[str, list[Hidden]]:
    """Text and hidden parts of the body. Unreadable: no docx, encrypted, or too large once unpacked."""
    _check(content)
    document = docx.Document(BytesIO(content))
    styles = {style.get(qn("w:styleId")): style for style in document.styles.element.iter(qn("w:style"))}
    try:
        numbering = document.part.part_related_by(RELATIONSHIP_TYPE.NUMBERING).element  # type: ignore[attr-defined]
    except KeyError:
        numbering = None
    body = _Body(styles, Numbering(numbering, styles))
    blocks = [*body.blocks(document.element.body), body.carried]
    lines = [line for block in blocks for line in block.split("\n")]
    return "\n".join(line.rstrip() for line in lines if line.strip()), body.hidden


def _check(content: bytes) -> None:
    if content.startswith(_OLE):
        if _ENCRYPTED in content:
            raise Unreadable("加了密码，打不开：请取消密码保护，另存后再试。")
        raise Unreadable("是旧版 Word 文档（.doc）：请用 Word 或 WPS 打开，另存为 docx。")
    try:
        with zipfile.ZipFile(BytesIO(content)) as package:
            entries = package.infolist()
    except zipfile.BadZipFile:
        raise Unreadable("不是 docx 文件，或已损坏：请用 Word 或 WPS 打开，另存为 docx。") from None
    if sum(entry.file_size for entry in entries) > _LARGEST * 2**20:
        raise Unreadable(f"解压后超过 {_LARGEST} MB：请去掉其中的图片和附件，另存后再试。")
    if any(entry.flag_bits & 1 for entry in entries):
        raise Unreadable("加了密码，打不开：请取消密码保护，另存后再试。")


class _Body:
    """A document's body on its way to text; `hidden` is whole once the blocks have been gone through."""

    def __init__(self, styles: Mapping[str, Any], numbering: Numbering) -> None:
        self.hidden: list[Hidden] = []
        self.carried = ""  # text of a paragraph whose end was deleted: it goes on in the next one
        self._styles = styles
        self._numbering = numbering
        self._default = next(
            (
                name
                for name, style in styles.items()
                if style.get(qn("w:type")) == "paragraph" and style.get(qn("w:default")) in ("1", "true", "on")
            ),
            "",
        )

    def blocks(self, parent: Any) -> Iterator[str]:
        """The paragraphs and rows below an element, one text each."""
        for child in parent:
            if child.tag == qn("w:p"):
                yield from self._paragraph(child)
            elif child.tag == qn("w:tbl"):
                yield from self._table(child)
            elif child.tag not in _DROPPED:
                yield from self.blocks(child)

    def _paragraph(self, paragraph: Any) -> Iterator[str]:
        properties = paragraph.find(qn("w:pPr"))
        style = value(properties, "w:pStyle") or self._default
        pieces = [(self._kind(run, paragraph, style), text) for run, text in _pieces(paragraph)]
        for kind, group in groupby(pieces, key=lambda piece: piece[0]):
            if kind:
                self.hidden += hidden(kind, "".join(text for _, text in group))
        text = self.carried + "".join(text for kind, text in pieces if not kind)
        mark = None if properties is None else properties.find(qn("w:rPr"))
        if mark is not None and mark.find(qn("w:del")) is not None:
            self.carried = text
            return
        self.carried = ""
        number = "" if _is_on(mark, "w:vanish") else self._number(properties, style)
        yield number + text if text.strip() else ""
        for box in _boxes(paragraph):
            yield from self.blocks(box)

    def _table(self, table: Any) -> Iterator[str]:
        above: dict[int, str] = {}  # column → text of the cell that still spans it
        is_frame = len(table.findall(f"{qn('w:tblGrid')}/{qn('w:gridCol')}")) == 1
        rows = [row for row in table.iter(qn("w:tr")) if next(row.iterancestors(qn("w:tbl"))) is table]
        for row in rows:
            if row.find(f"{qn('w:trPr')}/{qn('w:del')}") is not None:
                continue
            cells: list[str] = []
            blocks: list[str] = []
            column = 0
            for cell in [cell for cell in row.iter(qn("w:tc")) if next(cell.iterancestors(qn("w:tr"))) is row]:
                blocks = list(self.blocks(cell))
                properties = cell.find(qn("w:tcPr"))
                merge = None if properties is None else properties.find(qn("w:vMerge"))
                if merge is None or merge.get(qn("w:val")) == "restart":
                    above[column] = "\n".join(blocks)
                cells.append(above.get(column, ""))
                column += int(value(properties, "w:gridSpan") or 1)
            yield from blocks if is_frame else [table_row(cells)]

    def _number(self, properties: Any | None, style: str) -> str:
        owners = [
            (properties, style),
            *((one.find(qn("w:pPr")), one.get(qn("w:styleId"))) for one in self._chain(style)),
        ]
        for owner, name in owners:
            found = None if owner is None else owner.find(qn("w:numPr"))
            if found is not None and (use := value(found, "w:numId")):
                level = value(found, "w:ilvl")
                return self._numbering.next(use, int(level) if level else self._numbering.level_of(use, name))
        return ""

    def _kind(self, run: Any, paragraph: Any, style: str) -> str:
        """What keeps a reader from seeing a run; empty: nothing."""
        own = run.find(qn("w:rPr"))
        styles = [*self._chain(value(own, "w:rStyle")), *self._chain(style)]
        layers = [own, *(one.find(qn("w:rPr")) for one in styles)]
        if next((on for layer in layers if (on := _is_on(layer, "w:vanish")) is not None), False):
            return "隐藏文字"
        color = next((color for layer in layers if (color := _color(layer))), "")
        if _WHITE.fullmatch(color) and not self._backed(paragraph, [*layers, *styles]):
            return "白色文字"
        size = next((size for layer in layers if (size := value(layer, "w:sz"))), "")
        return "极小文字" if size in _TINY else ""

    def _backed(self, paragraph: Any, layers: list[Any]) -> bool:
        """Whether something that isn't white lies behind a run: its own, its paragraph's, its cell's, its table's."""
        around = [paragraph.find(qn("w:pPr"))]
        for table in paragraph.iterancestors(qn("w:tc"), qn("w:tbl")):
            properties = table.find(qn("w:tcPr" if table.tag == qn("w:tc") else "w:tblPr"))
            around += [properties, *self._chain(value(properties, "w:tblStyle"))]
        return any(_is_shaded(layer) for layer in [*layers, *around] if layer is not None)

    def _chain(self, name: str) -> Iterator[Any]:
        """A style and those that it is based on."""
        seen: set[str] = set()
        while name and name not in seen and (style := self._styles.get(name)) is not None:
            seen.add(name)
            yield style
            name = value(style, "w:basedOn")


def _color(layer: Any | None) -> str:
    """A layer's colour; the theme's background is white."""
    color = None if layer is None else layer.find(qn("w:color"))
    if color is None:
        return ""
    return "FFFFFF" if color.get(qn("w:themeColor")) in ("background1", "light1") else color.get(qn("w:val")) or ""


def _pieces(parent: Any) -> Iterator[tuple[Any, str]]:
    """The texts below an element, each with its run: what was inserted is there, what was deleted isn't."""
    for child in parent:
        if child.tag in _DROPPED or child.tag == qn("w:txbxContent"):
            continue
        if child.tag in _TEXTS:
            yield parent, child.text or ""
        elif child.tag in _SIGNS and parent.tag == qn("w:r"):
            yield parent, _SIGNS[child.tag]
        else:
            yield from _pieces(child)


def _boxes(paragraph: Any) -> Iterator[Any]:
    """The text boxes that hang on a paragraph, without those inside of others or drawn again for old programs."""
    for box in paragraph.iter(qn("w:txbxContent")):
        outer = next(one for one in box.iterancestors(qn("w:p")))
        if outer is paragraph and not any(True for _ in box.iterancestors(_FALLBACK)):
            yield box


def _is_on(properties: Any | None, name: str) -> bool | None:
    """A property that is there or not, or denied; None: nothing is said."""
    found = None if properties is None else properties.find(qn(name))
    return None if found is None else found.get(qn("w:val"), "1") not in _OFF


def _is_shaded(properties: Any) -> bool:
    for mark in properties.iter(qn("w:shd"), qn("w:highlight")):
        pattern = mark.get(qn("w:val"))
        if mark.get(qn("w:fill")) not in _PLAIN or pattern not in {*_PLAIN, "clear", "nil"}:
            return True
    return False
