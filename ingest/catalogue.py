"""Catalogues of courses on offer: a csv file, read and checked as record files are, and stored nowhere."""

import codecs
import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, get_args

from assistant import hours
from assistant.errors import InputError
from assistant.rules.make_up import Course
from assistant.rules.schema import Category, Organiser
from ingest.table import day_of, show, unsafe

# In the order of the fields of a Course.
HEADERS = {
    "course_id": "课程编号",
    "title": "课程名称",
    "category": "科目类别",
    "organiser": "组织单位",
    "hours": "学时",
    "fee": "费用",
    "starts_on": "开始日期",
    "ends_on": "结束日期",
}
_ENGLISH = {chinese: english for english, chinese in HEADERS.items()}
_MAY_LACK = "ends_on"
_YEARS_AHEAD = 5  # the longest cycle that a plan is made for


def read_catalogue(path: Path, today: date) -> list[Course]:
    """The courses of a csv file (UTF-8 or GB18030) with English or Chinese column names, in its order.

    Columns that aren't known are passed over; `ends_on` may lack, or be empty. No date may lie before 1970 or later
    than five years after the year of `today`. InputError lists all faults, with file, row, column and value.
    """
    file = show(path.name)
    rows = _rows(file, path)
    at, headers = next(rows, (1, []))
    places = _places(f"{file} 第 {at} 行", headers)
    parsers = _parsers(date(today.year + _YEARS_AHEAD, 12, 31))
    courses: list[Course] = []
    problems: list[str] = []
    numbers: dict[str, int] = {}
    try:
        for number, cells in rows:
            if len(cells) != len(headers):
                what = f"有 {len(cells)} 个单元格，应与列名一样是 {len(headers)} 个，请检查逗号是否多了或少了。"
                problems.append(f"{file} 第 {number} 行：{what}")
                continue
            values, faults = _checked({name: cells[place] for name, place in places.items()}, parsers)
            course_id = values.get("course_id")
            if course_id and (first := numbers.setdefault(course_id, number)) != number:
                faults.append(("course_id", f"与第 {first} 行重复，每门课程只写一行，请删去其一。"))
            for name, what in faults:
                header, cell = headers[places[name]], cells[places[name]]
                problems.append(f"{file} 第 {number} 行「{header}」（{show(cell) or '空'}）：{what}")
            if not faults:
                courses.append(Course(**values))
    except InputError as error:
        problems += error.problems
    if problems:
        raise InputError(problems)
    return courses


def _places(where: str, headers: Sequence[str]) -> dict[str, int]:
    """Which cell of a row holds which column. InputError: a column lacks, or is there twice."""
    names = [_ENGLISH.get(header, header) for header in headers]
    problems = [
        f"{where}：缺少列「{name}」（{chinese}），请补上。"
        for name, chinese in HEADERS.items()
        if name not in names and name != _MAY_LACK
    ]
    problems += [f"{where}「{name}」：同一列出现了不止一次，请只留一列。" for name in HEADERS if names.count(name) > 1]
    if problems:
        raise InputError(problems)
    return {name: names.index(name) for name in HEADERS if name in names}


def _checked(
    row: Mapping[str, str], parsers: Mapping[str, Callable[[str], object]]
) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """The sound values of a row, and for the others the column and what is wrong."""
    values: dict[str, Any] = {}
    faults: list[tuple[str, str]] = []
    for name, cell in row.items():
        try:
            values[name] = _value(name, parsers[name], cell)
        except ValueError as error:
            faults.append((name, str(error)))
    start, end = values.get("starts_on"), values.get("ends_on")
    if start and end and end < start:
        faults.append(("ends_on", f"结束日期不能早于开始日期（{start}）。"))
    return values, faults


def _rows(file: str, path: Path) -> Iterator[tuple[int, list[str]]]:
    """The rows that aren't empty, numbered as a spreadsheet does. InputError, here or on the way: it can't be read."""
    try:
        content = path.read_bytes().removeprefix(codecs.BOM_UTF8)
    except FileNotFoundError:
        raise InputError(f"{file}：文件不存在，请核对路径。") from None
    except OSError as error:
        raise InputError(f"{file}：无法读取（{error.strerror}）。") from None
    for encoding in ("utf-8", "gb18030"):
        try:
            text = content.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise InputError(f"{file}：编码既不是 UTF-8 也不是 GB18030，请另存为 UTF-8 编码的 csv。")
    number = 0
    try:
        for number, cells in enumerate(csv.reader(io.StringIO(text, newline=""), strict=True), 1):
            if any(filled := [cell.strip() for cell in cells]):
                yield number, filled
    except csv.Error:
        what = "单元格过长，或双引号没有成对，此后的内容无法读取，请改正后再读。"
        raise InputError(f"{file} 第 {number + 1} 行：{what}") from None


def _value(name: str, parse: Callable[[str], object], cell: str) -> object:
    if what := unsafe(cell):
        raise ValueError(what)
    if cell:
        return parse(cell)
    if name == _MAY_LACK:
        return None
    raise ValueError("不能为空，请填写；不收费填 0。" if name == "fee" else "不能为空，请填写。")


def _parsers(last: date) -> dict[str, Callable[[str], object]]:
    """For every column: its value of a cell's text; ValueError says what is wrong with it and how to mend it."""
    return {
        "course_id": str,
        "title": str,
        "category": partial(_one_of, get_args(Category)),
        "organiser": partial(_one_of, get_args(Organiser)),
        "hours": _hours,
        "fee": _fen,
        "starts_on": partial(_date, last),
        "ends_on": partial(_date, last),
    }


def _one_of(choices: Sequence[str], cell: str) -> str:
    if cell not in choices:
        raise ValueError(f"只能是：{'、'.join(choices)}。")
    return cell


def _hours(cell: str) -> int:
    try:
        hundredths = hours.parse(cell)
    except ValueError:
        hundredths = 0
    if not hundredths:
        raise ValueError("学时必须是大于 0 的数字，最多两位小数，不带单位，如 4.5。")
    return hundredths


def _fen(cell: str) -> int:
    try:
        return hours.parse(cell)  # fen of a yuan are as hundredths of an hour
    except ValueError:
        what = "费用以元计，只写数字，不小于 0，最多两位小数，不带千分位和单位，如 120.50。"
        raise ValueError(what) from None


def _date(last: date, cell: str) -> date:
    day = day_of(cell)
    if not date(1970, 1, 1) <= day <= last:
        raise ValueError(f"日期不在 1970-01-01 至 {last} 之间，请核对。")
    return day
