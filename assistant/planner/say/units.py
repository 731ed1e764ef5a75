"""How a unit stands, in words: its counts and rate, its teachers or units by name, money and reach."""

from collections.abc import Sequence

from assistant.answer import Outcome, Table
from assistant.compliance import Check, Report, Row
from assistant.draft import Draft
from assistant.fixed import DENIED
from assistant.planner.read import Reading
from assistant.planner.say.common import mark, usual
from assistant.planner.surveys import Survey
from assistant.results import Compliance, Units
from assistant.tabled import STATUS, cycle, percent, school

_NAMED = 10  # teachers or units named in the text: the rest stands in the table
_ORDERS = {
    "lowest_rate": "按达标率从低到高",
    "highest_rate": "按达标率从高到低",
    "most_short": "按未达标人数从多到少",
    "most_remaining": "按还差学时从多到少",
    "least_remaining": "按还差学时从少到多",
    "most_counted": "按已计入学时从多到少",
}
_ONLY = {"short": "未达标", "met": "已达标", "no_records": "没有学时记录"}


def surveyed(reading: Reading, results: Sequence[Compliance]) -> Draft:
    """What was asked of one unit; of several, or of several years, each in turn."""
    parts = [_unit(reading, result) for result in results]
    tables = [table for result in results for table in _tables(reading, result)]
    text = (
        "".join(parts)
        + ("" if _survey(reading).about else _compared(results))
        + _doubts([result.report for result in results])
    )
    return Draft(text, _outcome(reading, results), tables, _offers(reading, results[0]))


def several_called(result: Units) -> Draft:
    """Which of some units is meant."""
    listed = "、".join(path.replace("/", "") for path in result.paths)
    choices = [f"{school(path)}的达标率是多少？" for path in result.paths]
    rows = [[path] for path in result.paths]
    table = Table(caption=f"名称为{result.name}的单位", columns=["单位"], rows=rows, total_rows=len(rows))
    return Draft(
        f"您可以查看的单位中，叫{result.name}的有：{listed}。请问是哪一个？", Outcome.CLARIFY, [table], choices
    )


def denied_unit() -> Draft:
    """A unit isn't the asker's to see, or there is none."""
    return Draft(DENIED, Outcome.NOT_PERMITTED, suggestions=usual())


def _survey(reading: Reading) -> Survey:
    return reading.survey or Survey()


def _outcome(reading: Reading, results: Sequence[Compliance]) -> Outcome:
    about = _survey(reading).about
    told = any(result.report.totals.checks if about else _ruled(result) for result in results)
    return Outcome.ANSWERED if told else Outcome.NO_RULE


def _ruled(result: Compliance) -> bool:
    return result.report.totals.met is not None


def _unit(reading: Reading, result: Compliance) -> str:
    report, survey = result.report, _survey(reading)
    if survey.about:
        return _checked(reading, result)
    head = f"{school(report.unit)}{report.year}年（{cycle(report)}截至{report.as_of}）"
    if not _ruled(result):
        return f"{head}共有教师 {report.totals.teachers} 人。政策库中没有适用于这里的学时规定，不能判断谁达标。"
    said = f"{head}：{_totals(report.totals)}{mark(result.rule)}。"
    if reading.categories or (survey.level is None and survey.order is None):
        said += _gaps(reading, report.totals)
    if report.level == "teacher":
        return said + _roster(reading, result)
    return said + (_ranked(reading, result) if survey.level or survey.order else "")


def _totals(row: Row) -> str:
    none = f"（其中 {row.no_records} 人没有任何记录）" if row.no_records else ""
    counts = f"教师 {row.teachers} 人，已达标 {row.met} 人，未达标 {row.short} 人{none}"
    gap = f"，合计还差 {row.remaining} 学时" if row.remaining != "0" else ""
    return f"{counts}，达标率 {percent(row.rate)}{gap}"


def _gaps(reading: Reading, row: Row) -> str:
    """The gap of each category, or of those asked about."""
    wanted = [name for name in row.shortfall if not reading.categories or name in reading.categories]
    lacking = [f"{name}还差 {row.shortfall[name]} 学时" for name in wanted]
    return f"按科目：{'，'.join(lacking)}。" if lacking and row.remaining != "0" else ""


