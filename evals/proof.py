"""What must hold of every answer, whatever was asked: looked at from outside, with none of the guard's code."""

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple
from urllib.parse import quote

from assistant.answer import Answer, Calculation, Citation, Outcome, Table
from assistant.identity import holds
from assistant.policy import Policy
from evals.numbers import tokens
from evals.truth import RULES, Asker, Credit, Reckoned, Truth, show

_MARK = re.compile(r"\[\^([^\]]*)\]")
_STRAY = re.compile(r"\[\^?[srp]\d*\]|\{\{|\}\}|Traceback|None|null|SELECT |<script", re.IGNORECASE)
_NUMBER = re.compile(r"-?\d+(\.\d+)?", re.ASCII)
_YEAR = re.compile(r"(\d{4})年")
# What names a thing in the answer and is no figure.
_NAMES = {"columns", "id", "citation", "export_url", "locator", "policy_id", "record_ids", "rule_set", "sha256", "url"}
_NOTHING_KNOWN = (Outcome.OUT_OF_SCOPE, Outcome.UNAVAILABLE)


class Kind(StrEnum):
    """What is wrong with an answer."""

    NUMBER = "数字不对"
    LEAK = "泄露"
    CITATION = "编造引用"
    SHAPE = "自相矛盾"
    EXPECTED = "不合预期"


class Fault(NamedTuple):
    """One thing that is wrong, in words for whoever mends it."""

    kind: Kind
    said: str


class World(NamedTuple):
    """What answers are held against: the sample's truth and the policies as stored."""

    truth: Truth
    policies: Mapping[str, Policy]


def faults(world: World, asker: Asker, questions: Sequence[str], answer: Answer) -> Iterator[Fault]:
    """Everything wrong with an answer to the last of an asker's questions in a thread, but for what was expected."""
    said = " ".join(questions)
    yield from _shape(answer)
    yield from _citations(world, answer)
    yield from _unproven(answer, said)
    yield from _leaks(world.truth, asker, said, answer)
    for made in (answer.calculation, answer.projection):
        if made:
            yield from _calculated(world.truth, asker, made, _assumed(answer) if made is answer.projection else [])
    yield from _planned(world.truth, answer)
    for table in answer.tables:
        yield from _listed(world.truth, table)


def _shape(answer: Answer) -> Iterator[Fault]:
    """Outcome and fields agree."""
    known = [answer.calculation, answer.projection, answer.plan]
    wrong = {
        "没有文字": not answer.text.strip(),
        f"{answer.outcome} 却带有核算、表格或依据": answer.outcome in _NOTHING_KNOWN
        and (any(known) or answer.tables or answer.citations),
        "no_rule 却有核算": answer.outcome is Outcome.NO_RULE and answer.calculation,
        "反问却没有给出选项": answer.outcome is Outcome.CLARIFY and not answer.suggestions,
        "有假设或方案却没有现状": (answer.projection or answer.plan) and not answer.calculation,
        "表格的行列不齐": any(len(row) != len(table.columns) for table in answer.tables for row in table.rows),
        "表格的总行数少于列出的行数": any(table.total_rows < len(table.rows) for table in answer.tables),
        "文字中留有内部记号": _STRAY.search(answer.text),
    }
    yield from (Fault(Kind.SHAPE, say) for say, is_so in wrong.items() if is_so)


def _citations(world: World, answer: Answer) -> Iterator[Fault]:
    """Marks and citations belong together; each citation is of a stored clause and quotes it to the letter."""
    listed = [one.id for one in answer.citations]
    marked = set(_MARK.findall(answer.text))
    fields = answer.model_dump(mode="json", include={"calculation", "projection", "plan"})
    used = marked | set(_cited(fields))
    if len(set(listed)) < len(listed) or used - set(listed):
        yield Fault(Kind.CITATION, f"引用没有对应的依据：{'、'.join(sorted(used - set(listed)))}")
    if set(listed) - used:
        yield Fault(Kind.SHAPE, f"依据没有用到：{'、'.join(sorted(set(listed) - used))}")
    yield from (Fault(Kind.CITATION, f"依据[{one.id}] {say}") for one in answer.citations for say in _false(world, one))


