"""From the tools' results to words. Every figure said is read off a result; nothing is computed but counts and sums.

Clauses are cited by their tokens in `[^…]`, which become numbers when the answer is sealed.
"""

from collections.abc import Iterable, Sequence

from assistant import hours
from assistant.answer import Calculation, CategoryLine, NotCounted, Outcome, PlanItem, Table
from assistant.draft import Draft
from assistant.figures import figures
from assistant.fixed import DENIED
from assistant.planner.evidence import answering, needs_attachment
from assistant.planner.read import Intent, Reading
from assistant.planner.words import plain, subject
from assistant.results import Clauses, Denied, Hours, MadeUp, Namesakes, NotATeacher, Records, Result
from assistant.rules.calculate import REJECTED, Record

MOST_ROWS = 500

_OF_A_TEACHER = ["（教师编号）今年还差多少学时？", "镇级培训最多能计多少学时？"]

_COLUMNS = ["记录编号", "项目名称", "科目类别", "组织单位", "学时", "完成日期", "审核状态"]
_WHY = {
    "cap": "超过登记上限",
    "pending": "待审核",
    "rejected": "已驳回",
    "outside_period": "不在核算期间内",
    "unclassified": "没有规则可归",
    "duplicate": "重复申报",
}


def compose(reading: Reading, results: Sequence[Result], year: int) -> Draft:
    """The answer that the results make. `year`: this year."""
    first = results[0] if results else None
    match first:
        case Denied():
            return Draft(DENIED, Outcome.NOT_PERMITTED, suggestions=_usual(year))
        case Namesakes():
            return _namesakes(first)
        case NotATeacher():
            text = "您的账号没有对应的教师档案，因此没有本人的学时。请写出要查询的教师姓名或编号。"
            return Draft(text, Outcome.CLARIFY, suggestions=_OF_A_TEACHER)
        case Hours(calculation=None):
            return _no_rule(first)
        case Hours() if reading.intent is Intent.WHY:
            return _why(reading, first)
        case Hours(made_up=made_up) if made_up is not None:
            return planned(first)
        case Hours():
            return _what_if(first) if first.projection else _gap(reading, first)
        case Records():
            return _records(reading, first, year)
        case Clauses():
            return _clauses(reading, first, year)
    raise LookupError("no result")


def unclear(reading: Reading, year: int) -> Draft:
    """One question back, with choices."""
    if reading.items or "如果" in reading.question:
        text = "请说明假设再取得多少学时、属于哪个科目类别（公需科目、专业科目或个人选修科目）。"
        amount = next(iter(figures(reading.question)), None)
        said = amount.said if amount and amount.unit in ("学时", "课时") else "6"
        choices = [f"如果我再修{said}学时{name}，还差多少？" for name in ("公需科目", "专业科目", "个人选修科目")]
        return Draft(text, Outcome.CLARIFY, suggestions=choices)
    return Draft("没有完全读懂您的问题，请问您想查的是哪一项？", Outcome.CLARIFY, suggestions=_usual(year))


def everyone(role: str, year: int) -> Draft:
    """Questions about a whole unit."""
    if role == "teacher":
        return Draft(DENIED, Outcome.NOT_PERMITTED, suggestions=_usual(year))
    text = "对话里目前只能逐人查询。请写出教师的姓名或编号。"
    return Draft(text, Outcome.CLARIFY, suggestions=_OF_A_TEACHER)


def foreign(year: int) -> Draft:
    """What isn't ours to answer."""
    text = "我只回答教师继续教育的学时、学时记录和有关政策，这个问题不在范围内。"
    return Draft(text, Outcome.OUT_OF_SCOPE, suggestions=_usual(year))


def _usual(year: int) -> list[str]:
    return ["我今年还差多少学时？", "我有哪些待审核的记录？", "镇级培训最多能计多少学时？", f"列出我{year}年的记录"]


