"""What the sample's hours come to, reckoned from its files anew, in decimals; and what holds of every answer."""

import csv
import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import evals.sample
from assistant.answer import Answer, Calculation
from assistant.bootstrap import Installation
from assistant.guard import check_figures
from assistant.policy import Clause
from assistant.store import policies

SAMPLE = Path(evals.sample.__file__).parent
GAP = "我今年还差多少学时？"
PUBLIC, SUBJECT, ELECTIVE = "公需科目", "专业科目", "个人选修科目"
APPROVED, PENDING, REJECTED = "已审核", "待审核", "已驳回"


@cache
def table(name: str) -> Sequence[Mapping[str, str]]:
    with (SAMPLE / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def teacher(teacher_id: str) -> Mapping[str, str]:
    return next(row for row in table("teachers") if row["teacher_id"] == teacher_id)


def records(teacher_id: str, first: str = "2023", last: str = "2023") -> list[Mapping[str, str]]:
    """The records of some years, by date."""
    mine = [row for row in table("credits") if row["teacher_id"] == teacher_id]
    mine = [row for row in mine if first <= row["completed_on"][:4] <= last]
    return sorted(mine, key=lambda row: (row["completed_on"], row["record_id"]))


class Rules(NamedTuple):
    """What a place demands, read off its policy by eye."""

    rule_set: str
    first: str
    last: str
    total: int
    minima: Mapping[str, int]
    caps: Mapping[tuple[str, str], int]


DONGGUAN = Rules(
    "dongguan-2023",
    "2023",
    "2023",
    90,
    {PUBLIC: 30, SUBJECT: 42, ELECTIVE: 18},
    {(SUBJECT, "镇级"): 12, (SUBJECT, "市教研室"): 6},
)
WEINAN = Rules("weinan-2019", "2021", "2025", 360, {}, {})


def rules_of(teacher_id: str) -> Rules | None:
    unit = teacher(teacher_id)["unit"]
    return {"广东省/东莞市": DONGGUAN, "陕西省/渭南市": WEINAN}.get("/".join(unit.split("/")[:2]))


def said(hours: Decimal) -> str:
    return f"{hours.normalize():f}"


def hours(rows: Iterable[Mapping[str, str]]) -> Decimal:
    return sum((Decimal(row["hours"]) for row in rows), Decimal(0))


def of_year(rows: Sequence[Mapping[str, str]]) -> list[str]:
    """How many records, and the hours of each status."""
    sums = [hours(row for row in rows if row["status"] == status) for status in (APPROVED, PENDING, REJECTED)]
    return [str(len(rows)), *map(said, sums)]


def by_status(rows: Sequence[Mapping[str, str]]) -> list[list[str]]:
    """Status, number and hours of the records of each status that there is."""
    groups = {status: [row for row in rows if row["status"] == status] for status in (APPROVED, PENDING, REJECTED)}
    return [[status, str(len(some)), said(hours(some))] for status, some in groups.items() if some]


def counted(rows: Sequence[Mapping[str, str]], rules: Rules) -> tuple[dict[str, Decimal], Decimal]:
    """Counted hours by category, and the hours that caps cut off."""
    by_category, beyond = dict[str, Decimal](), Decimal(0)
    for kind in {(row["category"], row["organiser"]) for row in rows}:
        amount = hours(row for row in rows if (row["category"], row["organiser"]) == kind)
        kept = min(amount, Decimal(rules.caps.get(kind, 10**9)))
        by_category[kind[0]] = by_category.get(kind[0], Decimal(0)) + kept
        beyond += amount - kept
    return by_category, beyond


def shortfalls(by_category: Mapping[str, Decimal], rules: Rules) -> dict[str, Decimal]:
    return {name: max(Decimal(0), need - by_category.get(name, Decimal(0))) for name, need in rules.minima.items()}


def remaining(rows: Sequence[Mapping[str, str]], rules: Rules) -> Decimal:
    by_category, _ = counted(rows, rules)
    short = sum(shortfalls(by_category, rules).values(), Decimal(0))
    return max(rules.total - sum(by_category.values(), Decimal(0)), short, Decimal(0))


def above_caps(rows: Sequence[Mapping[str, str]], rules: Rules) -> set[str]:
    """The records of capped sources that lie wholly or partly above their cap, by date."""
    running, above = Counter[tuple[str, str]](), set[str]()
    for row in rows:
        kind = row["category"], row["organiser"]
        running[kind] += Decimal(row["hours"])  # type: ignore[assignment]
        if kind in rules.caps and running[kind] > rules.caps[kind]:
            above.add(row["record_id"])
    return above


def reckoned(teacher_id: str, rules: Rules, extra: Sequence[tuple[str, str, str]] = ()) -> dict[str, Any]:
    """A calculation's figures, with `extra` hours (category, organiser, hours) approved besides."""
    mine = records(teacher_id, rules.first, rules.last)
    assumed = [{"record_id": "", "category": kind, "organiser": by, "hours": amount} for kind, by, amount in extra]
    approved = [*(row for row in mine if row["status"] == APPROVED), *assumed]
    pending = [row for row in mine if row["status"] == PENDING]
    by_category, beyond = counted(approved, rules)
    short = shortfalls(by_category, rules)
    names = [*rules.minima, *sorted({row["category"] for row in approved} - set(rules.minima))]
    return {
        "required": said(Decimal(rules.total)),
        "counted": said(sum(by_category.values(), Decimal(0))),
        "remaining": said(remaining(approved, rules)),
        "met": remaining(approved, rules) == 0,
        "pending": said(hours(pending)),
        "remaining_if_approved": said(remaining([*approved, *pending], rules)),
        "beyond_caps": said(beyond),
        "categories": {
            name: {
                "required": str(rules.minima[name]) if name in rules.minima else None,
                "recorded": said(hours(row for row in approved if row["category"] == name)),
                "counted": said(by_category.get(name, Decimal(0))),
                "shortfall": said(short.get(name, Decimal(0))),
            }
            for name in names
        },
    }


def figures_of(made: Calculation) -> dict[str, Any]:
    """A calculation's figures in the form of `reckoned`."""
    body = made.model_dump(mode="json", exclude={"categories": {"__all__": {"citation"}}})
    lines = {line.pop("category"): line for line in body["categories"]}
    return {name: body[name] for name in reckoned("T0001", DONGGUAN) if name != "categories"} | {"categories": lines}


# What holds of every answer.


def marks(text: str) -> set[str]:
    return set(re.findall(r"\[\^([^\]]*)\]", text))


def cited(answer: Answer) -> set[str]:
    """The citations that an answer uses: in its text, calculation and projection."""
    used = marks(answer.text)
    for made in (answer.calculation, answer.projection):
        parts = [*made.categories, *made.not_counted, *made.steps] if made else []
        used |= {part.citation for part in parts if part.citation}
    return used


def clause_of(installation: Installation, policy_id: str, locator: str) -> Clause:
    with installation.database.read() as connection:
        return policies.clauses(connection, [(policy_id, locator)])[policy_id, locator]


def check_sound(answer: Answer, question: str, installation: Installation) -> None:
    """Every figure is proven, every mark has its citation, every citation its use and its verbatim quote."""
    check_figures(answer, question)
    assert [one.id for one in answer.citations] == [str(number) for number in range(1, len(answer.citations) + 1)]
    assert cited(answer) == {one.id for one in answer.citations}
    for one in answer.citations:
        clause = clause_of(installation, one.policy_id, one.locator)
        assert one.quote
        assert one.quote in clause.text
        assert one.sha256 == hashlib.sha256(clause.text.encode()).hexdigest()
        assert one.url == f"/policies/{one.policy_id}#{quote(one.locator)}"


def as_json(answer: Answer) -> str:
    """All of an answer but its ids, which are drawn by lot and may look like anything."""
    return json.dumps(answer.model_dump(mode="json", exclude={"id", "thread_id"}), ensure_ascii=False)


def check_own(answer: Answer, teacher_id: str | None, *named: str) -> None:
    """Nothing of any teacher but one stands anywhere in the answer; `named`: names that the asker used."""
    body = as_json(answer)
    own = {row["record_id"] for row in table("credits") if row["teacher_id"] == teacher_id}
    assert set(re.findall(r"R\d{8}", body)) <= own
    names = {row["name"] for row in table("teachers") if row["teacher_id"] != teacher_id} - set(named)
    if teacher_id:
        names.discard(teacher(teacher_id)["name"])
    assert [name for name in sorted(names) if name in body] == []
    assert set(re.findall(r"T\d{4}", body)) <= {teacher_id, *named}


def citation(answer: Answer, number: str | None) -> tuple[str, str]:
    """Locator and quote of a citation."""
    one = next(one for one in answer.citations if one.id == number)
    return one.locator, one.quote
