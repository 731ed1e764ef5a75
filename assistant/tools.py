"""The agent's tools. Who asks travels in the runtime context, in no argument; every result is proven or a named no."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Any, NamedTuple, cast

from langchain.tools import ToolRuntime, tool
from langchain_core.tools import BaseTool
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from assistant import results
from assistant.errors import InputError
from assistant.identity import Level
from assistant.reckoning import Assumption, for_teacher, hours_of, is_own, planned
from assistant.results import BadQuery, Clauses, Found, Hours, Records, Result, Rows, Run
from assistant.retrieval.index import Index
from assistant.retrieval.search import Hit, quote, search
from assistant.rules.find import find
from assistant.rules.schema import Category, Organiser, Status
from assistant.store import audit, people, policies, scoped
from assistant.store.audit import Act
from assistant.store.database import Connection, Database
from assistant.store.people import TeacherInfo
from assistant.surveying import Only, Order, survey
from assistant.watch import staged

Runtime = ToolRuntime[Run, Any]
Year = Annotated[int | None, Field(description="年份；不填为今年", ge=1, le=9000)]
Where = Annotated[str | None, Field(description="那位教师所在的单位，用来区分同名的人")]
Whose = Annotated[str | None, Field(description="另一位教师的姓名或编号；不填为提问者本人")]


def make_tools(database: Database, index: Index) -> list[BaseTool]:
    """The tools over one installation's stores."""

    def seen(run: Run, who: TeacherInfo | None = None, unit: str | None = None) -> None:
        """Note that others' records are about to be shown: a teacher's, or a unit's. Unavailable: they aren't."""
        if who is None or not is_own(run, who):
            with database.write(run.account.name) as connection:
                about = {"teacher_id": who.teacher_id, "unit": who.unit} if who else {"unit": unit}
                audit.note(connection, Act.QUESTION, run.account.name, **about)

    @tool(response_format="content_and_artifact")
    @staged("calculate_hours")
    def calculate_hours(
        runtime: Runtime,
        year: Year = None,
        teacher: Whose = None,
        unit: Where = None,
        assume: list[Assumption] | None = None,
        with_plan: Annotated[bool, Field(description="是否给出补足差额的最省方案")] = False,
    ) -> tuple[str, Result]:
        """按现行规则核算一位教师某年的学时：要求、已计入、还差、未计入及原因；`assume` 为假设再取得的学时。"""
        run = runtime.context

        def reckoned(who: TeacherInfo) -> Hours:
            seen(run, who)
            return planned(connection, run, who, year) if with_plan else hours_of(connection, run, who, year, assume)

        with database.read() as connection:
            return _told(for_teacher(connection, run, teacher, unit, reckoned))

    @tool(response_format="content_and_artifact")
    @staged("list_records")
    def list_records(
        runtime: Runtime,
        year: Year = None,
        start: Annotated[date | None, Field(description="起始日期（含）；与 year 二选一")] = None,
        end: Annotated[date | None, Field(description="截止日期（含）；与 year 二选一")] = None,
        statuses: list[Status] | None = None,
        categories: list[Category] | None = None,
        organisers: list[Organiser] | None = None,
        teacher: Whose = None,
        unit: Where = None,
    ) -> tuple[str, Result]:
        """列出一位教师的学时记录，可按年份或起止日期、审核状态、科目类别、组织单位筛选；都不填为全部记录。"""
        run = runtime.context
        first, last = (date(year, 1, 1), date(year, 12, 31)) if year else (start, end)

        def listed(who: TeacherInfo) -> Records:
            seen(run, who)
            rows = people.records(connection, run.account.scope, who.teacher_id)
            dated = [row for row in rows if (first or date.min) <= row.completed_on <= (last or date.max)]
            wanted = [
                row
                for row in dated
                if (not statuses or row.status in statuses)
                and (not categories or row.category in categories)
                and (not organisers or row.organiser in organisers)
            ]
            return Records(is_own(run, who), who.name, first, last, wanted, bool(dated))

        with database.read() as connection:
            return _told(for_teacher(connection, run, teacher, unit, listed))

    @tool(response_format="content_and_artifact")
    @staged("check_compliance")
    def check_compliance(
        runtime: Runtime,
        unit: Annotated[str | None, Field(description="单位的名称或路径；不填为提问者管理的单位")] = None,
        year: Year = None,
        level: Annotated[Level | None, Field(description="按哪一级列出，teacher 为逐人；不填为只看单位合计")] = None,
        only: Annotated[Only | None, Field(description="逐人时只列：未达标、已达标、没有记录的教师")] = None,
        category: Annotated[Category | None, Field(description="按这一科目的差额筛选和排序；不填为按全部要求")] = None,
        order: Order | None = None,
        top: Annotated[int | None, Field(description="只要前几名", ge=1)] = None,
    ) -> tuple[str, Result]:
        """管理员用：一个单位某年的达标情况，教师数、达标率、各科差额、经费比例和培训覆盖，按教师、学校、镇街等列出。"""
        run = runtime.context
        result = survey(database, run, unit, year, level, only, category, order, top)
        if isinstance(result, results.Compliance) and result.report.level == "teacher":
            seen(run, unit=result.report.unit)
        return _told(result)

    @tool(response_format="content_and_artifact")
    @staged("search_policy")
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
    @staged("query_records")
    def query_records(runtime: Runtime, sql: Annotated[str, Field(description="一句 SELECT")]) -> tuple[str, Result]:
        # Imported here: the parser takes longer to import than most answers to make.
        from assistant.store.sql import check

        run = runtime.context
        try:
            asked = check(sql, scoped.dialect(database))
            if run.account.scope.unit:
                seen(run, unit=run.account.scope.unit)
            found = scoped.query(database, run.account.scope, asked)
        except InputError as error:
            return _told(BadQuery(str(error)))
        return _told(Rows(run.sources.rows(), *found))

    return [calculate_hours, check_compliance, list_records, query_records, search_policy]


