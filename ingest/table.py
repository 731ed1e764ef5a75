"""A record file as rows of text: read, its header understood, its kind told by its columns and not by its name."""

import codecs
import csv
import io
import re
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import count
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from assistant.errors import InputError
from assistant.store.loading import COLUMNS, KINDS, Kind
from ingest.xlsx import WIDEST, read_workbook

CHINESE = {
    "unit": "单位",
    "level": "层级",
    "teacher_id": "教师编号",
    "name": "姓名",
    "stage": "学段",
    "subject": "学科",
    "employed_from": "入职日期",
    "employed_to": "离职日期",
    "record_id": "记录编号",
    "title": "项目名称",
    "category": "科目类别",
    "organiser": "组织单位",
    "hours": "学时",
    "completed_on": "完成日期",
    "status": "审核状态",
    "reason": "驳回原因",
    "year": "年度",
    "public_funds": "年度公用经费预算",
    "training_spend": "教师培训经费",
    "payroll": "教师工资总额",
    "training_appropriation": "继续教育经费",
    "account": "账号",
    "role": "角色",
}
_ENGLISH = {chinese: english for english, chinese in CHINESE.items()}
# Columns that a file of the kind may do without; its rows are then empty there.
_MAY_LACK: Mapping[Kind, Sequence[str]] = {
    "teachers": ("employed_to",),
    "credits": ("reason",),
    "accounts": ("teacher_id", "unit", "wecom_userid"),
}
_SHOWN = 40
_DATE = re.compile(r"([0-9]{4})(?:-([0-9]{2})-([0-9]{2})|/([0-9]{1,2})/([0-9]{1,2}))")
_PIECE = 1 << 20
_ERRORS = ("#N/A", "#VALUE!", "#REF!", "#NAME?", "#DIV/0!", "#NULL!", "#NUM!", "#SPILL!", "#CALC!")
_ROUNDED = re.compile(r"[0-9](\.[0-9]+)?[Ee]\+[0-9]+")
# And halves of characters, that no database takes; and what isn't seen, or turns round what stands beside it.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")
_SUSPECT = "=#0123456789"  # what a formula, an error or a rounded number begins with


@dataclass(frozen=True)
class Table:
    """A file whose header is understood. Rows are numbered as a spreadsheet does.

    `places`: English column name → which cell of a row. `rows` have their cells as written, white space around them
    included; they can be gone through once, after which `warnings` are complete; InputError where the file can't be
    read any further.
    """

    file: str
    kind: Kind
    headers: Sequence[str]
    places: Mapping[str, int]
    rows: Iterator[tuple[int, list[str]]]
    warnings: Sequence[str]

    def header(self, column: str) -> str:
        """A column's name as written in the file; the English one where the file lacks it."""
        return self.headers[self.places[column]] if column in self.places else column


def read_table(path: Path, file: str) -> Table:
    """A record file, called `file` in messages. InputError: no file, unreadable, or a header that makes no sense."""
    warnings: list[str] = []
    read = read_workbook(path, file, warnings) if path.suffix.lower() == ".xlsx" else _csv(path, file)
    at, first = next(read, (1, []))
    headers = [cell.strip() for cell in first]
    if not any(headers):
        raise InputError(f"{file}：文件为空，或第 1 行没有列名，请在第 1 行写上列名。")
    if problems := [f"{file} 第 {at} 行「{show(cell)}」：{what}" for cell in headers if (what := unsafe(cell))]:
        raise InputError(problems)
    if len(headers) > WIDEST:
        raise InputError(f"{file} 第 1 行：有 {len(headers)} 列，最多 {WIDEST} 列，请删去多余的列。")
    names = [_ENGLISH.get(header, header) for header in headers]
    if twice := {name for name, count in Counter(filter(None, names)).items() if count > 1}:
        same = "、".join(show(header) for header, name in zip(headers, names, strict=True) if name in twice)
        raise InputError(f"{file} 第 {at} 行「{same}」：同一列出现了不止一次，请只留一列。")
    kind = _kind(f"{file} 第 {at} 行", names)
    unknown = [name for name in names if name and name not in COLUMNS[kind]]
    lacking = [name for name in COLUMNS[kind] if name not in names and name not in _MAY_LACK.get(kind, ())]
    if lacking:
        hint = f"不认识的列：{'、'.join(map(show, unknown))}" if unknown else "请补上"
        raise InputError(
            [f"{file} 第 {at} 行：{kind} 表缺少列「{name}」（{CHINESE[name]}），{hint}。" for name in lacking]
        )
    warnings += [f"不认识的列「{show(name)}」，已忽略。" for name in unknown]
    warnings += [f"第 {place} 列没有列名，已忽略。" for place, name in enumerate(names, 1) if not name]
    places = {name: place for place, name in enumerate(names) if name in COLUMNS[kind]}
    # Spreadsheets leave empty rows behind: they say nothing, and count only for the numbering.
    filled = (one for one in read if (one[1] and one[1][0].strip()) or any(map(str.strip, one[1])))
    return Table(file, kind, headers, places, filled, warnings)