def _cited(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if value.get("citation"):
            yield value["citation"]
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from _cited(part)


def _false(world: World, cited: Citation) -> Iterator[str]:
    """What isn't so in a citation."""
    policy = world.policies.get(cited.policy_id)
    clause = policy.clause(cited.locator) if policy else None
    if policy is None or clause is None:
        yield f"库中没有 {cited.policy_id}#{cited.locator}"
        return
    if not cited.quote or cited.quote not in (clause.text or clause.heading):
        yield "引文与条款不是一字不差"
    if cited.sha256 != hashlib.sha256(clause.text.encode()).hexdigest() or cited.text != clause.kind:
        yield "不是库中现有的条款文字"
    meta = policy.meta
    told = cited.title, cited.number, cited.issuer, cited.issued_on
    if told != (meta.title, meta.number, meta.issuer, meta.issued_on):
        yield "标题、文号、发文机关或日期与政策不符"
    if cited.url != f"/policies/{meta.id}#{quote(cited.locator)}":
        yield "链接不对"


def _unproven(answer: Answer, questions: str) -> Iterator[Fault]:
    """Every figure of the text stands in the calculation, projection, plan, tables, citations or the question."""
    shown = answer.model_dump(mode="json", include={"calculation", "projection", "plan", "tables", "citations"})
    evidence = [questions, *_texts(shown), *(show_number for table in answer.tables for show_number in _sums(table))]
    if answer.plan:
        evidence.append(show(sum(_hundredths(item.hours) for item in answer.plan)))
    proven = {token for text in evidence for token in tokens(text)}
    text = _MARK.sub(" ", answer.text)
    for cited in sorted(answer.citations, key=lambda cited: -len(cited.locator)):
        text = re.sub(rf"(?<=[》）]){re.escape(cited.locator)}", " ", text)
    for token in tokens(text):
        if not any(token.is_proven_by(one) for one in proven):
            yield Fault(Kind.NUMBER, f"没有来源的数字 {token.said!r}")


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str | int) and not isinstance(value, bool):
        yield str(value)
    elif isinstance(value, dict):
        yield from (text for name, part in value.items() if name not in _NAMES for text in _texts(part))
    elif isinstance(value, list):
        yield from (text for part in value for text in _texts(part))


def _sums(table: Table) -> Iterator[str]:
    """What may be said of a table: how many rows, how many of a kind, the sum of a column."""
    yield str(len(table.rows))
    for column in zip(*table.rows, strict=False):
        if all(map(_NUMBER.fullmatch, column)):
            yield f"{sum(map(Decimal, column)):f}"
        yield from {str(column.count(cell)) for cell in column}


def _leaks(truth: Truth, asker: Asker, questions: str, answer: Answer) -> Iterator[Fault]:
    """Nobody outside the asker's scope is named or numbered but in the question's own words."""
    body = json.dumps(answer.model_dump(mode="json", exclude={"id", "thread_id"}), ensure_ascii=False)
    for word in sorted(asker.secrets):
        if word in body and word not in questions:
            yield Fault(Kind.LEAK, f"不在范围内的 {word}")
    for number, teacher_id in truth.owners(body):
        if teacher_id not in asker.scope and number not in questions.upper():
            yield Fault(Kind.LEAK, f"不在范围内的编号 {number}")


def _assumed(answer: Answer) -> list[Credit]:
    items = answer.projection.assumed if answer.projection else []
    return [_approved(item.category, item.organiser, item.hours, answer) for item in items]


def _approved(category: str, organiser: str | None, hours: str, answer: Answer) -> Credit:
    made = answer.calculation
    assert made is not None
    return Credit("", category, organiser or "", _hundredths(hours), made.from_, "已审核")


def _calculated(truth: Truth, asker: Asker, made: Calculation, extra: Sequence[Credit]) -> Iterator[Fault]:
    """A calculation is of somebody in scope, under the rule of the place, and comes out as reckoned anew."""
    person, rule = truth.people.get(made.teacher_id), RULES.get(made.rule_set)
    if made.teacher_id not in asker.scope or person is None:
        yield Fault(Kind.LEAK, f"核算的是不在范围内的 {made.teacher_id}")
        return
    if rule is None or not holds(rule.unit, person.unit):
        yield Fault(Kind.NUMBER, f"{made.teacher_id} 所在地不适用 {made.rule_set}")
        return
    year = made.from_.year
    if (made.from_, made.to) != rule.period(year) or year < rule.first:
        yield Fault(Kind.NUMBER, f"核算期间不对：{made.from_} 至 {made.to}")
        return
    if made.carried_forward != (rule.last is not None and year > rule.last):
        yield Fault(Kind.NUMBER, "是否沿用已到期的规则，说得不对")
    minima = {line.category: line for line in made.categories if line.required is not None}
    said = Reckoned(
        **{name: getattr(made, name) for name in Reckoned._fields[:7]},
        by_category={name: line.counted for name, line in minima.items()},
        shortfalls={name: line.shortfall for name, line in minima.items()},
    )
    right = truth.reckon(made.teacher_id, rule, year, extra)
    for name, one, other in zip(Reckoned._fields, said, right, strict=True):
        if one != other:
            yield Fault(Kind.NUMBER, f"{name} 为 {one}，应为 {other}")


