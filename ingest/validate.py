"""Checking the rows of record files: every cell by itself, the row as a whole, keys, and what rows refer to."""

import re
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from operator import itemgetter
from typing import NamedTuple, get_args

from assistant import hours
from assistant.errors import InputError
from assistant.identity import Role
from assistant.rules.schema import Category, Organiser, Status
from assistant.store.loading import COLUMNS, KEY_WIDTH, KINDS, REFERENCES, Kind, Row, Stored, Value, limit
from assistant.store.reach import Reach
from ingest.spool import CHUNK, Spool, in_order, recurring
from ingest.table import Table, day_of, show, unsafe

LEVELS = ("province", "city", "county", "town", "school")
_SCHOOL = "school"
_MAY_BE_EMPTY: Mapping[Kind, Sequence[str]] = {
    "teachers": ("employed_to",),
    "credits": ("reason",),
    "budgets": ("public_funds", "training_spend", "payroll", "training_appropriation"),
    "accounts": ("teacher_id", "unit", "wecom_userid"),
}
_STATUS = COLUMNS["credits"].index("status")
_REJECTED: Status = "已驳回"
_SAME = ("teacher_id", "title", "completed_on", "hours")  # in two records of one training
_TRAINING = itemgetter(*map(COLUMNS["credits"].index, _SAME))
# Kinds whose keys others name, and what is said of one that isn't there.
_REFERRED_TO: Mapping[Kind, str] = {
    "units": "单位，请先在 units 表中加入它",
    "teachers": "教师，请先在 teachers 表中加入此人",
}
_OUTSIDE = "这一行不在您可以维护的范围内，或者它所指的教师、单位没有登记。"
_AMOUNT = re.compile(r"([0-9]{1,15})(?:\.([0-9]{1,2}))?")
_BELOW_ZERO = re.compile(r"-[0-9]+(\.[0-9]+)?")
_FIRST_YEAR = 1970  # of records and budgets
_FIRST_EMPLOYED = date(1900, 1, 1)
_REMEMBERED = 1 << 14  # texts of a column
_ODD = " =#+"  # in formulas, errors and rounded numbers, or at a text's ends: see `unsafe`

_Parse = Callable[[str], Value]
Place = tuple[str, int]  # file and number of a row


class Problem(NamedTuple):
    """What is wrong where; `row` and `column` give its place in a list. Row 0: the file as a whole."""

    row: int
    column: int
    text: str


@dataclass
class Sheet:
    """A checked file: its rows, values in the order of COLUMNS, None where a cell is empty or bad.

    `keys`: a hash of every whole key; `trainings`: of credits, one of each row's training, in their order. `wanted`:
    what each column that refers to something names. `named`: key → row, where other kinds may refer to it.
    `complete`: the file could be read to its end.
    """

    table: Table
    rows: Spool = field(default_factory=Spool)
    keys: "array[int]" = field(default_factory=lambda: array("q"))
    trainings: "array[int]" = field(default_factory=lambda: array("q"))
    wanted: dict[str, set[Value]] = field(default_factory=dict)
    named: dict[Value, Row] = field(default_factory=dict)
    complete: bool = False


def check(table: Table, today: date, problems: list[Problem]) -> Sheet:
    """Check all that shows in a row itself; adds to `problems`."""
    sheet, width, number = Sheet(table, wanted={name: set() for name in REFERENCES[table.kind]}), len(table.headers), 1
    read = _columns(table.kind, today)
    unread = {place: _Column(_ignored) for place in sorted(set(range(width)) - set(table.places.values()))}
    numbers, rows = list[int](), list[list[str]]()
    try:
        for number, cells in table.rows:
            if len(cells) != width:
                text = f"有 {len(cells)} 个单元格，应与列名一样是 {width} 个，请检查是否多了或少了逗号或单元格。"
                problems.append(Problem(number, 0, f"{table.file} 第 {number} 行：{text}"))
                continue
            numbers.append(number)
            rows.append(cells)
            if len(rows) == CHUNK:
                _check_rows(sheet, read, unread, numbers, rows, problems)
                numbers, rows = [], []
        sheet.complete = True
    except InputError as error:
        problems += [Problem(number + 1, 0, line) for line in error.problems]
    if rows:
        _check_rows(sheet, read, unread, numbers, rows, problems)
    return sheet


