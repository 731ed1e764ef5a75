"""One teacher's hours, for the tools: the state of a year, what-if, and the plan that closes the gap."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from typing import Annotated

from pydantic import BaseModel, Field

from assistant import hours
from assistant.answer import Assumed, Calculation, PlanItem, Projection
from assistant.cited import Cited
from assistant.results import Denied, Hours, MadeUp, Namesakes, NotATeacher, Result, Run
from assistant.rules import make_up
from assistant.rules.calculate import Record, calculate
from assistant.rules.find import Applicable, find
from assistant.rules.make_up import Course
from assistant.rules.schema import Category, Organiser
from assistant.store import people, policies, units
from assistant.store.database import Connection
from assistant.store.people import TeacherInfo

_ASSUMED = "假设"


class Assumption(BaseModel):
    """Hours that a what-if adds, as if approved."""

    category: Category
    hours: Annotated[str, Field(description="学时，如 6 或 4.5", pattern=r"^\d{1,6}(\.\d{1,2})?$")]
    organiser: Organiser | None = None


def state(connection: Connection, run: Run, year: int | None = None) -> Result:
    """The asker's own hours of a year, no question needed."""
    return for_teacher(connection, run, None, None, lambda who: hours_of(connection, run, who, year, None))


def plan(connection: Connection, run: Run, year: int | None, catalogue: Sequence[Course] | None) -> Result:
    """The asker's own hours of a year, and how the gap is closed for the least: in hours, or by courses on offer."""
    return for_teacher(connection, run, None, None, lambda who: planned(connection, run, who, year, catalogue))


def is_own(run: Run, who: TeacherInfo) -> bool:
    """Whether a teacher is the asker."""
    return who.teacher_id == run.account.teacher_id


def for_teacher(
    connection: Connection, run: Run, name: str | None, unit: str | None, answer: Callable[[TeacherInfo], Result]
) -> Result:
    """The answer about the teacher meant, if the asker may see one; `unit`: where somebody of that name is to be."""
    scope = run.account.scope
    if name is None:
        if scope.teacher_id is None:
            return NotATeacher()
        who = people.teacher(connection, scope, scope.teacher_id)
        return answer(who) if who else Denied()
    found = people.teachers_called(connection, scope, name)
    found = [one for one in found if unit is None or units.lies_in(one.unit, unit)]
    if len(found) > 1:
        return Namesakes(name, [(one.teacher_id, one.unit.rsplit("/", 1)[-1]) for one in found])
    return answer(found[0]) if found else Denied()


def planned(
    connection: Connection, run: Run, who: TeacherInfo, year: int | None, catalogue: Sequence[Course] | None = None
) -> Hours:
    """The hours of a year with the plan that closes the gap; without a rule there is nothing to plan."""
    found = hours_of(connection, run, who, year, None)
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


def hours_of(
    connection: Connection, run: Run, who: TeacherInfo, year: int | None, assume: Sequence[Assumption] | None
) -> Hours:
    """The calculation of a year, and what it would be with more hours; without a rule the records alone."""
    year = year or run.today.year
    rows = people.records(connection, run.account.scope, who.teacher_id)
    applied = find(policies.rule_sets(connection), who.unit, year)
    if applied is None:
        in_year = [row for row in rows if row.completed_on.year == year]
        return Hours(is_own(run, who), who.name, who.unit, year, in_year)
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
        own=is_own(run, who),
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
        caps=cited.caps({line.category for line in verdict.categories}) if verdict.beyond_caps else (),
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