def _namesakes(result: Namesakes) -> Draft:
    listed = "、".join(f"{number}（{school}）" for number, school in result.teachers)
    table = Table(
        caption=f"姓名为{result.name}的教师",
        columns=["教师编号", "学校"],
        rows=[[number, school] for number, school in result.teachers],
        total_rows=len(result.teachers),
    )
    choices = [f"{number}今年还差多少学时？" for number, _ in result.teachers]
    return Draft(
        f"您可以查看的教师中，叫{result.name}的有：{listed}。请问是哪一位？", Outcome.CLARIFY, [table], choices
    )


def _no_rule(result: Hours) -> Draft:
    who = "您" if result.own else result.name
    table = _table(f"{result.year}年的学时记录", result.records)
    text = f"政策库中没有适用于{_place(result.place)}{result.year}年的学时规定，"
    text += f"因此不能判断{who}还差多少，也不会套用其他地方的规定。"
    text += f"{who}{result.year}年的记录列在下面。" if result.records else f"{result.year}年也没有查到{who}的记录。"
    return Draft(text, Outcome.NO_RULE, [table], _own_suggestions(result.own, ["我有哪些待审核的记录？"]))


def _gap(reading: Reading, result: Hours) -> Draft:
    """What is still to be done, of everything or of the categories asked about."""
    made, who = _made(result), "您" if result.own else result.name
    asked = [line for line in made.categories if line.category in reading.categories]
    absent = [name for name in reading.categories if name not in {line.category for line in made.categories}]
    if not result.records:
        text = f"{_period(made)}没有查到{who}的任何学时记录。要求不少于 {made.required} 学时{_total_mark(made)}，"
        text += f"目前还差 {made.remaining} 学时。" + _notes(result)
        return Draft(text, Outcome.NO_RECORDS, suggestions=_own_suggestions(result.own, ["镇级培训最多能计多少学时？"]))
    parts = [_category(line, made, who) for line in asked]
    parts += [f"{name}没有单列最低学时，{_period(made)}也没有{who}已审核的{name}记录。" for name in absent]
    if parts:
        parts.append(f"全部科目合计{_standing(made)}。")
    else:
        need = f"要求不少于 {made.required} 学时{_total_mark(made)}"
        parts = [f"{_period(made)}{who}{_standing(made)}：已计入 {made.counted} 学时，{need}。"]
        short = [line for line in made.categories if line.required is not None]
        if short:
            parts.append("；".join(_brief(line) for line in short) + "。")
    parts += _left_out(result)
    return Draft("".join(parts) + _notes(result), Outcome.ANSWERED, suggestions=_next(result))


def _standing(made: Calculation) -> str:
    return "已达到要求" if made.met else f"还差 {made.remaining} 学时"


def _category(line: CategoryLine, made: Calculation, who: str) -> str:
    if line.required is None:
        return f"现行规定没有为{line.category}单列最低学时；{_period(made)}{who}已计入 {line.counted} 学时。"
    state = "已达到要求" if line.shortfall == "0" else f"还差 {line.shortfall} 学时"
    start = f"{_period(made)}{who}的{line.category}{state}"
    return f"{start}：已计入 {line.counted} 学时，要求不少于 {line.required} 学时{_mark(line.citation)}。"


def _brief(line: CategoryLine) -> str:
    state = "已达到" if line.shortfall == "0" else f"还差 {line.shortfall}"
    return f"{line.category}{state}（计入 {line.counted}，要求 {line.required}）{_mark(line.citation)}"


def _left_out(result: Hours) -> list[str]:
    """What doesn't count, in a sentence each."""
    made, said = _made(result), []
    if result.cuts:
        each = "、".join(f"{say}{_mark(token)}" for say, token in result.cuts)
        total = f"，共 {made.beyond_caps} 学时" if len(result.cuts) > 1 else ""
        said.append(f"超过登记上限、没有计入的：{each}{total}。")
    if made.pending != "0":
        then = "即可达到要求" if made.remaining_if_approved == "0" else f"还差 {made.remaining_if_approved} 学时"
        said.append(f"另有 {made.pending} 学时待审核，没有计入{'' if made.met else f'；若全部通过，{then}'}。")
    for item in made.not_counted:
        if item.why in ("rejected", "unclassified"):
            said.append(f"{_WHY[item.why]} {item.hours} 学时，没有计入。")
    return said


