"""Checking the rows of record files: every cell by itself, the row as a whole, keys, and what rows refer to."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache, partial
from typing import NamedTuple, get_args

from assistant import hours
from assistant.errors import InputError
from assistant.identity import Role
from assistant.rules.schema import Category, Organiser, Status
from assistant.store.loading import COLUMNS, KEY_WIDTH, Kind, Row, Stored, Value, limit
from ingest.table import Table, show, unsafe

LEVELS = ("province", "city", "county", "town", "school")
_SCHOOL = "school"
_MAY_BE_EMPTY: Mapping[Kind, Sequence[str]] = {
    "teachers": ("employed_to",),
    "credits": ("reason",),
    "budgets": ("public_funds", "training_spend", "payroll", "training_appropriation"),
    "accounts": ("teacher_id", "unit", "wecom_userid"),
}
# Column → the kind of file whose key it names.
_REFERENCES: Mapping[Kind, Mapping[str, Kind]] = {
    "teachers": {"unit": "units"},
    "credits": {"teacher_id": "teachers"},
    "budgets": {"unit": "units"},
    "accounts": {"teacher_id": "teachers", "unit": "units"},
}
_DATE = re.compile(r"([0-9]{4})(?:-([0-9]{2})-([0-9]{2})|/([0-9]{1,2})/([0-9]{1,2}))")
_AMOUNT = re.compile(r"([0-9]{1,15})(?:\.([0-9]{1,2}))?")
_BELOW_ZERO = re.compile(r"-[0-9]+(\.[0-9]+)?")
_FIRST_YEAR = 1970  # of records and budgets
_FIRST_EMPLOYED = date(1900, 1, 1)

_Parse = Callable[[str], Value]


class Problem(NamedTuple):
    """What is wrong where; `row` and `column` give its place in a list. Row 0: the file as a whole."""

    row: int
    column: int
    text: str


@dataclass
class Sheet:
    """A checked file: values in the order of COLUMNS, None where a cell is empty or bad; numbers of the rows.

    `keys`: key → row number. `complete`: the file could be read to its end.
    """

    table: Table
    rows: list[Row]
    numbers: list[int]
    keys: dict[Row, int]
    complete: bool = False


def check(table: Table, today: date, earlier: Sequence[Sheet], problems: list[Problem]) -> Sheet:
    """Check all that shows in the file itself, and keys against `earlier` files of its kind; adds to `problems`."""
    columns, width = COLUMNS[table.kind], KEY_WIDTH[table.kind]
    parsers = [(table.places.get(name, -1), parse) for name, parse in _parsers(table.kind, today).items()]
    others = sorted(set(range(len(table.headers))) - set(table.places.values()))
    sheet, number = Sheet(table, [], [], {}), 1
    try:
        for number, cells in table.rows:
            if len(cells) != len(table.headers):
                text = f"有 {len(cells)} 个单元格，应与列名一样是 {len(table.headers)} 个，请检查逗号是否多了或少了。"
                problems.append(Problem(number, 0, f"{table.file} 第 {number} 行：{text}"))
                continue
            values: list[Value] = []
            bad = set[str]()
            for column, (place, parse) in enumerate(parsers):
                try:
                    values.append(parse(cells[place]) if place >= 0 else None)
                except ValueError as error:
                    values.append(None)
                    bad.add(columns[column])
                    problems.append(_cell(table, number, columns[column], cells[place], str(error)))
            for place in others:
                if what := unsafe(cells[place]):
                    where = f"{table.file} 第 {number} 行「{show(table.headers[place])}」（{show(cells[place])}）"
                    problems.append(Problem(number, len(columns), f"{where}：{what}"))
            row = tuple(values)
            for name, what in _row_faults(table.kind, dict(zip(columns, row, strict=True))):
                if name not in bad:
                    cell = cells[table.places[name]] if name in table.places else ""
                    problems.append(_cell(table, number, name, cell, what))
            key = row[:width]
            if None not in key:
                _note_key(sheet, earlier, key, number, problems)
            sheet.rows.append(row)
            sheet.numbers.append(number)
        sheet.complete = True
    except InputError as error:
        problems += [Problem(number + 1, 0, line) for line in error.problems]
    return sheet


def check_references(sheets: Sequence[Sheet], stored: Stored, problems: Mapping[str, list[Problem]]) -> None:
    """Check that what rows refer to is in the call or stored, and that teachers belong to schools.

    A key counts as there even where its own row is bad, so that one fault isn't told twice. `problems`: by file.
    """
    known: dict[Kind, set[Value]] = {"units": set(), "teachers": set()}
    levels: dict[Value, Value] = {}
    for target in known:
        there = {key[0] for sheet in sheets if sheet.table.kind == target for key in sheet.keys}
        wanted = {row[place] for sheet, _, place in _references(sheets, target) for row in sheet.rows}
        found = stored.existing(target, {(value,) for value in wanted - there - {None}})
        known[target] = there | {key[0] for key in found}
        if target == "units":
            levels = {row[0]: row[1] for row in found.values()}
    for sheet in sheets:
        if sheet.table.kind == "units":
            levels |= {row[0]: row[1] for row in sheet.rows}
    for target, what in (
        ("units", "单位，请先在 units 表中加入它"),
        ("teachers", "教师，请先在 teachers 表中加入此人"),
    ):
        for sheet, name, place in _references(sheets, target):
            table, faults = sheet.table, problems[sheet.table.file]
            for number, row in zip(sheet.numbers, sheet.rows, strict=True):
                if (value := row[place]) is None:
                    continue
                if value not in known[target]:
                    faults.append(_cell(table, number, name, str(value), f"没有这个{what}，或与本表一同导入。"))
                elif table.kind == "accounts" and (wrong := _wrong_level(row, levels.get(value))):
                    faults.append(_cell(table, number, name, str(value), wrong))
                elif table.kind == "teachers" and (levels.get(value) or _SCHOOL) != _SCHOOL:
                    text = f"这个单位的层级是 {levels[value]}，教师的单位必须是学校（school）。"
                    faults.append(_cell(table, number, name, str(value), text))
    _check_levels(sheets, stored, problems)


def _wrong_level(row: Row, level: Value) -> str | None:
    """Whether an administrator's unit is of another level than the role: a slip would open a whole city."""
    role = row[COLUMNS["accounts"].index("role")]
    due = str(role).removesuffix("_admin")
    if role is None or level is None or role == Role.TEACHER or due == level:
        return None
    return f"这个单位的层级是 {level}，角色为 {role} 的账号须属于层级为 {due} 的单位。"


