"""What is so in the sample records, read from their csv files and reckoned without the engine that answers.

The few rules that the sample's places have are written out once more here, from the policies, so that a slip in the
rule files, in the calculator or in a query shows. Hours are whole hundredths, shown as decimal strings.
"""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import NamedTuple

import evals.sample
from assistant.identity import holds

TODAY = date(2023, 11, 15)
FILES = sorted(Path(evals.sample.__file__).parent.glob("*.csv"))
_TEACHER, _RECORD = re.compile(r"T\d{4}", re.IGNORECASE), re.compile(r"R(\d{4})\d{4}", re.IGNORECASE)


class Person(NamedTuple):
    """A teacher. `called`: every name that tells who it is."""

    teacher_id: str
    name: str
    unit: str
    employed_from: date
    employed_to: date | None
    called: frozenset[str]


class Credit(NamedTuple):
    """A record, as the tables of answers show it; `hours` in hundredths."""

    title: str
    category: str
    organiser: str
    hours: int
    day: date
    status: str


class Rule(NamedTuple):
    """Minima and caps on (category, organiser) in cycles of `years` from `first` on, of the places below `unit`."""

    unit: str
    total: int
    minima: Mapping[str, int]
    caps: Mapping[tuple[str, str], int]
    first: int
    years: int
    last: int | None  # the last year of validity; carried forward beyond it

    def period(self, year: int) -> tuple[date, date]:
        """The cycle that holds a year."""
        start = self.first + (year - self.first) // self.years * self.years
        return date(start, 1, 1), date(start + self.years - 1, 12, 31)


RULES = {
    "dongguan-2023": Rule(
        unit="广东省/东莞市",
        total=90_00,
        minima={"公需科目": 30_00, "专业科目": 42_00, "个人选修科目": 18_00},
        caps={("专业科目", "镇级"): 12_00, ("专业科目", "市教研室"): 6_00},
        first=2023,
        years=1,
        last=2023,
    ),
    "weinan-2019": Rule(unit="陕西省/渭南市", total=360_00, minima={}, caps={}, first=2016, years=5, last=None),
}


class Reckoned(NamedTuple):
    """A teacher's state under a rule; `by_category` is what counts, `shortfalls` what is missing of each minimum."""

    required: str
    counted: str
    remaining: str
    met: bool
    pending: str
    remaining_if_approved: str
    beyond_caps: str
    by_category: Mapping[str, str]
    shortfalls: Mapping[str, str]


class Standing(NamedTuple):
    """How many teachers of a unit there are, have met the hours, and have nothing recorded in the period."""

    teachers: int
    met: int
    no_records: int


class Asker(NamedTuple):
    """An account and whose records it may see."""

    account: str
    teacher_id: str | None
    unit: str | None
    scope: frozenset[str]
    secrets: frozenset[str]