def _why(reading: Reading, result: Hours) -> Draft:
    """Why records don't count: those asked about, or all that don't."""
    made = _made(result)
    records = {record.record_id: record for record in result.records}
    about = _about(reading, result.records)
    rows, said, seen = [], [], set[str]()
    for item in made.not_counted:
        ids = [name for name in item.record_ids if name in records and (about is None or name in about)]
        if ids and item.why != "outside_period":
            said.append(_reason(item, [records[name] for name in ids]))
            rows += [_why_row(records[name], _WHY[item.why]) for name in ids]
            seen.update(ids)
    if counted := [records[name] for name in records if name in (about or ()) and name not in seen]:
        said.append(f"已计入的有：{_titles(counted)}。")
        rows += [_why_row(record, "已计入") for record in counted]
    who = "您" if result.own else result.name
    if not said:
        nothing = "没有查到所问的记录" if about is not None else f"{who}已登记的学时都已计入"
        said.append(f"{_period(made)}{nothing}。")
    caption = f"{_period(made)}所问的记录" if about is not None else f"{_period(made)}没有计入的记录"
    table = [Table(caption=caption, columns=[*_COLUMNS[:-1], "原因"], rows=rows, total_rows=len(rows))] if rows else []
    outcome = Outcome.ANSWERED if result.records else Outcome.NO_RECORDS
    return Draft("".join(said) + _notes(result), outcome, table, _next(result))


def _reason(item: NotCounted, records: Sequence[Record]) -> str:
    titles, mark = _titles(records), _mark(item.citation)
    match item.why:
        case "cap":
            source = f"{records[0].organiser}的{records[0].category}"
            return f"{source}有登记上限{mark}，超出的 {item.hours} 学时不计入，涉及{titles}。"
        case "pending":
            return f"{titles}还在待审核，审核通过后才计入{mark}。"
        case "rejected":
            each = "、".join(f"“{_said(one.title)}”（{_said(one.reason or '没有写明原因')}）" for one in records)
            return f"已被驳回：{each}，驳回的不计入{mark}。"
        case _:
            return f"{titles}{_WHY[item.why]}，没有计入{mark}。"


def _about(reading: Reading, records: Sequence[Record]) -> set[str] | None:
    """The records that a question names by kind, status or a part of their title; None: it names none."""
    wanted = [record for record in records if _fits(reading, record)]
    if rest := "".join(reading.rest):
        pairs = {rest[at : at + 2] for at in range(len(rest) - 1)} or {rest}
        numbered = [record for record in wanted if plain(record.record_id) in reading.rest]
        titled = numbered or [record for record in wanted if any(pair in plain(record.title) for pair in pairs)]
        return {record.record_id for record in titled}
    if reading.categories or reading.organisers or reading.statuses:
        return {record.record_id for record in wanted}
    return None


def _fits(reading: Reading, record: Record) -> bool:
    return (
        (not reading.categories or record.category in reading.categories)
        and (not reading.organisers or record.organiser in reading.organisers)
        and (not reading.statuses or record.status in reading.statuses)
    )