class _Column(dict[str, Value]):
    """Text of a cell → its value, None where it is empty or at fault.

    Remembered, for most columns say the same few things over and over. `faults`: text → what is wrong with it.
    """

    def __init__(self, parse: _Parse, longest: int = 0) -> None:
        """`longest`: characters that a cell may have where any text may stand in it; 0: not any text may."""
        super().__init__()
        self._parse = parse
        self._longest = longest
        self.faults = dict[str, str]()

    def __missing__(self, text: str) -> Value:
        value: Value = None
        try:
            value = self._parse(text.strip())
        except ValueError as error:
            self.faults[text] = str(error)
        self[text] = value
        return value

    def of(self, texts: Sequence[str]) -> Sequence[Value]:
        """The value of each."""
        if self._longest and _plain(texts, self._longest):
            return texts
        if len(self) > _REMEMBERED:
            self.clear()
            self.faults.clear()
        return list(map(self.__getitem__, texts))

    def at_fault(self, numbers: Sequence[int], texts: Sequence[str]) -> Iterator[tuple[int, str, str]]:
        """Of the texts last asked for that are at fault: number of the row, text, what is wrong with it."""
        for number, text in zip(numbers, texts, strict=True) if self.faults else ():
            if what := self.faults.get(text):
                yield number, text.strip(), what


def _plain(texts: Sequence[str], longest: int) -> bool:
    """Whether all of some texts are sure to be what they say: most often so, and quickly told of thousands at once.

    None is empty, too long, or in need of `strip`; none holds what `unsafe` would look at more closely.
    """
    every = "".join(texts)
    odd = not every.isprintable() or any(char in every for char in _ODD)
    return not odd and all(texts) and len(max(texts, key=len)) <= longest


def _check_rows(
    sheet: Sheet,
    read: Mapping[str, _Column],
    unread: Mapping[int, _Column],
    numbers: Sequence[int],
    rows: Sequence[Sequence[str]],
    problems: list[Problem],
) -> None:
    """Check some rows and add them to the sheet: column by column, which takes a fraction of a row at a time."""
    table, kind = sheet.table, sheet.table.kind
    cells, lacking = list(zip(*rows, strict=True)), ("",) * len(rows)
    texts = {name: cells[table.places[name]] if name in table.places else lacking for name in read}
    values = {name: column.of(texts[name]) for name, column in read.items()}
    for name, column in read.items():
        for number, text, what in column.at_fault(numbers, texts[name]):
            problems.append(cell_problem(table, number, name, text, what))
    for place, column in unread.items():
        column.of(cells[place])
        for number, text, what in column.at_fault(numbers, cells[place]):
            where = f"{table.file} 第 {number} 行「{show(table.headers[place])}」（{show(text)}）"
            problems.append(Problem(number, len(read), f"{where}：{what}"))
    if kind in _AT_ODDS:
        for at, row in enumerate(zip(*values.values(), strict=True)):
            for name, what in _AT_ODDS[kind](dict(zip(read, row, strict=True))):
                if (text := texts[name][at]) not in read[name].faults:
                    problems.append(cell_problem(table, numbers[at], name, text.strip(), what))
    sheet.keys.extend(_keys([values[name] for name in COLUMNS[kind][: KEY_WIDTH[kind]]]))
    for name, wanted in sheet.wanted.items():
        wanted.update(values[name])
    if kind == "credits":
        sheet.trainings.extend(_trainings(values))
    elif kind in _REFERRED_TO:
        sheet.named.update((row[0], row) for row in zip(*values.values(), strict=True) if row[0] is not None)
    sheet.rows.add(numbers, list(values.values()))


# No tuple is kept for every row: those that live for a while are gone through, over and over, for cycles among them.


def _keys(columns: Sequence[Sequence[Value]]) -> Iterator[int]:
    """A hash of every key that is whole, given by column."""
    keys = zip(*columns, strict=True)
    bad = any(None in column for column in columns)
    return map(hash, (key for key in keys if None not in key) if bad else keys)


def _trainings(values: Mapping[str, Sequence[Value]]) -> list[int]:
    """A hash of what `training` says of every row, given by column."""
    hashes = list(map(hash, zip(*(values[name] for name in _SAME), strict=True)))
    for at, status in enumerate(values["status"]):
        if status == _REJECTED:
            hashes[at] = hash((values["record_id"][at],))
    return hashes


def training(row: Row) -> Row:
    """What two records of the same training have in common; of a rejected record, which counts nowhere, its number."""
    same: Row = _TRAINING(row)
    return row[:1] if row[_STATUS] == _REJECTED else same


