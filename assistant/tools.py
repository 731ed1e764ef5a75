"""The agent's tools. Who asks travels in the runtime context, in no argument; every result is proven or a named no."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from typing import Annotated, Any

from langchain.tools import ToolRuntime, tool
from langchain_core.tools import BaseTool
from pydantic import BaseModel, Field, TypeAdapter

from assistant import hours, results
from assistant.answer import Assumed, Calculation, PlanItem, Projection
from assistant.cited import Cited
from assistant.errors import InputError
from assistant.results import (
    BadQuery,
    Clauses,
    Denied,
    Found,
    Hours,
    MadeUp,
    Namesakes,
    NotATeacher,
    Records,
    Result,
    Rows,
    Run,
)
from assistant.retrieval.index import Index
from assistant.retrieval.search import Hit, quote, search
from assistant.rules import make_up
from assistant.rules.calculate import Record, calculate
from assistant.rules.find import Applicable, find
from assistant.rules.make_up import Course
from assistant.rules.schema import Category, Organiser, Status
from assistant.store import people, policies, scoped
from assistant.store.database import Connection, Database
from assistant.store.people import TeacherInfo

Runtime = ToolRuntime[Run, Any]
_ASSUMED = "假设"


class Assumption(BaseModel):
    """Hours that a what-if adds, as if approved."""

    category: Category
    hours: Annotated[str, Field(description="学时，如 6 或 4.5", pattern=r"^\d{1,6}(\.\d{1,2})?$")]
    organiser: Organiser | None = None


Year = Annotated[int | None, Field(description="年份；不填为今年", ge=1, le=9000)]
Whose = Annotated[str | None, Field(description="另一位教师的姓名或编号；不填为提问者本人")]


def make_tools(database: Database, index: Index) -> list[BaseTool]:
    """The tools over one installation's stores."""

    @tool(response_format="content_and_artifact")
    def calculate_hours(
        runtime: Runtime,
        year: Year = None,
        teacher: Whose = None,
        assume: list[Assumption] | None = None,
        with_plan: Annotated[bool, Field(description="是否给出补足差额的最省方案")] = False,
    ) -> tuple[str, Result]:
        """按现行规则核算一位教师某年的学时：要求、已计入、还差、未计入及原因；`assume` 为假设再取得的学时。"""
        run = runtime.context

        def reckoned(who: TeacherInfo) -> Hours:
            return _planned(connection, run, who, year) if with_plan else _hours(connection, run, who, year, assume)

        with database.read() as connection:
            return _told(_for_teacher(connection, run, teacher, reckoned))

    @tool(response_format="content_and_artifact")
    def list_records(
        runtime: Runtime,
        year: Year = None,
        statuses: list[Status] | None = None,
        categories: list[Category] | None = None,
        organisers: list[Organiser] | None = None,
        teacher: Whose = None,
    ) -> tuple[str, Result]:
        """列出一位教师的学时记录，可按年份、审核状态、科目类别、组织单位筛选；不填年份为全部年份。"""
        run = runtime.context

        def listed(who: TeacherInfo) -> Records:
            rows = people.records(connection, run.account.scope, who.teacher_id)
            in_year = [row for row in rows if year is None or row.completed_on.year == year]
            wanted = [
                row
                for row in in_year
                if (not statuses or row.status in statuses)
                and (not categories or row.category in categories)
                and (not organisers or row.organiser in organisers)
            ]
            return Records(_own(run, who), who.name, year, wanted, bool(in_year))

        with database.read() as connection:
            return _told(_for_teacher(connection, run, teacher, listed))

    @tool(response_format="content_and_artifact")
    def search_policy(
        runtime: Runtime, query: Annotated[str, Field(min_length=1)], year: Year = None
    ) -> tuple[str, Result]:
        """在提问者所在地区的政策中查找与问题有关的条款，最相关的在前。"""
        run = runtime.context
        asked = year or run.today.year
        with database.read() as connection:
            hits = search(connection, index, query, run.account.place, year=year, today=run.today)
            found = [
                Found(
                    run.sources.cite(hit.policy, hit.clause, hit.quote),
                    hit.quote,
                    hit.policy,
                    hit.clause,
                    hit.score,
                    hit.near,
                    ended=hit.policy.effective_to is not None and hit.policy.effective_to < date(asked, 1, 1),
                )
                for hit in hits
            ]
            rule = find(policies.rule_sets(connection), run.account.place, asked)
            contact = _contact(connection, run, [hit.policy.id for hit in hits])
            absent = _absent(connection, run, query, hits)
        return _told(Clauses(run.account.place, found, contact, rule is not None, absent))

    @tool(response_format="content_and_artifact", description=_queries())
    def query_records(runtime: Runtime, sql: Annotated[str, Field(description="一句 SELECT")]) -> tuple[str, Result]:
        # Imported here: the parser takes longer to import than most answers to make.
        from assistant.store.sql import check

        run = runtime.context
        try:
            found = scoped.query(database, run.account.scope, check(sql, scoped.dialect(database)))
        except InputError as error:
            return _told(BadQuery(str(error)))
        return _told(Rows(run.sources.rows(), *found))

    return [calculate_hours, list_records, query_records, search_policy]