def _what_if(result: Hours) -> Draft:
    made, after = _made(result), result.projection
    assert after is not None  # noqa: S101  the caller looked
    added = "、".join(
        f"{item.hours} 学时{item.category}{f'（{item.organiser}）' if item.organiser else ''}" for item in after.assumed
    )
    state = "就达到要求了" if after.met else f"还差 {after.remaining} 学时"
    text = f"假设再取得 {added}并审核通过，{state}（现在{_standing(made)}）{_total_mark(after)}。"
    if after.beyond_caps != made.beyond_caps:
        marks = dict.fromkeys(_mark(item.citation) for item in after.not_counted if item.why == "cap")
        text += f"超过登记上限、不计入的共 {after.beyond_caps} 学时{''.join(marks)}。"
    if result.open_caps:
        text += "以上按没有登记上限的来源计算；" + "，".join(f"{say}{_mark(at)}" for say, at in result.open_caps) + "。"
    short = [line for line in after.categories if line.shortfall != "0"]
    if short:
        text += "届时" + "；".join(_brief(line) for line in short) + "。"
    return Draft(text + _notes(result), Outcome.ANSWERED, suggestions=_next(result))


def planned(result: Hours) -> Draft:
    """How the gap is closed for the least, and at what pace."""
    made, plan, who = _made(result), result.made_up, "您" if result.own else result.name
    assert plan is not None  # noqa: S101  the caller looked
    if made.met:
        text = f"{_period(made)}{who}已达到要求：已计入 {made.counted} 学时，不需要再补{_total_mark(made)}。"
        return Draft(text + _notes(result), Outcome.ANSWERED, suggestions=_next(result))
    start = f"{_period(made)}{who}{_standing(made)}{_total_mark(made)}。"
    if plan.items is None:
        why = Table(caption="无法补足的原因", columns=["原因"], rows=[[plan.impossible]], total_rows=1)
        return Draft(start + plan.impossible + _notes(result), Outcome.ANSWERED, [why], _next(result))
    total = hours.show(sum(hours.parse(item.hours) for item in plan.items))
    tables = [_plan_table(plan, total)]
    if any(item.title for item in plan.items):
        cost = hours.show(sum(hours.parse(fee) for fee in plan.fees))
        said = f"费用最少的办法：选 {len(plan.items)} 门课，共 {total} 学时、{cost} 元，列在下面。"
    else:
        each = "、".join(
            f"{_source(item, anywhere)} {item.hours} 学时{_mark(item.citation)}"
            for item, anywhere in zip(plan.items, plan.anywhere, strict=True)
        )
        said = f"最少还要取得并审核通过 {total} 学时：{each}。"
        if result.open_caps:
            said += (
                "其中" + "，".join(f"{say}{_mark(token)}" for say, token in result.open_caps) + "，已到上限的不再计入。"
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
    return Draft(start + said + _notes(result), Outcome.ANSWERED, tables, _next(result))


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


def _records(reading: Reading, result: Records, year: int) -> Draft:
    who = "您" if result.own else result.name
    when = f"{result.year}年" if result.year else ""
    what = "".join("、".join(said) for said in (reading.statuses, reading.organisers, reading.categories))
    if not result.records:
        text = f"{when}没有查到{who}的{what}记录。"
        outcome = Outcome.ANSWERED if result.any_in_year else Outcome.NO_RECORDS
        return Draft(text, outcome, [_table(f"{who}{when}的{what}记录", [])], _usual(year))
    total = hours.show(sum(record.hours for record in result.records))
    # Of a list that is cut nobody can check the sum.
    summed = f"，共 {total} 学时" if len(result.records) <= MOST_ROWS else ""
    text = f"{when}{who}有 {len(result.records)} 条{what}记录{summed}，列在下面。"
    for record in result.records:
        if record.reason and "已驳回" in reading.statuses:
            text += f"“{_said(record.title)}”被驳回的原因：{_said(record.reason)}。"
    table = _table(f"{who}{when}的{what}记录", result.records)
    return Draft(
        text,
        Outcome.ANSWERED,
        [table],
        _own_suggestions(result.own, ["我今年还差多少学时？", "为什么有的学时没有计入？"]),
    )


def _clauses(reading: Reading, result: Clauses, year: int) -> Draft:
    """What a policy says, in its own words; or that the corpus doesn't say."""
    about_hours = any(word in reading.question for word in ("学时", "课时", "学分"))
    best = answering(reading, result.found)
    elsewhere = bool(best and result.absent and needs_attachment(reading, best))
    if best is None or elsewhere:
        if about_hours and not result.hour_rule and (not result.found or not subject(reading.question)):
            text = f"政策库中没有适用于{_place(result.place)}的学时规定，也不会套用其他地方的规定。"
            return Draft(text, Outcome.NO_RULE, suggestions=_usual(year))
        if not reading.domain and not elsewhere:
            return foreign(year)
        text = "政策库里没有找到能回答这个问题的条款，不作推测。"
        if result.absent:
            text += f"有关的附件没有收录在本库：“{result.absent.quote}”{_mark(result.absent.token)}"
        if result.contact:
            text += f"政策写明的咨询部门：“{result.contact.quote}”{_mark(result.contact.token)}"
        return Draft(text, Outcome.NO_EVIDENCE, suggestions=_usual(year))
    number = f"（{best.policy.number}）" if best.policy.number else ""
    kind = "（本库摘要）" if best.clause.kind == "digest" else ""
    text = f"《{best.policy.title}》{number}{best.clause.locator}{kind}：“{best.quote}”{_mark(best.token)}"
    if best.ended:
        text += "该政策的有效期已经结束，政策库中没有查到后续规定，是否仍然执行请向发文机关核实。"
    return Draft(text, Outcome.ANSWERED, suggestions=["我今年还差多少学时？", "我有哪些待审核的记录？"])


def _made(result: Hours) -> Calculation:
    assert result.calculation is not None  # noqa: S101  the caller looked
    return result.calculation


def _period(made: Calculation) -> str:
    first, last = made.from_.year, made.to.year
    return f"{first}年" if first == last else f"{first}年至{last}年"


def _place(place: str) -> str:
    return place.replace("/", "")


def _mark(token: str | None) -> str:
    return f"[^{token}]" if token else ""


def _total_mark(made: Calculation) -> str:
    """The clause of the total: that of the step that states it."""
    totals = [step.citation for step in made.steps if step.text.startswith("合计") and step.citation]
    return _mark(totals[0] if totals else None)


def _notes(result: Hours) -> str:
    return "".join(f"说明：{say}{_mark(token)}。" for say, token in result.notes)


def _said(data: str) -> str:
    """Words out of a record, which must not read as a citation."""
    return data.replace("[", "［").replace("]", "］")


def _titles(records: Iterable[Record]) -> str:
    names = [f"“{_said(record.title)}”" for record in records]
    return "、".join(names[:5]) + ("等" if len(names) > 5 else "")


def _row(record: Record) -> list[str]:
    return [
        record.record_id,
        record.title,
        record.category,
        record.organiser or "",
        hours.show(record.hours),
        record.completed_on.isoformat(),
        f"{record.status}：{record.reason}" if record.reason and record.status == REJECTED else record.status,
    ]


def _why_row(record: Record, why: str) -> list[str]:
    return [*_row(record)[:-1], f"{why}：{record.reason}" if record.reason and why == _WHY["rejected"] else why]


def _table(caption: str, records: Sequence[Record]) -> Table:
    rows = [_row(record) for record in records[:MOST_ROWS]]
    return Table(caption=caption, columns=_COLUMNS, rows=rows, total_rows=len(records))


def _next(result: Hours) -> list[str]:
    made = _made(result)
    offers = ["为什么有的学时没有计入？"] if any(item.why != "outside_period" for item in made.not_counted) else []
    offers += [
        f"如果我再修{line.shortfall}学时{line.category}呢？" for line in made.categories if line.shortfall != "0"
    ][:1]
    return _own_suggestions(result.own, [*offers, "列出我今年的记录"])


def _own_suggestions(own: bool, suggestions: list[str]) -> list[str]:
    """Questions about oneself are offered to oneself only."""
    return suggestions if own else []