def _planned(truth: Truth, answer: Answer) -> Iterator[Fault]:
    """A plan closes the gap, and with no hour more than the gap."""
    made = answer.calculation
    if not answer.plan or made is None or made.rule_set not in RULES or made.teacher_id not in truth.people:
        return
    items = [_approved(item.category, item.organiser, item.hours, answer) for item in answer.plan]
    after = truth.reckon(made.teacher_id, RULES[made.rule_set], made.from_.year, items)
    if after.remaining != "0":
        yield Fault(Kind.NUMBER, f"照方案补完还差 {after.remaining}")
    if not any(item.title for item in answer.plan) and show(sum(one.hours for one in items)) != made.remaining:
        yield Fault(Kind.NUMBER, f"方案共 {show(sum(one.hours for one in items))} 学时，不是最少的 {made.remaining}")


def _listed(truth: Truth, table: Table) -> Iterator[Fault]:
    """Rows of records, teachers and units say what is so."""
    year = _YEAR.search(table.caption)
    for row in table.rows:
        cells = dict(zip(table.columns, row, strict=False))
        right: Mapping[str, str] = {}
        if "记录编号" in cells:
            right = _record(truth, cells["记录编号"])
        elif "教师编号" in cells and year:
            right = _teacher(truth, cells["教师编号"], int(year[1]))
        elif "达标率" in cells and year:
            right = _unit(truth, cells.get("单位", ""), int(year[1]))
        for name, value in right.items():
            if name in cells and cells[name] != value:
                yield Fault(Kind.NUMBER, f"表中 {row[0]} 的{name}为 {cells[name]}，应为 {value}")


def _record(truth: Truth, record_id: str) -> Mapping[str, str]:
    one = truth.records.get(record_id)
    if one is None:
        return {"记录编号": "示例中有的编号"}
    return {
        "项目名称": one.title,
        "科目类别": one.category,
        "组织单位": one.organiser,
        "学时": show(one.hours),
        "完成日期": one.day.isoformat(),
    }


def _teacher(truth: Truth, teacher_id: str, year: int) -> Mapping[str, str]:
    person = truth.people.get(teacher_id)
    if person is None:
        return {"教师编号": "示例中有的编号"}
    own = {"姓名": person.name, "学校": person.unit.rsplit("/", 1)[-1]}
    rule = next((rule for rule in RULES.values() if holds(rule.unit, person.unit) and year >= rule.first), None)
    if rule is None:
        return own
    made = truth.reckon(teacher_id, rule, year)
    gaps = {f"{name}还差": gap for name, gap in made.shortfalls.items()}
    return {**own, **gaps, "已计入": made.counted, "还差": made.remaining, "待审核": made.pending}


def _unit(truth: Truth, said: str, year: int) -> Mapping[str, str]:
    unit = truth.units.get(said.rpartition("：")[2])
    standing = truth.standing(unit, year) if unit else None
    if standing is None:
        return {}
    teachers, met, no_records = standing
    rate = Decimal(met * 10_000 // teachers) / 100 if teachers else Decimal(0)  # cut, never rounded up
    numbers = {"教师数": teachers, "已达标": met, "未达标": teachers - met, "没有记录": no_records}
    return {**{name: str(number) for name, number in numbers.items()}, "达标率": f"{rate.normalize():f}%"}


def _hundredths(hours: str) -> int:
    return int(Decimal(hours) * 100)


def plain(text: str) -> str:
    """A text as it is compared: NFKC, without spaces and marks."""
    return re.sub(r"\s", "", unicodedata.normalize("NFKC", _MARK.sub("", text)))