def check_keys(sheets: Sequence[Sheet], problems: Mapping[str, list[Problem]]) -> None:
    """Check that no key stands in two rows. `problems`: by file."""
    for kind in KINDS:
        same = [sheet for sheet in sheets if sheet.table.kind == kind]
        # Rows are gone through again only where two keys may be alike.
        if twice := set(recurring(in_order(sheet.keys for sheet in same)).tolist()):
            first: dict[Row, tuple[Sheet, int]] = {}
            for sheet in same:
                for number, row in sheet.rows:
                    key = row[: KEY_WIDTH[kind]]
                    if None not in key and hash(key) in twice:
                        other, at = first.setdefault(key, (sheet, number))
                        if (other, at) != (sheet, number):
                            problems[sheet.table.file].append(_key_problem(sheet, number, key, other, at))


def _key_problem(sheet: Sheet, number: int, key: Row, other: Sheet, at: int) -> Problem:
    table = sheet.table
    columns = "、".join(table.header(name) for name in COLUMNS[table.kind][: len(key)])
    where = f"{table.file} 第 {number} 行「{columns}」（{'、'.join(show(str(part)) for part in key)}）"
    first = f"第 {at} 行" if other is sheet else f" {other.table.file} 第 {at} 行"
    return Problem(number, 0, f"{where}：与{first}重复，同一项只能出现一次，请删去其一。")


def check_reach(sheets: Sequence[Sheet], reach: Reach, problems: Mapping[str, list[Problem]]) -> Set[Place]:
    """The rows that whoever imports may not write; each is told in words that don't tell whether anything is there."""
    outside = set[Place]()
    unit = COLUMNS["teachers"].index("unit")
    homes = {key: row[unit] for sheet in sheets if sheet.table.kind == "teachers" for key, row in sheet.named.items()}
    for sheet in sheets:
        table, first = sheet.table, COLUMNS[sheet.table.kind][0]
        for numbers, rows in sheet.rows.chunks():
            judged = reach.outside(table.kind, rows, homes)
            for number, row, is_outside in zip(numbers, rows, judged, strict=True):
                if is_outside:
                    outside.add((table.file, number))
                    problems[table.file].append(cell_problem(table, number, first, str(row[0] or ""), _OUTSIDE))
    return outside


def check_references(
    sheets: Sequence[Sheet], stored: Stored, outside: Set[Place], problems: Mapping[str, list[Problem]]
) -> None:
    """Check that what rows refer to is in the call or stored, and that teachers belong to schools.

    A key counts as there even where its own row is bad, so that one fault isn't told twice. `outside`: rows of which
    nothing more is to be told. `problems`: by file.
    """
    unknown: dict[Kind, set[Value]] = {}
    levels: dict[Value, Value] = {}
    for target in _REFERRED_TO:
        named = {key: row for sheet in sheets if sheet.table.kind == target for key, row in sheet.named.items()}
        wanted = {value for sheet in sheets for name in _naming(sheet, target) for value in sheet.wanted[name]}
        elsewhere = wanted - named.keys() - {None}
        unknown[target] = stored.lacking(target, elsewhere)
        if target == "units":
            found = stored.existing(target, {(value,) for value in elsewhere})
            levels = {row[0]: row[1] for row in (*found.values(), *named.values())}
    for sheet in sheets:
        for target in _REFERRED_TO:
            for name in _naming(sheet, target):
                # Where all is known and nothing else is asked of it, no row needs to be looked at.
                if target == "units" or unknown[target]:
                    faults = _reference_faults(sheet, name, unknown[target], levels, outside)
                    problems[sheet.table.file].extend(faults)
    _check_levels(sheets, stored, outside, problems)
    _check_members(sheets, stored, problems)


def _check_members(sheets: Sequence[Sheet], stored: Stored, problems: Mapping[str, list[Problem]]) -> None:
    """A member of WeCom has one account: with two nobody could tell whose records to show."""
    accounts = [sheet for sheet in sheets if sheet.table.kind == "accounts"]
    if any(problems[sheet.table.file] for sheet in accounts):
        return  # with a bad key it can't be told whose a member is
    place, given = COLUMNS["accounts"].index("wecom_userid"), {row[0] for sheet in accounts for _, row in sheet.rows}
    members = {str(row[place]).lower() for sheet in accounts for _, row in sheet.rows if row[place]}
    taken = {member for account, member in stored.accounts_of(members) if account not in given}
    for sheet in accounts:
        for number, row in sheet.rows:
            member = str(row[place]).lower() if row[place] else None
            if member in taken:
                what = "已是另一个账号的企业微信成员，一个成员只能有一个账号，请核对。"
                problems[sheet.table.file].append(
                    cell_problem(sheet.table, number, "wecom_userid", str(row[place]), what)
                )
            if member:
                taken.add(member)


