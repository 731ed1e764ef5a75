"""How a gap is closed, in words."""

from assistant import hours
from assistant.answer import Outcome, PlanItem, Table
from assistant.draft import Draft
from assistant.planner.say.common import calculated, mark, next_questions, notes, period, total_mark
from assistant.planner.say.hours import standing
from assistant.results import Hours, MadeUp


def planned(result: Hours) -> Draft:
    """How the gap is closed for the least, and at what pace."""
    made, plan, who = calculated(result), result.made_up, "您" if result.own else result.name
    assert plan is not None  # noqa: S101  the caller looked
    if made.met:
        text = f"{period(made)}{who}已达到要求：已计入 {made.counted} 学时，不需要再补{total_mark(made)}。"
        return Draft(text + notes(result), Outcome.ANSWERED, suggestions=next_questions(result))
    start = f"{period(made)}{who}{standing(made)}{total_mark(made)}。"
    if plan.items is None:
        why = Table(caption="无法补足的原因", columns=["原因"], rows=[[plan.impossible]], total_rows=1)
        return Draft(start + plan.impossible + notes(result), Outcome.ANSWERED, [why], next_questions(result))
    total = hours.show(sum(hours.parse(item.hours) for item in plan.items))
    tables = [_plan_table(plan, total)]
    if any(item.title for item in plan.items):
        cost = hours.show(sum(hours.parse(fee) for fee in plan.fees))
        said = f"费用最少的办法：选 {len(plan.items)} 门课，共 {total} 学时、{cost} 元，列在下面。"
    else:
        each = "、".join(
            f"{_source(item, anywhere)} {item.hours} 学时{mark(item.citation)}"
            for item, anywhere in zip(plan.items, plan.anywhere, strict=True)
        )
        said = f"最少还要取得并审核通过 {total} 学时：{each}。"
        if result.open_caps:
            said += (
                "其中" + "，".join(f"{say}{mark(token)}" for say, token in result.open_caps) + "，已到上限的不再计入。"
            )
    if plan.pace:
        pace = plan.pace
        said += f"到{made.to}还有 {pace.days_left} 天（含当天），平均每周不少于 {hours.show(pace.per_week)} 学时。"
        cells = [made.to.isoformat(), str(pace.days_left), hours.show(pace.per_week)]
        tables.append(
            Table(caption="进度", columns=["截止日期", "剩余天数", "平均每周学时"], rows=[cells], total_rows=1)
        )
    else:
        said += "核算期间已经结束，能否补学请向学校核实。"
    if made.pending != "0":
        said += f"另有 {made.pending} 学时待审核，没有算在内；若全部通过，还差 {made.remaining_if_approved} 学时。"
    return Draft(start + said + notes(result), Outcome.ANSWERED, tables, next_questions(result))


def _source(item: PlanItem, anywhere: bool) -> str:
    source = f"{item.category}（{item.organiser}）" if item.organiser else item.category
    return f"{source}（其他计入的科目类别也可以）" if anywhere else source


def _plan_table(plan: MadeUp, total: str) -> Table:
    items = plan.items or ()
    rows = [[item.category, item.organiser or "未到上限的均可", item.hours, item.title or ""] for item in items]
    columns = ["科目类别", "组织单位", "学时", "课程"]
    if plan.fees:
        columns, rows = [*columns, "费用（元）"], [[*row, fee] for row, fee in zip(rows, plan.fees, strict=True)]
    else:
        columns, rows = columns[:-1], [row[:-1] for row in rows]
    return Table(caption=f"补学方案，共 {total} 学时", columns=columns, rows=rows, total_rows=len(rows))