def show(text: str) -> str:
    """Text from a file, made fit for a message: what can't be seen is escaped, what is long is cut."""
    return visible(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")


def visible(text: str) -> str:
    """Text with all that can't be seen escaped."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def day_of(cell: str) -> date:
    """The day that a cell names. ValueError: it is none, and how to write one."""
    match = _DATE.fullmatch(cell)
    if not match:
        raise ValueError("日期应写成 2023-05-06 或 2023/5/6。")
    try:
        return date(*(int(part) for part in match.groups() if part))
    except ValueError:
        raise ValueError("没有这一天，请核对年月日。") from None


def unsafe(cell: str) -> str | None:
    """What makes a cell one that no file may hold, whatever its column; None: nothing."""
    if cell.isprintable() and cell[:1] not in _SUSPECT:
        return None  # most cells need no closer look
    if cell.startswith("="):
        return "以“=”开头，像是公式，请改填公式算出的值。"
    if cell in _ERRORS:
        return "是 Excel 的出错值，请改填正确的内容。"
    if _ROUNDED.fullmatch(cell):
        return "是科学计数法，Excel 已丢掉末几位数字，请把这一列设为文本格式后重填。"
    if _CONTROL.search(cell):
        return "含有换行、制表符等控制字符或看不见的字符，请删去。"
    return None


def _csv(path: Path, file: str) -> Iterator[tuple[int, list[str]]]:
    """The rows of a csv file, streamed. InputError, here or on the way: what is wrong."""
    numbers = count(1)
    try:
        with _seekable(path) as content:
            text = io.TextIOWrapper(content, _encoding(content), newline="")
            yield from zip(numbers, csv.reader(text, strict=True), strict=False)
    except FileNotFoundError:
        raise InputError(f"{file}：文件不存在，请核对路径。") from None
    except OSError as error:
        raise InputError(f"{file}：无法读取（{error.strerror}）。") from None
    except UnicodeDecodeError:
        raise InputError(f"{file}：编码既不是 UTF-8 也不是 GB18030，请另存为 UTF-8 编码的 csv。") from None
    except csv.Error as error:
        why = "单元格过长，或双引号没有成对" if "limit" in str(error) else "双引号没有成对，或其后另有文字"
        raise InputError(f"{file} 第 {next(numbers) - 1} 行：{why}，此后的内容无法读取，请改正后再导入。") from None


def _seekable(path: Path) -> IO[bytes]:
    """A file that can be gone through twice; what comes from a pipe is copied."""
    content = path.open("rb")
    if content.seekable():
        return content
    copy = TemporaryFile()  # noqa: SIM115  the caller's to close
    with content:
        shutil.copyfileobj(content, copy)
    copy.seek(0)
    return copy


def _encoding(content: IO[bytes]) -> str:
    """The encoding of all of it. UnicodeDecodeError: neither of the two."""
    try:
        return _decoded(content, "utf-8-sig")
    except UnicodeDecodeError:
        return _decoded(content, "gb18030")


def _decoded(content: IO[bytes], encoding: str) -> str:
    """The encoding, once all has been decoded by it; `content` is left at its start."""
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        while piece := content.read(_PIECE):
            decoder.decode(piece)
        decoder.decode(b"", final=True)
    finally:
        content.seek(0)
    return encoding


def _kind(where: str, names: Sequence[str]) -> Kind:
    """The kind most of whose columns are there; of two with as many, the one that has all that it needs."""

    def fit(kind: Kind) -> tuple[int, bool]:
        there = sum(column in names for column in COLUMNS[kind])
        return there, all(column in names or column in _MAY_LACK.get(kind, ()) for column in COLUMNS[kind])

    best = max(map(fit, KINDS))
    kinds = [kind for kind in KINDS if fit(kind) == best]
    if len(kinds) > 1:
        known = "；".join(f"{kind}：{'、'.join(COLUMNS[kind])}" for kind in KINDS)
        raise InputError(f"{where}：从列名看不出是哪种表，列名应以逗号分隔，可用中文或英文。{known}。")
    return kinds[0]