def _roster(reading: Reading, result: Compliance) -> str:
    survey, teachers = _survey(reading), result.report.teachers
    what = _ONLY.get(survey.only or "", "")
    of = f"{reading.categories[0]}" if reading.categories and survey.only in ("short", "met") else ""
    if not teachers:
        return f"没有{of}{what}的教师。" if what else "没有教师。"
    order = f"{_ORDERS[survey.order]}，" if survey.order in _ORDERS else ""
    cut = f"，这里列出前 {len(teachers)} 人" if len(teachers) < result.total else ""
    listed = f"{order}{of}{what}的教师共 {result.total} 人{cut}：" if what else f"{order}列出 {len(teachers)} 人："
    gap = reading.categories[0] if reading.categories else None
    names = []
    for one in teachers[:_NAMED]:
        short = one.shortfall.get(gap) if gap else one.remaining
        names.append(
            f"{one.name}（{one.teacher_id}）" + (f"{gap or ''}还差 {short}" if short not in (None, "0") else "")
        )
    return listed + "、".join(names) + ("等，名单见表" if len(teachers) > _NAMED else "") + "。"


def _ranked(reading: Reading, result: Compliance) -> str:
    rows, order = result.report.rows, _survey(reading).order
    if not rows:
        return "下面没有这一级的单位。"
    said = f"{_ORDERS[order]}：" if order in _ORDERS else "其中："
    each = [
        f"{school(row.unit)}达标率 {percent(row.rate)}、未达标 {row.short} 人、{_lacking(reading, row)}"
        for row in rows[:_NAMED]
    ]
    return said + "；".join(each) + ("等" if len(rows) > _NAMED else "") + "。"


def _lacking(reading: Reading, row: Row) -> str:
    """What a unit lacks in all, or of the category asked about."""
    gap = reading.categories[0] if reading.categories else None
    return f"{gap}还差 {row.shortfall[gap]} 学时" if gap in row.shortfall else f"还差 {row.remaining} 学时"


def _checked(reading: Reading, result: Compliance) -> str:
    """The ratio or the coverage rules held against the units asked about."""
    report = result.report
    rows = report.rows if report.totals in report.rows else [*report.rows, report.totals]
    found = [(row, check) for row in rows for check in row.checks if _about(reading, check)]
    head = f"{school(report.unit)}{report.year}年（截至{report.as_of}）"
    if not found:
        what = "覆盖" if _survey(reading).about == "coverage" else "经费比例"
        return f"{head}：政策库中没有适用于这一级单位的{what}规定。"
    said = [_check(row, check, result) for row, check in found[:_NAMED]]
    return f"{head}：{'；'.join(said)}{'等，见表' if len(found) > _NAMED else ''}。"


def _check(row: Row, check: Check, result: Compliance) -> str:
    least = percent(check.minimum) if "/" not in check.minimum else check.minimum
    token = result.clauses.get(f"{check.policy_id}#{check.rule}")
    value = "没有数据，不能判断" if check.value is None else f"为 {percent(check.value)}，{STATUS[check.status]}要求"
    return f"{school(row.unit)}的{check.name}{value}（不低于 {least}）{mark(token)}"


def _about(reading: Reading, check: Check) -> bool:
    """Whether a check is of the kind asked about; the names of rules say which kind they are."""
    about = _survey(reading).about
    return about == "both" or ("经费" in check.name) is (about == "ratio")


def _compared(results: Sequence[Compliance]) -> str:
    """Of two units or years, where the rate is higher."""
    rates = [(one.report, one.report.totals.rate) for one in results]
    if len(rates) != 2 or None in (rates[0][1], rates[1][1]):
        return ""
    (one, first), (other, second) = rates
    if first == second:
        return "两者的达标率相同。"
    high = one if float(first or 0) > float(second or 0) else other
    return f"达标率较高的是{school(high.unit)}（{high.year}年）。"


def _doubts(reports: Sequence[Report]) -> str:
    carried = any(report.carried_forward for report in reports)
    return "说明：规则的有效期已经结束，政策库中没有后续规定，暂按原规则核算。" if carried else ""


def _tables(reading: Reading, result: Compliance) -> Sequence[Table]:
    """Without the checks where they weren't asked about."""
    checks = [table for table in result.tables if "项目" in table.columns]
    return checks if _survey(reading).about and checks else [table for table in result.tables if table not in checks]


def _offers(reading: Reading, result: Compliance) -> list[str]:
    unit = school(result.report.unit)
    offers = [] if result.report.level == "teacher" else [f"{unit}还有哪些老师没达标？"]
    offers += [f"{unit}哪些老师没有任何记录？"] if result.report.totals.no_records else []
    offers += [f"{unit}各校达标率排名"] if result.report.totals.level != "school" else [f"{unit}培训经费比例达标吗？"]
    return offers