def state(connection: Connection, run: Run, year: int | None = None) -> Result:
    """The asker's own hours of a year, no question needed."""
    return _for_teacher(connection, run, None, lambda who: _hours(connection, run, who, year, None))


def plan(connection: Connection, run: Run, year: int | None, catalogue: Sequence[Course] | None) -> Result:
    """The asker's own hours of a year, and how the gap is closed for the least: in hours, or by courses on offer."""
    return _for_teacher(connection, run, None, lambda who: _planned(connection, run, who, year, catalogue))


def _queries() -> str:
    """What a model needs to know for writing a query."""
    views = "\n".join(
        f"{view}：" + "；".join(f"{name} {column.meaning}" for name, column in columns.items())
        for view, columns in scoped.VIEWS.items()
    )
    return f"""用一句标准 SQL 的 SELECT，从下列视图查询和汇总提问者可以查看的数据；别的工具答不了时才用。

{views}

学时和金额都是整数，求和之后再除以 100.0 才是学时、元。用 AS 给结果列起中文名。
最多返回 {scoped.MOST_ROWS} 行，total 是总行数。没有查到不等于不存在：范围以外的数据看不到。
在文中写结果的 token，如 [^r1]，结果就作为表格附在回答里；没有引用的结果，其中的数字不能写进回答。"""


_RESULT: TypeAdapter[Result] = TypeAdapter(Result)


def _told(result: Result) -> tuple[str, Result]:
    """The result for a model to read, and as it is."""
    return _RESULT.dump_json(result).decode(), result


def _own(run: Run, who: TeacherInfo) -> bool:
    return who.teacher_id == run.account.teacher_id


def _for_teacher(connection: Connection, run: Run, name: str | None, answer: Callable[[TeacherInfo], Result]) -> Result:
    """The answer about the teacher meant, if the asker may see one."""
    scope = run.account.scope
    if name is None:
        if scope.teacher_id is None:
            return NotATeacher()
        who = people.teacher(connection, scope, scope.teacher_id)
        return answer(who) if who else Denied()
    found = people.teachers_called(connection, scope, name)
    if len(found) > 1:
        return Namesakes(name, [(one.teacher_id, one.unit.rsplit("/", 1)[-1]) for one in found])
    return answer(found[0]) if found else Denied()


def _planned(
    connection: Connection, run: Run, who: TeacherInfo, year: int | None, catalogue: Sequence[Course] | None = None
) -> Hours:
    """The hours of a year with the plan that closes the gap; without a rule there is nothing to plan."""
    found = _hours(connection, run, who, year, None)
    applied = find(policies.rule_sets(connection), who.unit, found.year)
    if applied is None:
        return found
    cited, records = _cited(connection, run, applied), found.records
    pace = make_up.pace(calculate(applied, records), run.today)
    if catalogue is None:
        made = make_up.cheapest_hours(applied, records)
    else:
        made = make_up.cheapest_courses(applied, records, catalogue, run.today)
    if isinstance(made, make_up.Impossible):
        return replace(found, made_up=MadeUp(None, impossible=made.reason, pace=pace))
    items = [
        PlanItem(
            category=item.category,
            organiser=item.organiser,
            hours=hours.show(item.hours),
            title=item.title,
            citation=cited.by(item.rule),
        )
        for item in made.items
    ]
    fees = [hours.show(item.fee) for item in made.items if item.fee is not None]
    stated = [Assumed(category=one.category, organiser=one.organiser, hours=one.hours) for one in items]
    after = Projection(assumed=stated, **cited.fields(made.after, who.teacher_id)) if items else None
    caps = cited.caps({item.category for item in made.items if item.organiser is None})
    # What only the total asks for may be of any category that counts.
    anywhere = [item.title is None and item.rule is applied.version.total for item in made.items]
    return replace(found, projection=after, open_caps=caps, made_up=MadeUp(items, anywhere, fees, pace=pace))


