"""A teacher's hours in words: the gap of a year, and what-if."""

from assistant.answer import Calculation, CategoryLine, Outcome
from assistant.draft import Draft
from assistant.planner.read import Reading
from assistant.planner.say.common import (
    WHY,
    by_status,
    calculated,
    mark,
    next_questions,
    notes,
    period,
    place_name,
    records_table,
    to_oneself,
    total_mark,
)
from assistant.results import Hours
from assistant.rules.calculate import Record


def no_rule(result: Hours) -> Draft:
    """No hour rule holds: the records alone."""
    who = "您" if result.own else result.name
    tables = [records_table(f"{who}{result.year}年的学时记录", result.records)]
    text = f"政策库中没有适用于{place_name(result.place)}{result.year}年的学时规定，"
    text += f"因此不能判断{who}还差多少，也不会套用其他地方的规定。"
    if result.records:
        tables.append(by_status(result.records, f"{who}{result.year}年"))
        said = "、".join(f"{row[0]} {row[2]} 学时" for row in tables[-1].rows)
        text += f"{who}{result.year}年有 {len(result.records)} 条记录：{said}，列在下面。"
    else:
        text += f"{result.year}年也没有查到{who}的记录。"
    return Draft(text, Outcome.NO_RULE, tables, to_oneself(result.own, ["我有哪些待审核的记录？"]))


def gap(reading: Reading, result: Hours) -> Draft:
    """What is still to be done, of everything or of the categories asked about."""
    made, who = calculated(result), "您" if result.own else result.name
    asked = [line for line in made.categories if line.category in reading.categories]
    absent = [name for name in reading.categories if name not in {line.category for line in made.categories}]
    if not result.records:
        text = f"{period(made)}没有查到{who}的任何学时记录。要求不少于 {made.required} 学时{total_mark(made)}，"
        text += f"目前还差 {made.remaining} 学时。" + notes(result)
        return Draft(text, Outcome.NO_RECORDS, suggestions=to_oneself(result.own, ["镇级培训最多能计多少学时？"]))
    parts = [_category(line, made, who) for line in asked]
    parts += [f"{name}没有单列最低学时，{period(made)}也没有{who}已审核的{name}记录。" for name in absent]
    if parts:
        parts.append(f"全部科目合计{standing(made)}。")
    else:
        need = f"要求不少于 {made.required} 学时{total_mark(made)}"
        parts = [f"{period(made)}{who}{standing(made)}：已计入 {made.counted} 学时，{need}。"]
        short = [line for line in made.categories if line.required is not None]
        if short:
            parts.append("；".join(brief(line) for line in short) + "。")
    parts += _left_out(result)
    tables = []
    if made.from_.year != made.to.year and reading.year and (some := _in_year(reading, result)):
        tables.append(by_status(some, f"{reading.year}年"))
        parts.append(f"其中{reading.year}年登记的记录：")
        parts.append("、".join(f"{row[0]} {row[2]} 学时" for row in tables[-1].rows) + "。")
    return Draft("".join(parts) + notes(result), Outcome.ANSWERED, tables, next_questions(result))


def _in_year(reading: Reading, result: Hours) -> list[Record]:
    """Of a cycle, the records of the year asked about."""
    wanted = [one for one in result.records if one.completed_on.year == reading.year]
    return [one for one in wanted if not reading.categories or one.category in reading.categories]


def standing(made: Calculation) -> str:
    """Whether the hours are met, or how many remain."""
    return "已达到要求" if made.met else f"还差 {made.remaining} 学时"


def _category(line: CategoryLine, made: Calculation, who: str) -> str:
    if line.required is None:
        return f"现行规定没有为{line.category}单列最低学时；{period(made)}{who}已计入 {line.counted} 学时。"
    state = "已达到要求" if line.shortfall == "0" else f"还差 {line.shortfall} 学时"
    start = f"{period(made)}{who}的{line.category}{state}"
    return f"{start}：已计入 {line.counted} 学时，要求不少于 {line.required} 学时{mark(line.citation)}。"


def brief(line: CategoryLine) -> str:
    """A category with a minimum in a few words."""
    state = "已达到" if line.shortfall == "0" else f"还差 {line.shortfall}"
    return f"{line.category}{state}（计入 {line.counted}，要求 {line.required}）{mark(line.citation)}"


def _left_out(result: Hours) -> list[str]:
    """What doesn't count, in a sentence each."""
    made, said = calculated(result), []
    if result.cuts:
        each = "、".join(f"{say}{mark(token)}" for say, token in result.cuts)
        total = f"，共 {made.beyond_caps} 学时" if len(result.cuts) > 1 else ""
        said.append(f"超过登记上限、没有计入的：{each}{total}。")
    if made.pending != "0":
        then = "即可达到要求" if made.remaining_if_approved == "0" else f"还差 {made.remaining_if_approved} 学时"
        said.append(f"另有 {made.pending} 学时待审核，没有计入{'' if made.met else f'；若全部通过，{then}'}。")
    for item in made.not_counted:
        if item.why in ("rejected", "unclassified"):
            said.append(f"{WHY[item.why]} {item.hours} 学时，没有计入。")
    return said


def what_if(result: Hours) -> Draft:
    """What would be, with more hours."""
    made, after = calculated(result), result.projection
    assert after is not None  # noqa: S101  the caller looked
    added = "、".join(
        f"{item.hours} 学时{item.category}{f'（{item.organiser}）' if item.organiser else ''}" for item in after.assumed
    )
    state = "就达到要求了" if after.met else f"还差 {after.remaining} 学时"
    text = f"假设再取得 {added}并审核通过，{state}（现在{standing(made)}）{total_mark(after)}。"
    if after.beyond_caps != made.beyond_caps:
        marks = dict.fromkeys(mark(item.citation) for item in after.not_counted if item.why == "cap")
        text += f"超过登记上限、不计入的共 {after.beyond_caps} 学时{''.join(marks)}。"
    if result.open_caps:
        text += "以上按没有登记上限的来源计算；" + "，".join(f"{say}{mark(at)}" for say, at in result.open_caps) + "。"
    short = [line for line in after.categories if line.shortfall != "0"]
    if short:
        text += "届时" + "；".join(brief(line) for line in short) + "。"
    return Draft(text + notes(result), Outcome.ANSWERED, suggestions=next_questions(result))