def _reference_faults(
    sheet: Sheet, name: str, unknown: Set[Value], levels: Mapping[Value, Value], outside: Set[Place]
) -> Iterator[Problem]:
    table, place = sheet.table, COLUMNS[sheet.table.kind].index(name)
    for number, row in sheet.rows:
        value = row[place]
        if value is None or (table.file, number) in outside:
            continue
        if value in unknown:
            what = f"没有这个{_REFERRED_TO[REFERENCES[table.kind][name]]}，或与本表一同导入。"
            yield cell_problem(table, number, name, str(value), what)
        elif table.kind == "accounts" and (wrong := _wrong_level(row, levels.get(value))):
            yield cell_problem(table, number, name, str(value), wrong)
        elif table.kind == "teachers" and (levels.get(value) or _SCHOOL) != _SCHOOL:
            text = f"这个单位的层级是 {levels[value]}，教师的单位必须是学校（school）。"
            yield cell_problem(table, number, name, str(value), text)


def _wrong_level(row: Row, level: Value) -> str | None:
    """Whether an administrator's unit is of another level than the role: a slip would open a whole city."""
    role = row[COLUMNS["accounts"].index("role")]
    due = str(role).removesuffix("_admin")
    if role is None or level is None or role == Role.TEACHER or due == level:
        return None
    return f"这个单位的层级是 {level}，角色为 {role} 的账号须属于层级为 {due} 的单位。"


def _check_levels(
    sheets: Sequence[Sheet], stored: Stored, outside: Set[Place], problems: Mapping[str, list[Problem]]
) -> None:
    """A unit that still has teachers stays a school."""
    moved = {key for sheet in sheets if sheet.table.kind == "teachers" for key in sheet.named}
    for sheet in sheets:
        if sheet.table.kind != "units":
            continue
        above = {unit for unit, row in sheet.named.items() if row[1] not in (None, _SCHOOL)}
        staffed = {unit for teacher_id, unit in stored.teachers_of(above) if teacher_id not in moved}
        for number, (unit, level) in sheet.rows if staffed else ():
            if unit in staffed and level not in (None, _SCHOOL) and (sheet.table.file, number) not in outside:
                what = f"已有教师属于 {show(str(unit))}，它的层级必须是 school，或先将教师调到别的学校。"
                problems[sheet.table.file].append(cell_problem(sheet.table, number, "level", str(level), what))


def _naming(sheet: Sheet, target: Kind) -> list[str]:
    """The columns of a file that refer to rows of a kind."""
    return [name for name, kind in REFERENCES[sheet.table.kind].items() if kind == target]


def cell_problem(table: Table, number: int, column: str, value: str, what: str) -> Problem:
    """What is wrong with a cell."""
    text = f"{table.file} 第 {number} 行「{table.header(column)}」（{show(value) or '空'}）：{what}"
    return Problem(number, COLUMNS[table.kind].index(column), text)


def _teacher_at_odds(row: Mapping[str, Value]) -> Iterator[tuple[str, str]]:
    start, end = row["employed_from"], row["employed_to"]
    if isinstance(start, date) and isinstance(end, date) and end < start:
        yield "employed_to", f"离职日期不能早于入职日期（{start}）。"


def _account_at_odds(row: Mapping[str, Value]) -> Iterator[tuple[str, str]]:
    needed = "teacher_id" if row["role"] == Role.TEACHER else "unit"
    if row["role"] is not None and row[needed] is None:
        yield needed, f"角色为 {row['role']} 的账号必须填写{'教师编号' if needed == 'teacher_id' else '单位'}。"


# Columns at odds with others of their row, and how. Bad cells are None here, as empty ones are.
_AT_ODDS: Mapping[Kind, Callable[[Mapping[str, Value]], Iterator[tuple[str, str]]]] = {
    "teachers": _teacher_at_odds,
    "accounts": _account_at_odds,
}


def _columns(kind: Kind, today: date) -> dict[str, _Column]:
    """Every column of a kind, by name."""
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

    def made(name: str) -> _Column:
        empty, longest = name in _MAY_BE_EMPTY.get(kind, ()), limit(kind, name)
        parse = partial(_value, empty, longest, special.get(name, str))
        return _Column(parse, 0 if name in special else longest or 0)

    return {name: made(name) for name in COLUMNS[kind]}


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


def _ignored(cell: str) -> None:
    """Of a column that isn't read, what no file may hold."""
    if what := unsafe(cell):
        raise ValueError(what)


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
    day = day_of(cell)
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