def _queries() -> str:
    """What a model needs to know for writing a query."""
    views = "\n".join(
        f"{view}：" + "；".join(f"{name} {column.meaning}" for name, column in columns.items())
        for view, columns in scoped.VIEWS.items()
    )
    return f"""用一句标准 SQL 的 SELECT，从下列视图查询和汇总提问者可以查看的数据；别的工具答不了时才用。

{views}

学时和金额都是整数，求和之后再除以 100.0 才是学时、元。用 AS 给结果列起中文名。
最多返回 {scoped.MOST_ROWS} 行，total 是总行数。没有查到不等于不存在：范围以外的数据看不到。"""


class ToolInfo(NamedTuple):
    """A tool as whoever may call it is told of it; `arguments` is their JSON schema, which allows no others."""

    name: str
    description: str
    arguments: dict[str, Any]


class Toolbox:
    """The tools for callers other than the agent: the same names, descriptions, arguments and results."""

    def __init__(self, tools: Sequence[BaseTool]) -> None:
        self._tools = {tool.name: tool for tool in tools}

    def described(self) -> list[ToolInfo]:
        """What there is to call."""
        return [
            ToolInfo(name, tool.description, {**_arguments(tool).model_json_schema(), "additionalProperties": False})
            for name, tool in self._tools.items()
        ]

    def check(self, name: str, arguments: Mapping[str, Any]) -> None:
        """InputError: there is no such tool, or it takes no such arguments."""
        if name not in self._tools:
            raise InputError(f"没有这个工具：可用的有 {'、'.join(self._tools)}。")
        taken = _arguments(self._tools[name])
        if arguments.keys() - taken.model_fields.keys():
            raise InputError(f"{name} 只有这些参数：{'、'.join(taken.model_fields)}。")
        try:
            taken.model_validate(arguments)
        except ValidationError as error:
            argument = str(error.errors()[0]["loc"][0])
            meaning = taken.model_fields[argument].description
            raise InputError(f"{name} 的参数 {argument} 不合要求" + (f"：{meaning}。" if meaning else "。")) from None

    def call(self, name: str, arguments: Mapping[str, Any], run: Run) -> Result:
        """What a tool returns for arguments that were checked. Raises what the tool raises."""
        runtime: Runtime = ToolRuntime(
            state={}, context=run, config={}, stream_writer=lambda _: None, tool_call_id=None, store=None
        )
        call = {"type": "tool_call", "name": name, "args": {**arguments, "runtime": runtime}, "id": name}
        result: Result = self._tools[name].invoke(call).artifact
        return result


def _arguments(tool: BaseTool) -> type[BaseModel]:
    """The arguments that a caller gives; who asks is none of them."""
    return cast(type[BaseModel], tool.tool_call_schema)


_RESULT: TypeAdapter[Result] = TypeAdapter(Result)


def _told(result: Result) -> tuple[str, Result]:
    """The result for a model to read, and as it is."""
    return _RESULT.dump_json(result).decode(), result


def told(result: Result) -> dict[str, Any]:
    """A result as JSON values, as a model reads it."""
    shown: dict[str, Any] = _RESULT.dump_python(result, mode="json")
    return shown


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