class Truth:
    """The sample's people and records."""

    def __init__(self) -> None:
        rows = {path.stem: list(csv.DictReader(path.open(encoding="utf-8"))) for path in FILES}
        self._accounts = {row["account"]: row for row in rows["accounts"]}
        self.people = {row["teacher_id"]: self._person(row) for row in rows["teachers"]}
        self.records = {row["record_id"]: _credit(row) for row in rows["credits"]}
        self._of: dict[str, list[Credit]] = {teacher_id: [] for teacher_id in self.people}
        for row in rows["credits"]:
            self._of[row["teacher_id"]].append(self.records[row["record_id"]])
        self._owner = {row["record_id"]: row["teacher_id"] for row in rows["credits"]}
        self.units = {row["unit"].rsplit("/", 1)[-1]: row["unit"] for row in rows["units"]}
        self._schools = {row["unit"] for row in rows["units"] if row["level"] == "school"}

    @property
    def accounts(self) -> Iterable[str]:
        """All accounts."""
        return self._accounts.keys()

    @cache  # noqa: B019  there is one
    def asker(self, account: str) -> Asker:
        """Whose records an account may see, and every word that would give away somebody else. KeyError: no account."""
        row = self._accounts[account]
        teacher_id, unit = row["teacher_id"] or None, row["unit"] or None
        scope = {one for one, person in self.people.items() if unit and holds(unit, person.unit)}
        scope |= {teacher_id} if teacher_id else set()
        seen = [person for one, person in self.people.items() if one in scope]
        others = [person for one, person in self.people.items() if one not in scope]
        known = {name for person in seen for name in person.called}
        places = {person.unit for person in seen} | {place for place in self._schools if unit and holds(unit, place)}
        schools = {place.rsplit("/", 1)[-1] for place in self._schools - places}
        secrets = {name for person in others for name in person.called} - known | schools
        return Asker(account, teacher_id, unit, frozenset(scope), frozenset(secrets))

    def owners(self, text: str) -> Iterator[tuple[str, str]]:
        """Every number of a teacher or of a record in a text, as (number, teacher_id)."""
        for found in _TEACHER.findall(text):
            yield found.upper(), found.upper()
        for found in _RECORD.finditer(text):
            yield found[0].upper(), f"T{found[1]}"

    def reckon(self, teacher_id: str, rule: Rule, year: int, extra: Sequence[Credit] = ()) -> Reckoned:
        """The state in the period that holds `year`, after `extra`."""
        start, end = rule.period(year)
        records = [*(one for one in self._of[teacher_id] if start <= one.day <= end), *extra]
        approved = [one for one in records if one.status == "已审核"]
        pending = [one for one in records if one.status == "待审核"]
        counted, lost = _counted(rule, approved)
        return Reckoned(
            required=show(rule.total),
            counted=show(counted.total()),
            remaining=show(remaining := _remaining(rule, counted)),
            met=remaining == 0,
            pending=show(sum(one.hours for one in pending)),
            remaining_if_approved=show(_remaining(rule, _counted(rule, [*approved, *pending])[0])),
            beyond_caps=show(lost),
            by_category={name: show(counted[name]) for name in rule.minima},
            shortfalls={name: show(max(0, least - counted[name])) for name, least in rule.minima.items()},
        )

    def any_in_period(self, teacher_id: str, rule: Rule, year: int) -> bool:
        """Whether anything is recorded of a teacher in the period that holds `year`."""
        start, end = rule.period(year)
        return any(start <= one.day <= end for one in self._of[teacher_id])

    def standing(self, unit: str, year: int) -> Standing | None:
        """How a unit stands in a year; None: no single rule holds for all of it."""
        rule = next((rule for rule in RULES.values() if holds(rule.unit, unit) and year >= rule.first), None)
        if rule is None:
            return None
        day = min(rule.period(year)[1], TODAY)
        there = [one for one in self.people.values() if holds(unit, one.unit) and _employed(one, day)]
        met = sum(self.reckon(one.teacher_id, rule, year).met for one in there)
        return Standing(len(there), met, sum(not self.any_in_period(one.teacher_id, rule, year) for one in there))

    def _person(self, row: Mapping[str, str]) -> Person:
        own = [one for one in self._accounts.values() if one["teacher_id"] == row["teacher_id"]]
        called = {row["name"], row["teacher_id"], *(one["wecom_userid"] for one in own)} - {""}
        left = date.fromisoformat(row["employed_to"]) if row["employed_to"] else None
        joined = date.fromisoformat(row["employed_from"])
        return Person(row["teacher_id"], row["name"], row["unit"], joined, left, frozenset(called))


@cache
def truth() -> Truth:
    """The sample's, read once."""
    return Truth()


def show(hundredths: int) -> str:
    """A decimal string without trailing zeros."""
    return f"{(Decimal(hundredths) / 100).normalize():f}"


def _credit(row: Mapping[str, str]) -> Credit:
    hours = int(Decimal(row["hours"]) * 100)
    day = date.fromisoformat(row["completed_on"])
    return Credit(row["title"], row["category"], row["organiser"], hours, day, row["status"])


def _employed(person: Person, day: date) -> bool:
    return person.employed_from <= day and (person.employed_to is None or person.employed_to >= day)


def _counted(rule: Rule, approved: Iterable[Credit]) -> tuple[Counter[str], int]:
    """Counted hours by category, and the hours that lie beyond caps."""
    sums: Counter[tuple[str, str]] = Counter()
    for one in approved:
        sums[one.category, one.organiser] += one.hours
    counted: Counter[str] = Counter()
    for (category, organiser), hours in sums.items():
        counted[category] += min(hours, rule.caps.get((category, organiser), hours))
    return counted, sums.total() - counted.total()


def _remaining(rule: Rule, counted: Counter[str]) -> int:
    shortfalls = sum(max(0, least - counted[name]) for name, least in rule.minima.items())
    return max(rule.total - counted.total(), shortfalls, 0)