def _cited(connection: Connection, run: Run, applied: Applicable) -> Cited:
    found = {name: policies.policy(connection, name) for name in applied.cites}
    return Cited(run, {name: policy for name, policy in found.items() if policy}, applied)


def _hours(
    connection: Connection, run: Run, who: TeacherInfo, year: int | None, assume: Sequence[Assumption] | None
) -> Hours:
    year = year or run.today.year
    rows = people.records(connection, run.account.scope, who.teacher_id)
    applied = find(policies.rule_sets(connection), who.unit, year)
    if applied is None:
        in_year = [row for row in rows if row.completed_on.year == year]
        return Hours(_own(run, who), who.name, who.unit, year, in_year)
    cited = _cited(connection, run, applied)
    verdict = calculate(applied, rows, joined=who.employed_from, left=who.employed_to)
    projection = None
    if assume:
        after = calculate(
            applied, [*rows, *_assumed(assume, applied, run.today)], joined=who.employed_from, left=who.employed_to
        )
        stated = [Assumed(category=a.category, organiser=a.organiser, hours=_plain(a.hours)) for a in assume]
        projection = Projection(assumed=stated, **cited.fields(after, who.teacher_id))
    calculation = Calculation(**cited.fields(verdict, who.teacher_id))
    return Hours(
        own=_own(run, who),
        name=who.name,
        place=who.unit,
        year=year,
        records=[row for row in rows if applied.start <= row.completed_on <= applied.end],
        calculation=calculation,
        projection=projection,
        notes=[
            *((note.text, cited.by(note.rule)) for note in verdict.notes),
            *_early(applied, run.today),
            *cited.doubts(),
        ],
        cuts=cited.cuts(verdict),
        open_caps=cited.caps({a.category for a in assume if a.organiser is None}) if assume else (),
    )


def _early(applied: Applicable, today: date) -> list[tuple[str, str | None]]:
    return [("核算期间还没有开始", None)] if applied.start > today else []


def _plain(text: str) -> str:
    return hours.show(hours.parse(text))


def _assumed(assume: Sequence[Assumption], applied: Applicable, today: date) -> list[Record]:
    """The assumption as approved records, after all that are there."""
    day = min(max(today, applied.start), applied.end)
    return [
        Record(f"{_ASSUMED}{number}", _ASSUMED, item.category, item.organiser, hours.parse(item.hours), day, "已审核")
        for number, item in enumerate(assume, 1)
    ]


def _contact(connection: Connection, run: Run, policy_ids: Sequence[str]) -> results.Cited | None:
    """The words that name the office to ask, of the first policy that has some."""
    for policy_id in dict.fromkeys(policy_ids):
        policy = policies.policy(connection, policy_id)
        clause = policy.clause(policy.meta.contact) if policy and policy.meta.contact else None
        if policy and clause:
            said = quote(clause.text, "教师继续教育 咨询 电话")
            return results.Cited(run.sources.cite(policy.meta, clause, said), said)
    return None


def _absent(connection: Connection, run: Run, query: str, hits: Sequence[Hit]) -> results.Cited | None:
    """Where the best clauses speak of attachments that the corpus lacks, the words that name them."""
    for hit in hits[:2]:
        if not hit.policy.absent or "附件" not in hit.clause.text:
            continue
        policy = policies.policy(connection, hit.policy.id)
        title = hit.policy.absent[0].split("《")[-1].rstrip("》")
        clause = next((one for one in policy.clauses if title in one.text), None) if policy else None
        if clause:
            said = quote(clause.text[clause.text.index("附件") :], query)
            return results.Cited(run.sources.cite(hit.policy, clause, said), said)
    return None
