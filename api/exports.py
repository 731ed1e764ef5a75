"""Compliance reports as csv and xlsx, for people who go on with them in a spreadsheet."""

import csv
import io
from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import groupby
from typing import NamedTuple

from assistant.compliance import Check, Report, Row, TeacherRow

Cell = str | int | Decimal | None
LEVELS = {"province": "省", "city": "市", "county": "县区", "town": "镇街", "school": "学校", "teacher": "教师"}
STATUS = {"met": "达到", "short": "未达到", "no_data": "没有数据"}
_RUN = ("=", "+", "-", "@", "\t", "\r")


class Sheet(NamedTuple):
    """A table: its name, its columns, its rows."""

    name: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]


def sheets(report: Report) -> list[Sheet]:
    """The tables of a report, the main one first."""
    rows = [*report.rows, *([] if report.rows == [report.totals] else [report.totals])]
    named = [_unit(report, row, "" if row is not report.totals or len(rows) == 1 else "合计：") for row in rows]
    summary = Sheet("汇总", _unit_columns(report), named)
    checks = [[row.unit, *_check(check)] for row in rows for check in row.checks]
    more = [Sheet("经费与覆盖", ["单位", *_CHECK], checks)] if checks else []
    if report.level == "teacher":
        short = [one for one in report.teachers if one.met is False]
        columns = _teacher_columns(report)
        roster = [
            Sheet("未达标教师", columns, [_teacher(report, one) for one in short]),
            Sheet("按学校", ["单位", "教师数", "未达标", "还差学时", *_gaps(report)], list(_by_school(report))),
            Sheet("全部教师", columns, [_teacher(report, one) for one in report.teachers]),
        ]
        return [*roster, summary, *more, _about(report)]
    return [summary, *more, _about(report)]


def as_csv(report: Report) -> bytes:
    """UTF-8 with a byte order mark, as spreadsheets want it: every teacher, or every unit and the total.

    The day and the rules stand in every row; a cell that a spreadsheet would run is quoted.
    """
    made = {sheet.name: sheet for sheet in sheets(report)}
    main = made["全部教师"] if report.level == "teacher" else made["汇总"]
    checks = {} if report.level == "teacher" else _by_rule(report)
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(map(inert, [*main.columns, *checks, "截至日期", "规则"]))
    for number, row in enumerate(main.rows):
        found = [cells[number] for cells in checks.values()]
        writer.writerow([inert(cell) for cell in (*row, *found, str(report.as_of), _rules(report))])
    return out.getvalue().encode("utf-8-sig")


def as_xlsx(report: Report) -> bytes:
    """A workbook with a sheet for each table; numbers are numbers, and no text is ever a formula."""
    import xlsxwriter

    out = io.BytesIO()
    plain = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False, "in_memory": True}
    with xlsxwriter.Workbook(out, plain) as book:
        bold = book.add_format({"bold": True})
        for sheet in sheets(report):
            page = book.add_worksheet(sheet.name)
            page.write_row(0, 0, sheet.columns, bold)
            page.freeze_panes(1, 0)
            for place, column in enumerate(sheet.columns):
                cells = [column, *(str(row[place]) for row in sheet.rows[:200])]
                page.set_column(place, place, min(60, 2 + max(sum(1 + (c > "\u2e80") for c in cell) for cell in cells)))
            for number, row in enumerate(sheet.rows, 1):
                for place, cell in enumerate(row):
                    if isinstance(cell, str):
                        page.write_string(number, place, cell)
                    elif cell is not None:
                        page.write_number(number, place, cell)
    return out.getvalue()


_CHECK = ["规则", "数值", "最低", "结果", "政策", "条款"]


def _check(check: Check) -> list[Cell]:
    name = f"{check.name}（沿用）" if check.carried_forward else check.name
    return [name, _number(check.value), _number(check.minimum), STATUS[check.status], check.policy_id, check.locator]


def _by_rule(report: Report) -> dict[str, list[Cell]]:
    """Of every rule that some unit is held against, the outcome of each row of the summary."""
    rows = [*report.rows, *([] if report.rows == [report.totals] else [report.totals])]
    names = dict.fromkeys(check.name for row in rows for check in row.checks)
    found: dict[str, list[Cell]] = {}
    for name in names:
        checks = [next((check for check in row.checks if check.name == name), None) for row in rows]
        found[name] = [_number(check.value) if check else None for check in checks]
        found[f"{name}：结果"] = [STATUS[check.status] if check else None for check in checks]
    return found


def _unit_columns(report: Report) -> list[str]:
    return ["单位", "层级", "教师数", "达标", "未达标", "无记录", "达标率", "还差学时", *_gaps(report)]


def _unit(report: Report, row: Row, before: str) -> list[Cell]:
    counts: list[Cell] = [row.teachers, row.met, row.short, row.no_records]
    gaps = [_number(row.shortfall.get(name)) for name in report.totals.shortfall]
    return [before + row.unit, LEVELS[row.level], *counts, _number(row.rate), _number(row.remaining), *gaps]


def _teacher_columns(report: Report) -> list[str]:
    return ["单位", "教师编号", "姓名", "计入学时", "还差学时", "达标", "待审核学时", *_gaps(report)]


def _teacher(report: Report, one: TeacherRow) -> list[Cell]:
    met = "没有学时规定" if one.met is None else "是" if one.met else "否"
    gaps = [_number(one.shortfall.get(name)) for name in report.totals.shortfall]
    figures = [_number(one.counted), _number(one.remaining), met, _number(one.pending)]
    return [one.unit, one.teacher_id, one.name, *figures, *gaps]


def _gaps(report: Report) -> list[str]:
    return [f"{name}还差" for name in report.totals.shortfall]


def _by_school(report: Report) -> Iterator[list[Cell]]:
    """Every school's sums over its teachers, and the sum of all."""
    schools = [(unit, list(group)) for unit, group in groupby(report.teachers, lambda one: one.unit)]
    for name, teachers in (*schools, ("合计", report.teachers)):
        gaps = [_sum(one.shortfall.get(category) for one in teachers) for category in report.totals.shortfall]
        short = sum(one.met is False for one in teachers)
        yield [name, len(teachers), short, _sum(one.remaining for one in teachers), *gaps]


def _sum(numbers: Iterator[str | None]) -> Decimal:
    return sum((Decimal(number) for number in numbers if number), Decimal(0))


def _about(report: Report) -> Sheet:
    facts: list[list[Cell]] = [["单位", report.unit], ["年度", report.year], ["截至日期", str(report.as_of)]]
    facts += [
        [f"规则（{used.unit}）", _rule(used.rule_set, used.version, used.carried_forward)] for used in report.rules
    ]
    return Sheet("说明", ["项目", "内容"], facts)


def _rules(report: Report) -> str:
    return "；".join(dict.fromkeys(_rule(one.rule_set, one.version, one.carried_forward) for one in report.rules))


def _rule(rule_set: str | None, version: object, carried_forward: bool) -> str:
    if rule_set is None:
        return "没有学时规定"
    return f"{rule_set}（{version} 起的版本{'，有效期已过，沿用' if carried_forward else ''}）"


def _number(said: str | None) -> Decimal | None:
    return None if said is None else Decimal(said)


def inert(cell: Cell) -> Cell:
    """A cell that a spreadsheet doesn't run."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_RUN) else cell
