"""Putting cases to an assistant, one conversation after another, and judging what comes back."""

import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from assistant.answer import Answer, Outcome
from assistant.bootstrap import Installation, install
from assistant.errors import XueshiError
from assistant.retrieval.index import open_stores
from assistant.settings import Settings
from assistant.store import policies
from evals.case import Case, Expected
from evals.proof import Fault, Kind, World, faults, plain
from evals.truth import FILES, TODAY, show, truth
from ingest.policies import ingest_policies
from ingest.records import load_records


@dataclass(frozen=True)
class Result:
    """A case, the answer to its last question (None: there was none), and what was wrong all the way."""

    case: Case
    answer: Answer | None
    faults: Sequence[Fault]

    @property
    def passed(self) -> bool:
        """Whether nothing was wrong."""
        return not self.faults

    def has(self, kind: Kind) -> bool:
        """Whether something of a kind was wrong."""
        return any(fault.kind is kind for fault in self.faults)


@contextmanager
def sample_installation(given: Settings) -> Iterator[Installation]:
    """The shipped corpus and the sample records in a folder that goes away; whatever model `given` names answers."""
    with tempfile.TemporaryDirectory(prefix="xueshi-eval-") as home:
        own = {"home": Path(home), "database_url": "", "vector_url": "chroma:", "corpus": [], "today": TODAY}
        settings = given.model_copy(update=own)
        database, index = open_stores(settings)
        ingest_policies(database, index, settings.corpora)
        load_records(database, FILES, TODAY)
        index.close()
        database.close()
        installation = install(settings)
        try:
            yield installation
        finally:
            installation.close()


def run(installation: Installation, cases: Sequence[Case], advance: Callable[[], None] = lambda: None) -> list[Result]:
    """The results of all cases, in order; `advance` is called after each."""
    world, results = _world(installation), []
    for case in cases:
        results.append(_hold(installation, world, case))
        advance()
    return results


def _world(installation: Installation) -> World:
    with installation.database.read() as connection:
        known = [policies.policy(connection, meta.id) for meta in policies.metas(connection)]
    return World(truth(), {policy.meta.id: policy for policy in known if policy})


def _hold(installation: Installation, world: World, case: Case) -> Result:
    """A case, as often as it says."""
    first = _converse(installation, world, case)
    for time in range(2, case.times + 1):
        again = _converse(installation, world, case)
        if _told(again.answer) != _told(first.answer):
            fault = Fault(Kind.SHAPE, f"第 {time} 次的回答与第 1 次不同")
            return Result(case, again.answer, [*first.faults, fault])
    return first


def _told(answer: Answer | None) -> Mapping[str, Any] | None:
    return None if answer is None else answer.model_dump(exclude={"id", "thread_id"})


def _converse(installation: Installation, world: World, case: Case) -> Result:
    """One conversation. Every answer is looked at; what is expected is of the last."""
    assistant, asker = installation.assistant, world.truth.asker(case.account)
    found: list[Fault] = []
    answer: Answer | None = None
    try:
        account = assistant.account(case.account)
        for number, question in enumerate(case.ask, 1):
            answer = assistant.ask(question, account, answer.thread_id if answer else None, limited=False)
            found += faults(world, asker, case.ask[:number], answer)
    except XueshiError as error:
        return Result(case, None, [*found, Fault(Kind.EXPECTED, f"没有作答：{error}")])
    if answer is not None:
        found += _missed(case.expect, answer)
    return Result(case, answer, list(dict.fromkeys(found)))


def _missed(expect: Expected, answer: Answer) -> Iterator[Fault]:
    """What was expected of an answer and isn't so.

    A figure that differs is a wrong number where the answer is as final as was meant; where it isn't (it asks back, it
    refuses), or where nothing was reckoned at all, it is only missing.
    """
    if answer.outcome not in expect.outcome:
        meant = " 或 ".join(expect.outcome)
        yield Fault(Kind.EXPECTED, f"结果为 {answer.outcome}，应为 {meant}")
    final = answer.outcome is Outcome.ANSWERED and answer.outcome in expect.outcome
    wrong = Kind.NUMBER if final else Kind.EXPECTED
    for what, fields, made in (
        ("", expect.figures, answer.calculation),
        ("假设后 ", expect.projection, answer.projection),
    ):
        shown = made.model_dump(mode="json") if made else {}
        for name, value in fields.items():
            if (is_now := _field(shown, name)) != value:
                yield Fault(wrong if made else Kind.EXPECTED, f"{what}{name} 为 {is_now}，应为 {value}")
    if expect.plan_hours is not None:
        yield from _plan(expect.plan_hours, answer, wrong)
    if expect.total_rows is not None and (rows := _rows(answer)) != expect.total_rows:
        yield Fault(wrong if answer.tables else Kind.EXPECTED, f"表格共 {rows} 行，应为 {expect.total_rows}")
    yield from _unsaid(expect, answer, wrong)
    yield from _unshown(expect, answer)


def _plan(hours: str, answer: Answer, wrong: Kind) -> Iterator[Fault]:
    total = show(sum(int(Decimal(item.hours) * 100) for item in answer.plan or ()))
    if total != hours:
        yield Fault(wrong if answer.plan else Kind.EXPECTED, f"方案共 {total} 学时，应为 {hours}")


def _rows(answer: Answer) -> int | None:
    return answer.tables[0].total_rows if answer.tables else None


def _unsaid(expect: Expected, answer: Answer, wrong: Kind) -> Iterator[Fault]:
    """What the text lacks or shouldn't say. One that only quotes clauses may lack a figure, but tells no false one."""
    text = plain(answer.text)
    reckoned = answer.calculation or answer.projection or answer.plan or answer.tables
    for said in expect.says:
        if not _stands_in(plain(said), text):
            kind = wrong if reckoned and re.search(r"\d", plain(said)) else Kind.EXPECTED
            yield Fault(kind, f"没有说“{said}”")
    for said in expect.says_not:
        if _stands_in(plain(said), text):
            yield Fault(Kind.EXPECTED, f"不该说“{said}”")


def _unshown(expect: Expected, answer: Answer) -> Iterator[Fault]:
    shown = {cell for table in answer.tables for row in table.rows for cell in row}
    cited = {f"{one.policy_id}#{one.locator}" for one in answer.citations}
    body = answer.model_dump_json(exclude={"id", "thread_id"})
    yield from (Fault(Kind.EXPECTED, f"表格中没有“{cell}”") for cell in expect.cells if cell not in shown)
    yield from (Fault(Kind.EXPECTED, f"没有引用 {clause}") for clause in expect.clauses if clause not in cited)
    yield from (Fault(Kind.LEAK, f"不该出现“{word}”") for word in expect.never if word in body)


def _stands_in(said: str, text: str) -> bool:
    """Whether it does; whole numbers at its ends stay whole: 4 stands in neither 14 nor 4.5, but 181.8 in 181.81."""
    before = r"(?<![\d.])" if said[:1].isdigit() else ""
    after = r"(?!\d|\.\d)" if re.search(r"(?<![\d.])\d+$", said) else ""
    return re.search(before + re.escape(said) + after, text) is not None


def _field(shown: Mapping[str, Any], name: str) -> str | None:
    """A field of a calculation as text; `<category>.<field>` of one of its categories."""
    category, _, field = name.rpartition(".")
    lines = [line for line in shown.get("categories", ()) if line["category"] == category] if category else [shown]
    value = lines[0].get(field) if lines else None
    if isinstance(value, bool):
        return str(value).lower()
    return None if value is None else str(value)
