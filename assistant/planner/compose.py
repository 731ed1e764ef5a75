"""The answer to a message: what each of its questions got from the tools, in words, one after the other."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from assistant.answer import Outcome, Table
from assistant.draft import Draft
from assistant.figures import figures
from assistant.fixed import DENIED
from assistant.planner.guess import contents
from assistant.planner.read import Intent, Reading
from assistant.planner.say import clauses, hours, records, units
from assistant.planner.say.common import OF_A_UNIT, usual
from assistant.planner.say.plan import planned
from assistant.planner.say.why import why
from assistant.results import (
    Clauses,
    Compliance,
    Denied,
    Hours,
    Namesakes,
    NotATeacher,
    Records,
    Result,
    Units,
    foremost,
)

_MOST_SUGGESTIONS = 4


def together(drafts: Sequence[Draft]) -> Draft:
    """The answers to several questions as one; it is answered if one of them is."""
    if len(drafts) == 1:
        return drafts[0]
    outcomes = [draft.outcome for draft in drafts]
    suggestions = dict.fromkeys(one for draft in drafts for one in draft.suggestions)
    return Draft(
        "\n\n".join(draft.text for draft in drafts),
        Outcome.ANSWERED if Outcome.ANSWERED in outcomes else outcomes[0],
        [table for draft in drafts for table in draft.tables],
        list(suggestions)[:_MOST_SUGGESTIONS],
    )


def compose(reading: Reading, results: Sequence[Result]) -> Draft:
    """The answer to one question that the results make. LookupError: there is none."""
    if any(isinstance(result, Denied) for result in results):
        return Draft(DENIED, Outcome.NOT_PERMITTED, suggestions=usual())
    first = results[0] if results else None
    match first:
        case Compliance():
            return units.surveyed(reading, [one for one in results if isinstance(one, Compliance)])
        case Units():
            return units.several_called(first)
        case Clauses():
            return clauses.answered(reading, first)
        case None:
            raise LookupError("no result")
    told = _once(results)
    drafts = [_of_one(reading, result) for result in told]
    main = foremost(told)
    further = [one for one in told if isinstance(one, Hours) and one is not main]
    tables = [table for one in further for table in (one.table, _noted(one))]
    return replace(joined := _beside(drafts), tables=[*joined.tables, *_there(tables)])


def _noted(result: Hours) -> Table | None:
    """The notes on a calculation that the answer shows as a table: their figures stand nowhere else."""
    made = result.calculation
    if made is None:
        return None
    said = [text for text, _ in (*result.cuts, *result.notes)]
    if len(result.cuts) > 1:
        said.append(f"超出登记上限的共 {made.beyond_caps} 学时")
    if made.pending != "0":
        said.append(f"待审核 {made.pending} 学时，若全部通过，还差 {made.remaining_if_approved} 学时")
    said += [f"已驳回 {item.hours} 学时" for item in made.not_counted if item.why == "rejected"]
    rows = [[text] for text in said]
    return Table(caption=f"{result.name}：说明", columns=["说明"], rows=rows, total_rows=len(rows)) if rows else None


def _once(results: Sequence[Result]) -> list[Result]:
    """Without repetition: years of one cycle have one calculation."""
    seen: dict[object, Result] = {}
    for number, result in enumerate(results):
        made = result.calculation if isinstance(result, Hours) else None
        seen.setdefault((made.teacher_id, made.from_) if made else number, result)
    return list(seen.values())


def _of_one(reading: Reading, result: Result) -> Draft:
    """What is said of one teacher and one year."""
    match result:
        case Namesakes():
            return _namesakes(result)
        case NotATeacher():
            text = "您的账号没有对应的教师档案，因此没有本人的学时。请写出要查询的教师姓名或编号。"
            return Draft(text, Outcome.CLARIFY, suggestions=OF_A_UNIT)
        case Hours(calculation=None):
            return hours.no_rule(result)
        case Hours() if reading.intent is Intent.WHY:
            return why(reading, result)
        case Hours(made_up=made_up) if made_up is not None:
            return planned(result)
        case Hours():
            return hours.what_if(result) if result.projection else hours.gap(reading, result)
        case Records():
            return (
                records.by_year(reading, result)
                if reading.intent is Intent.HISTORY
                else records.listed(reading, result)
            )
    raise LookupError("no result")


def _beside(drafts: Sequence[Draft]) -> Draft:
    """The same said of several years or people."""
    joined = together(drafts)
    return joined if len(drafts) == 1 else replace(joined, text=joined.text.replace("\n\n", "\n"))


def _there(tables: Iterable[Table | None]) -> list[Table]:
    return [table for table in tables if table]


def unclear(reading: Reading, role: str) -> Draft:
    """One question back, with choices: what it resembles most, then what is asked most."""
    if reading.items or reading.assumes:
        text = "请说明假设再取得多少学时、属于哪个科目类别（公需科目、专业科目或个人选修科目）。"
        amounts = (figure.said for figure in figures(reading.question) if figure.unit in ("学时", "课时"))
        said = next(amounts, "6")
        of = f"{reading.organisers[0]}的" if len(reading.organisers) == 1 else ""
        choices = [f"如果我再修{said}学时{of}{name}，还差多少？" for name in ("公需科目", "专业科目", "个人选修科目")]
        return Draft(text, Outcome.CLARIFY, suggestions=choices)
    known = contents("intents")["choices"]
    offered = [known[one] for one in reading.likely if one in known and (one != Intent.UNIT or role != "teacher")]
    most = usual() if role == "teacher" else OF_A_UNIT
    choices = list(dict.fromkeys([*offered, *most]))[:_MOST_SUGGESTIONS]
    return Draft("没有完全读懂您的问题，请问您想查的是哪一项？", Outcome.CLARIFY, suggestions=choices)


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
