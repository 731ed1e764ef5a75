"""What a file is read into, and what the readers of all formats share."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

_SHOWN = 80  # characters of a text that was taken out: enough to know it by
_CJK = "\u2014-\u2026\u3001-\u303f\u3400-\u9fff\uf900-\ufaff\uff01-\uffee"
_WRAPPED = re.compile(rf"(?<=[{_CJK}])\s*\n\s*(?=[{_CJK}])")


class Hidden(NamedTuple):
    """Something that whoever reads the notice would not have seen. `kind`: in Chinese; `text`: its beginning."""

    kind: str
    text: str


class Document(NamedTuple):
    """A file as plain text: lines end in `\\n`, a row of a table is one line, `| 甲 | 乙 |`."""

    path: Path
    text: str
    hidden: list[Hidden]


class Unreadable(Exception):
    """A file can't be read. The text says why and how to mend it; whoever knows the file's name puts it in front."""


def excerpt(text: str) -> str:
    """The beginning of a text on one line, fit for a message: what can't be seen is escaped."""
    line = " ".join(text.split())
    line = line if len(line) <= _SHOWN else line[:_SHOWN] + "…"
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in line)


def hidden(kind: str, text: str) -> list[Hidden]:
    """What there is to tell of a text that was taken out: nothing, if it was white space."""
    return [Hidden(kind, excerpt(text))] if text.strip() else []


def squeeze(text: str) -> str:
    """White space as a browser shows it, but for a line's end between Chinese characters, which stands for nothing."""
    return " ".join(_WRAPPED.sub("", text).split())


def table_row(cells: Iterable[str]) -> str:
    """A row of a table as one line; empty where all cells are. A bar inside of a cell becomes a full-width one."""
    texts = [squeeze(cell).replace("|", "｜") for cell in cells]
    return f"| {' | '.join(texts)} |" if any(texts) else ""