def _check_levels(sheets: Sequence[Sheet], stored: Stored, problems: Mapping[str, list[Problem]]) -> None:
    """A unit that still has teachers stays a school."""
    moved = {key[0] for sheet in sheets if sheet.table.kind == "teachers" for key in sheet.keys}
    for sheet in sheets:
        if sheet.table.kind != "units":
            continue
        above = {row[0] for row in sheet.rows if row[1] not in (None, _SCHOOL)} - {None}
        staffed = {unit for teacher_id, unit in stored.teachers_of(above) if teacher_id not in moved}
        for number, (unit, level) in zip(sheet.numbers, sheet.rows, strict=True):
            if unit in staffed and level not in (None, _SCHOOL):
                what = f"已有教师属于 {show(str(unit))}，它的层级必须是 school，或先将教师调到别的学校。"
                problems[sheet.table.file].append(_cell(sheet.table, number, "level", str(level), what))


def _references(sheets: Sequence[Sheet], target: Kind) -> Iterator[tuple[Sheet, str, int]]:
    for sheet in sheets:
        for name, kind in _REFERENCES.get(sheet.table.kind, {}).items():
            if kind == target:
                yield sheet, name, COLUMNS[sheet.table.kind].index(name)


def _note_key(sheet: Sheet, earlier: Sequence[Sheet], key: Row, number: int, problems: list[Problem]) -> None:
    for other in (*earlier, sheet):
        if key in other.keys:
            table, names = sheet.table, COLUMNS[sheet.table.kind][: len(key)]
            columns = "、".join(table.header(name) for name in names)
            where = f"{table.file} 第 {number} 行「{columns}」（{'、'.join(show(str(part)) for part in key)}）"
            first = f"第 {other.keys[key]} 行" if other is sheet else f" {other.table.file} 第 {other.keys[key]} 行"
            problems.append(Problem(number, 0, f"{where}：与{first}重复，同一项只能出现一次，请删去其一。"))
            return
    sheet.keys[key] = number


def _cell(table: Table, number: int, column: str, value: str, what: str) -> Problem:
    text = f"{table.file} 第 {number} 行「{table.header(column)}」（{show(value) or '空'}）：{what}"
    return Problem(number, COLUMNS[table.kind].index(column), text)


