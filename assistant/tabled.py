"""Compliance reports as an answer's tables: every figure that may be said of a report stands in one of them."""

from collections.abc import Sequence
from decimal import Decimal
from urllib.parse import urlencode

from assistant.answer import Table
from assistant.compliance import Check, Report, Row, TeacherRow

STATUS = {"met": "达到", "short": "未达到", "no_data": "没有数据"}
_UNKNOWN = "—"


def percent(share: str | None) -> str:
    """A share of one as a percentage: 0.775 is 77.5%."""
    return _UNKNOWN if share is None else f"{(Decimal(share) * 100).normalize():f}%"


def school(unit: str) -> str:
    """The last part of a unit's path."""
    return unit.rsplit("/", 1)[-1]


def cycle(report: Report) -> str:
    """The cycle of several years that is reckoned, where it is one and the same for all; with a comma after it."""
    periods = {(one.from_, one.to) for one in report.rules}
    start, end = next(iter(periods), (None, None))
    if len(periods) != 1 or start is None or end is None or start.year == end.year:
        return ""
    return f"{start.year}年至{end.year}年周期，"


def tables(report: Report, total: int) -> list[Table]:
    """The teachers or the units of a report, and the checks made on them; `total`: how many the list was cut from."""
    made = [_roster(report, total)] if report.level == "teacher" else []
    made.append(_units(report, [report.totals] if report.level == "teacher" else report.rows, total))
    checked = _checks(report)
    return [*made, checked] if checked.rows else made


def gaps(row: Row) -> list[str]:
    """The categories that a unit's rules have minima for."""
    return list(row.shortfall)


def _units(report: Report, rows: Sequence[Row], total: int) -> Table:
    names = gaps(report.totals)
    columns = ["单位", "教师数", "已达标", "未达标", "没有记录", "达标率", "还差学时"]
    every = [*rows, *([] if list(rows) == [report.totals] else [report.totals])]
    return Table(
        caption=f"{school(report.unit)}{report.year}年达标情况（{cycle(report)}截至{report.as_of}）",
        columns=[*columns, *(f"{name}还差" for name in names)],
        rows=[_unit(report, row, names) for row in every],
        total_rows=len(every) if report.level == "teacher" else max(total, len(rows)) + len(every) - len(rows),
        export_url=export_url(report),
    )


def _unit(report: Report, row: Row, names: Sequence[str]) -> list[str]:
    label = school(row.unit) if row is not report.totals or row in report.rows else f"合计：{school(row.unit)}"
    figures = [str(row.teachers), _count(row.met), _count(row.short), str(row.no_records), percent(row.rate)]
    return [label, *figures, row.remaining or _UNKNOWN, *(row.shortfall.get(name, _UNKNOWN) for name in names)]


def _roster(report: Report, total: int) -> Table:
    names = gaps(report.totals)
    columns = ["教师编号", "姓名", "学校", "已计入", "还差", "待审核", *(f"{name}还差" for name in names)]
    return Table(
        caption=f"{school(report.unit)}{report.year}年教师名单（{cycle(report)}截至{report.as_of}）",
        columns=columns,
        rows=[_teacher(one, names) for one in report.teachers],
        total_rows=total,
        export_url=export_url(report),
    )


def _teacher(one: TeacherRow, names: Sequence[str]) -> list[str]:
    said = [one.teacher_id, one.name, school(one.unit), one.counted or _UNKNOWN, one.remaining or _UNKNOWN, one.pending]
    return [*said, *(one.shortfall.get(name, _UNKNOWN) for name in names)]


def _checks(report: Report) -> Table:
    rows = report.rows if report.totals in report.rows else [*report.rows, report.totals]
    cells = [_check(row, check) for row in rows for check in row.checks]
    return Table(
        caption=f"{school(report.unit)}{report.year}年经费与覆盖（截至{report.as_of}）",
        columns=["单位", "项目", "现为", "不低于", "结论"],
        rows=cells,
        total_rows=len(cells),
        export_url=export_url(report),
    )


def _check(row: Row, check: Check) -> list[str]:
    shares = percent(check.value), percent(check.minimum) if "/" not in check.minimum else check.minimum
    return [school(row.unit), check.name, *shares, STATUS[check.status]]


def export_url(report: Report, suffix: str = "xlsx") -> str:
    """Where the whole report is to be had as a file."""
    return f"/v1/compliance.{suffix}?" + urlencode({"unit": report.unit, "year": report.year, "level": report.level})


def _count(number: int | None) -> str:
    return _UNKNOWN if number is None else str(number)
