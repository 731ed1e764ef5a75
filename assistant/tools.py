"""The tools. Who asks is told beside the arguments, in none of them; every result is proven or a named no."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Annotated, Any, NamedTuple, cast

from pydantic import BaseModel, Field, TypeAdapter, ValidationError, create_model

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
from assistant.watch import stage

Year = Annotated[int | None, Field(description="年份；不填为今年", ge=1, le=9000)]
Where = Annotated[str | None, Field(description="那位教师所在的单位，用来区分同名的人")]
Whose = Annotated[str | None, Field(description="另一位教师的姓名或编号；不填为提问者本人")]


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


class _Tools:
    """A method for each tool. Its documentation is what callers are told of it, its arguments but `run` are theirs."""

    def __init__(self, database: Database, index: Index) -> None:
        self._database, self._index = database, index

    def _seen(self, run: Run, who: TeacherInfo | None = None, unit: str | None = None) -> None:
        """Note that others' records are about to be shown: a teacher's, or a unit's. Unavailable: they aren't."""
        if who is None or not is_own(run, who):
            with self._database.write(run.account.name) as connection:
                about = {"teacher_id": who.teacher_id, "unit": who.unit} if who else {"unit": unit}
                audit.note(connection, Act.QUESTION, run.account.name, **about)

    def calculate_hours(
        self,
        run: Run,
        year: Year = None,
        teacher: Whose = None,
        unit: Where = None,
        assume: list[Assumption] | None = None,
        with_plan: Annotated[bool, Field(description="是否给出补足差额的最省方案")] = False,
    ) -> Result:
        """按现行规则核算一位教师某年的学时：要求、已计入、还差、未计入及原因；`assume` 为假设再取得的学时。"""

        def reckoned(who: TeacherInfo) -> Hours:
            self._seen(run, who)
            return planned(connection, run, who, year) if with_plan else hours_of(connection, run, who, year, assume)

        with self._database.read() as connection:
            return for_teacher(connection, run, teacher, unit, reckoned)

    def list_records(
        self,
        run: Run,
        year: Year = None,
        start: Annotated[date | None, Field(description="起始日期（含）；与 year 二选一")] = None,
        end: Annotated[date | None, Field(description="截止日期（含）；与 year 二选一")] = None,
        statuses: list[Status] | None = None,
        categories: list[Category] | None = None,
        organisers: list[Organiser] | None = None,
        teacher: Whose = None,
        unit: Where = None,
    ) -> Result:
        """列出一位教师的学时记录，可按年份或起止日期、审核状态、科目类别、组织单位筛选；都不填为全部记录。"""
        first, last = (date(year, 1, 1), date(year, 12, 31)) if year else (start, end)

        def listed(who: TeacherInfo) -> Records:
            self._seen(run, who)
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

        with self._database.read() as connection:
            return for_teacher(connection, run, teacher, unit, listed)

    def check_compliance(
        self,
        run: Run,
        unit: Annotated[str | None, Field(description="单位的名称或路径；不填为提问者管理的单位")] = None,
        year: Year = None,
        level: Annotated[Level | None, Field(description="按哪一级列出，teacher 为逐人；不填为只看单位合计")] = None,
        only: Annotated[Only | None, Field(description="逐人时只列：未达标、已达标、没有记录的教师")] = None,
        category: Annotated[Category | None, Field(description="按这一科目的差额筛选和排序；不填为按全部要求")] = None,
        order: Order | None = None,
        top: Annotated[int | None, Field(description="只要前几名", ge=1)] = None,
    ) -> Result:
        """管理员用：一个单位某年的达标情况，教师数、达标率、各科差额、经费比例和培训覆盖，按教师、学校、镇街等列出。"""
        result = survey(self._database, run, unit, year, level, only, category, order, top)
        if isinstance(result, results.Compliance) and result.report.level == "teacher":
            self._seen(run, unit=result.report.unit)
        return result

    def search_policy(self, run: Run, query: Annotated[str, Field(min_length=1)], year: Year = None) -> Result:
        """在提问者所在地区的政策中查找与问题有关的条款，最相关的在前。"""
        asked = year or run.today.year
        with self._database.read() as connection:
            hits = search(connection, self._index, query, run.account.place, year=year, today=run.today)
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
        return Clauses(run.account.place, found, contact, rule is not None, absent)

    def query_records(self, run: Run, sql: Annotated[str, Field(description="一句 SELECT")]) -> Result:
        # Imported here: the parser takes longer to import than most answers to make.
        from assistant.store.sql import check

        try:
            asked = check(sql, scoped.dialect(self._database))
            if run.account.scope.unit:
                self._seen(run, unit=run.account.scope.unit)
            found = scoped.query(self._database, run.account.scope, asked)
        except InputError as error:
            return BadQuery(str(error))
        return Rows(run.sources.rows(), *found)

    query_records.__doc__ = _queries()


class ToolInfo(NamedTuple):
    """A tool as whoever may call it is told of it."""

    name: str
    description: str
    arguments: type[BaseModel]

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON schema of the arguments, which allows no others."""
        return {**self.arguments.model_json_schema(), "additionalProperties": False}


class Tools:
    """The tools over one installation's stores, for whoever may call them: the planner, a model, other programs."""

    def __init__(self, database: Database, index: Index) -> None:
        tools = inspect.getmembers(_Tools(database, index), inspect.ismethod)
        self._methods = {name: method for name, method in tools if not name.startswith("_")}
        self.described = [
            ToolInfo(name, inspect.getdoc(method) or "", _arguments(method)) for name, method in self._methods.items()
        ]
        self._arguments = {one.name: one.arguments for one in self.described}

    def check(self, name: str, arguments: Mapping[str, Any]) -> None:
        """InputError: there is no such tool, or it takes no such arguments."""
        if name not in self._arguments:
            raise InputError(f"没有这个工具：可用的有 {'、'.join(self._arguments)}。")
        taken = self._arguments[name]
        if arguments.keys() - taken.model_fields.keys():
            raise InputError(f"{name} 只有这些参数：{'、'.join(taken.model_fields)}。")
        try:
            taken.model_validate(arguments)
        except ValidationError as error:
            argument = str(error.errors()[0]["loc"][0])
            meaning = taken.model_fields[argument].description
            raise InputError(f"{name} 的参数 {argument} 不合要求" + (f"：{meaning}。" if meaning else "。")) from None

    def call(self, name: str, arguments: Mapping[str, Any], run: Run) -> Result:
        """What a tool returns. Raises what the tool raises; ValidationError: `check` wasn't asked."""
        taken = self._arguments[name].model_validate(arguments)
        with stage(name):
            result: Result = self._methods[name](run, **{one: getattr(taken, one) for one in taken.model_fields_set})
        return result


def _arguments(method: Callable[..., Result]) -> type[BaseModel]:
    """The arguments that a caller gives; who asks is none of them."""
    _, *given = inspect.signature(method).parameters.values()
    fields = {one.name: (one.annotation, ... if one.default is one.empty else one.default) for one in given}
    return create_model(method.__name__, **cast(dict[str, Any], fields))


_RESULT: TypeAdapter[Result] = TypeAdapter(Result)


def as_json(result: Result) -> str:
    """A result as a model reads it."""
    return _RESULT.dump_json(result).decode()


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
