"""A teacher's records in words."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from assistant import hours
from assistant.answer import Outcome, Table
from assistant.draft import Draft
from assistant.planner.read import Reading
from assistant.planner.say.common import MOST_ROWS, by_status, from_record, hours_of, records_table, to_oneself, usual
from assistant.planner.words import plain
from assistant.results import Records
from assistant.rules.calculate import Record

_TITLE = 3  # characters left over that may be of a title


def listed(reading: Reading, result: Records) -> Draft:
    """The records asked for, their number and their hours."""
    who, when = "您" if result.own else result.name, period_said(result.start, result.end)
    result = replace(result, records=_titled(reading, _of_years(reading, result.records)))
    what = "".join("、".join(said) for said in (reading.statuses, reading.organisers, reading.categories))
    if not result.records:
        text = f"{when}没有查到{who}的{what}记录。"
        outcome = Outcome.ANSWERED if result.any_in_period else Outcome.NO_RECORDS
        return Draft(text, outcome, [records_table(f"{who}{when}的{what}记录", [])], usual())
    total = hours.show(sum(record.hours for record in result.records))
    # Of a list that is cut nobody can check the sum.
    summed = f"，共 {total} 学时" if len(result.records) <= MOST_ROWS else ""
    text = f"{when}{who}有 {len(result.records)} 条{what}记录{summed}，列在下面。"
    tables = [records_table(f"{who}{when}的{what}记录", result.records)]
    if not reading.statuses and len({record.status for record in result.records}) > 1 and summed:
        tables.append(by_status(result.records, f"{who}{when}"))
        text += "其中" + "、".join(f"{row[0]} {row[2]} 学时" for row in tables[-1].rows) + "。"
    for record in result.records:
        if record.reason and "已驳回" in reading.statuses:
            text += f"“{from_record(record.title)}”被驳回的原因：{from_record(record.reason)}。"
    if result.start and not _whole_years(result.start, result.end) and summed:
        text += "以上是登记的学时数；要求按整个核算期间算。"
    return Draft(
        text, Outcome.ANSWERED, tables, to_oneself(result.own, ["我今年还差多少学时？", "为什么有的学时没有计入？"])
    )


def _of_years(reading: Reading, records: Sequence[Record]) -> Sequence[Record]:
    """Those of the years named, which needn't follow each other."""
    years = () if reading.span else reading.years
    return [record for record in records if not years or record.completed_on.year in years]


def _titled(reading: Reading, records: Sequence[Record]) -> Sequence[Record]:
    """Those that a part of their title names, where one is named so."""
    parts = [part for part in reading.rest if len(part) >= _TITLE]
    pairs = {part[at : at + 2] for part in parts for at in range(len(part) - 1)}
    return [record for record in records if any(pair in plain(record.title) for pair in pairs)] or records


def by_year(reading: Reading, result: Records) -> Draft:
    """The records of every year, summed."""
    who, what = "您" if result.own else result.name, "、".join((*reading.organisers, *reading.categories))
    result = replace(result, records=_of_years(reading, result.records))
    if not result.records:
        return Draft(f"没有查到{who}的任何学时记录。", Outcome.NO_RECORDS, suggestions=usual())
    years = defaultdict[int, list[Record]](list)
    for record in result.records:
        years[record.completed_on.year].append(record)
    kind = ["科目类别"] if what in reading.categories else []
    columns = ["年份", *kind, "记录数", "已审核学时", "待审核学时", "已驳回学时"]
    rows = [_of_year([f"{year}年", *(what for _ in kind)], some) for year, some in sorted(years.items())]
    said = "；".join(f"{row[0]}已审核 {row[-3]} 学时" for row in rows)
    if len(rows) > 1 and not kind:
        rows.append(_of_year(["合计", *(what for _ in kind)], result.records))
        said += f"；合计已审核 {rows[-1][-3]} 学时"
    table = Table(caption=f"{who}历年的{what}学时记录", columns=columns, rows=rows, total_rows=len(rows))
    text = f"{who}的{what}记录按年：{said}。以上是登记的学时数，没有按规则核算。"
    choices = [f"我{year}年还差多少学时？" for year in sorted(years, reverse=True)[:3]]
    return Draft(text, Outcome.ANSWERED, [table], to_oneself(result.own, choices))


def _of_year(labels: Sequence[str], records: Sequence[Record]) -> list[str]:
    """A row: how many records, and the hours of each status."""
    sums = [hours_of(one for one in records if one.status == status) for status in ("已审核", "待审核", "已驳回")]
    return [*labels, str(len(records)), *sums]


def period_said(start: date | None, end: date | None) -> str:
    """A stretch of days as it is said: whole years as such; nothing where it isn't bounded."""
    if start is None or end is None:
        return ""
    if _whole_years(start, end):
        return f"{start.year}年" if start.year == end.year else f"{start.year}年至{end.year}年"
    return f"{start.year}年{start.month}月{start.day}日至{end.year}年{end.month}月{end.day}日"


def _whole_years(start: date, end: date | None) -> bool:
    return end is not None and (start.month, start.day, end.month, end.day) == (1, 1, 12, 31)