def _row_faults(kind: Kind, row: Mapping[str, Value]) -> Iterator[tuple[str, str]]:
    """Columns at odds with others of their row, and how. Bad cells are None here, as empty ones are."""
    if kind == "teachers":
        start, end = row["employed_from"], row["employed_to"]
        if isinstance(start, date) and isinstance(end, date) and end < start:
            yield "employed_to", f"离职日期不能早于入职日期（{start}）。"
    elif kind == "accounts":
        needed = "teacher_id" if row["role"] == Role.TEACHER else "unit"
        if row["role"] is not None and row[needed] is None:
            yield needed, f"角色为 {row['role']} 的账号必须填写{'教师编号' if needed == 'teacher_id' else '单位'}。"


def _parsers(kind: Kind, today: date) -> dict[str, _Parse]:
    """For every column: its value of a cell's text; ValueError says what is wrong with it and how to mend it."""
    special: dict[str, _Parse] = {
        "level": partial(_one_of, LEVELS),
        "category": partial(_one_of, get_args(Category)),
        "organiser": partial(_one_of, get_args(Organiser)),
        "status": partial(_one_of, get_args(Status)),
        "role": partial(_one_of, [role.value for role in Role]),
        "hours": _hours,
        "year": partial(_year, today.year + 1),
        "completed_on": partial(_date, date(_FIRST_YEAR, 1, 1), today),
        "employed_from": partial(_date, _FIRST_EMPLOYED, today),
        "employed_to": partial(_date, _FIRST_EMPLOYED, date.max),
    }
    if kind == "units":
        special["unit"] = _path
    if kind == "budgets":
        special |= dict.fromkeys(_MAY_BE_EMPTY[kind], _amount)

    def parser(column: str) -> _Parse:
        empty = column in _MAY_BE_EMPTY.get(kind, ())
        # Most columns say the same few things over and over; what is at fault is not remembered.
        return lru_cache(4096)(partial(_value, empty, limit(kind, column), special.get(column, str)))

    return {column: parser(column) for column in COLUMNS[kind]}


def _value(may_be_empty: bool, longest: int | None, parse: _Parse, cell: str) -> Value:
    if what := unsafe(cell):
        raise ValueError(what)
    if not cell:
        if may_be_empty:
            return None
        raise ValueError("不能为空，请填写。")
    if longest is not None and len(cell) > longest:
        raise ValueError(f"长 {len(cell)} 个字符，最多 {longest} 个，请缩短。")
    return parse(cell)


def _one_of(choices: Sequence[str], cell: str) -> str:
    if cell not in choices:
        raise ValueError(f"只能是：{'、'.join(choices)}。")
    return cell


def _hours(cell: str) -> int:
    if _BELOW_ZERO.fullmatch(cell):
        raise ValueError("学时必须大于 0。")
    try:
        hundredths = hours.parse(cell)
    except ValueError:
        raise ValueError("学时必须是数字，最多两位小数，不带单位，如 4.5。") from None
    if hundredths == 0:
        raise ValueError("学时必须大于 0。")
    return hundredths


def _date(first: date, last: date, cell: str) -> date:
    match = _DATE.fullmatch(cell)
    if not match:
        raise ValueError("日期应写成 2023-05-06 或 2023/5/6。")
    try:
        day = date(*(int(part) for part in match.groups() if part))
    except ValueError:
        raise ValueError("没有这一天，请核对年月日。") from None
    if day > last:
        raise ValueError(f"日期在今天（{last}）之后，请核对。")
    if day < first:
        raise ValueError(f"日期早于 {first}，请核对。")
    return day


def _year(last: int, cell: str) -> int:
    if not re.fullmatch("[0-9]{4}", cell) or not _FIRST_YEAR <= int(cell) <= last:
        raise ValueError(f"年度应是 {_FIRST_YEAR} 至 {last} 的四位数字。")
    return int(cell)


def _amount(cell: str) -> int:
    """Whole fen."""
    if _BELOW_ZERO.fullmatch(cell):
        raise ValueError("金额不能小于 0；不适用时留空。")
    match = _AMOUNT.fullmatch(cell)
    if not match:
        raise ValueError("金额以元计，只写数字，最多两位小数，不带千分位和单位，如 3200000.50；不适用时留空。")
    return int(match[1]) * 100 + int((match[2] or "").ljust(2, "0"))


def _path(cell: str) -> str:
    if any(part != part.strip() or not part for part in cell.split("/")):
        raise ValueError("单位应写成以“/”分隔的路径，开头和结尾没有“/”，每一级都不为空，如 广东省/东莞市。")
    return cell
