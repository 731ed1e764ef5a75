"""Dongguan's hour rules of 2023 written for OpenFisca, for comparison: from database rows to every teacher's figures.

Records are the persons, a teacher is the group that they are members of. Hours are whole hundredths.

`python -m evals.bench.openfisca once <folder>` computes everyone's figures once, and tells the memory that it took.
"""

import json
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy
from numpy.typing import NDArray
from openfisca_core.entities import build_entity
from openfisca_core.indexed_enums import Enum
from openfisca_core.periods import DateUnit
from openfisca_core.simulation_builder import SimulationBuilder
from openfisca_core.taxbenefitsystems import TaxBenefitSystem
from openfisca_core.variables import Variable

from evals.bench.measure import peak

YEAR = "2023"
FIGURES = ("records", "counted", "remaining", "pending", "short_public", "short_subject", "short_elective")
_TOTAL, _PUBLIC, _SUBJECT, _ELECTIVE = 9000, 3000, 4200, 1800
_TOWN_CAP, _OFFICE_CAP = 1200, 600
_AT_ONCE = 50_000  # rows

Array = NDArray[Any]


Status = Enum("Status", {"approved": "已审核", "pending": "待审核", "rejected": "已驳回"})
Category = Enum("Category", {"public": "公需科目", "subject": "专业科目", "elective": "个人选修科目"})
_BY = {"nation": "国家级", "province": "省级", "city": "市级", "office": "市教研室", "town": "镇级", "school": "校级"}
Organiser = Enum("Organiser", _BY)

_RECORD = build_entity("record", "records", "A record of hours", is_person=True)
_TEACHER = build_entity("teacher", "teachers", "A teacher", roles=[{"key": "member", "plural": "members"}])
_ENUMS = {"status": Status, "category": Category, "organiser": Organiser}
_RECORDS = numpy.dtype([("teacher", "i4"), ("status", "u1"), ("category", "u1"), ("organiser", "u1"), ("hours", "i4")])


class Rows(NamedTuple):
    """The teachers, and the records of the year: a structured array, teachers by place, words by number."""

    teacher_ids: list[str]
    records: Array


def read(path: Path) -> Rows:
    """Fetch the rows of a SQLite database."""
    connection = sqlite3.connect(path)
    teacher_ids = [row[0] for row in connection.execute("SELECT teacher_id FROM teachers ORDER BY teacher_id")]
    numbers = {"teacher": {teacher_id: place for place, teacher_id in enumerate(teacher_ids)}}
    numbers |= {name: {one.value: number for number, one in enumerate(words)} for name, words in _ENUMS.items()}
    query = "SELECT teacher_id, status, category, organiser, hours FROM credits WHERE completed_on BETWEEN ? AND ?"
    cursor = connection.execute(query, (f"{YEAR}-01-01", f"{YEAR}-12-31"))
    read = []
    while some := cursor.fetchmany(_AT_ONCE):
        *words, hours = zip(*some, strict=True)
        chunk = numpy.empty(len(some), _RECORDS)
        for name, column in zip(numbers, words, strict=True):
            chunk[name] = numpy.fromiter(map(numbers[name].__getitem__, column), _RECORDS[name], len(some))
        chunk["hours"] = hours
        read.append(chunk)
    return Rows(teacher_ids, numpy.concatenate(read))


def figures(rows: Rows) -> dict[str, Array]:
    """Every teacher's figures by name, in the order of `rows.teacher_ids`."""
    builder = SimulationBuilder()
    builder.create_entities(_SYSTEM)
    builder.declare_person_entity("record", range(len(rows.records)))
    teachers = builder.declare_entity("teacher", range(len(rows.teacher_ids)))
    # Set here: `join_with_persons` numbers only teachers who have records, and so gives hours to the wrong ones.
    teachers.members_entity_id = rows.records["teacher"]
    simulation = builder.build(_SYSTEM)
    for name in ("hours", *_ENUMS):
        simulation.set_input(name, YEAR, numpy.ascontiguousarray(rows.records[name]))
    return {name: simulation.calculate(name, YEAR) for name in FIGURES}


def _sum(teacher: Any, array: Any) -> Any:
    """By teacher. OpenFisca's own sum ends with the last teacher who has a record."""
    sums = teacher.sum(array)
    if sums.max(initial=0) >= 2**31:
        raise OverflowError("OpenFisca's integers have 32 bits")
    return numpy.pad(sums, (0, teacher.count - len(sums)))


def _approved(teacher: Any, period: Any, category: Any, organiser: Any = None) -> Any:
    meant = (teacher.members("status", period) == Status.approved) & (teacher.members("category", period) == category)
    if organiser is not None:
        meant = meant & (teacher.members("organiser", period) == organiser)
    return _sum(teacher, meant * teacher.members("hours", period))


def _pending(teacher: Any, period: Any) -> Any:
    meant = teacher.members("status", period) == Status.pending
    return _sum(teacher, meant * teacher.members("hours", period))


def _subject(teacher: Any, period: Any) -> Any:
    town = _approved(teacher, period, Category.subject, Organiser.town)
    office = _approved(teacher, period, Category.subject, Organiser.office)
    others = _approved(teacher, period, Category.subject) - town - office
    return others + numpy.minimum(town, _TOWN_CAP) + numpy.minimum(office, _OFFICE_CAP)


def _counted(teacher: Any, period: Any) -> Any:
    return teacher("public", period) + teacher("subject", period) + teacher("elective", period)


def _short(name: str, minimum: int) -> Callable[[Any, Any], Any]:
    return lambda teacher, period: numpy.maximum(minimum - teacher(name, period), 0)


def _remaining(teacher: Any, period: Any) -> Any:
    short = sum(teacher(name, period) for name in ("short_public", "short_subject", "short_elective"))
    return numpy.maximum(_TOTAL - teacher("counted", period), short)


_FORMULAS: dict[str, Callable[[Any, Any], Any]] = {
    "records": lambda teacher, period: _sum(teacher, numpy.ones(teacher.members.count)),
    "pending": _pending,
    "public": lambda teacher, period: _approved(teacher, period, Category.public),
    "subject": _subject,
    "elective": lambda teacher, period: _approved(teacher, period, Category.elective),
    "counted": _counted,
    "short_public": _short("public", _PUBLIC),
    "short_subject": _short("subject", _SUBJECT),
    "short_elective": _short("elective", _ELECTIVE),
    "remaining": _remaining,
}


def _system() -> Any:
    system = TaxBenefitSystem([_RECORD, _TEACHER])
    yearly = {"definition_period": DateUnit.YEAR, "label": ""}

    def add(name: str, **attributes: Any) -> None:
        system.add_variable(type(name, (Variable,), {**yearly, **attributes}))

    add("hours", value_type=int, entity=_RECORD)
    for name, words in _ENUMS.items():
        add(name, value_type=Enum, possible_values=words, default_value=next(iter(words)), entity=_RECORD)
    for name, formula in _FORMULAS.items():
        add(name, value_type=int, entity=_TEACHER, formula=formula)
    return system


_SYSTEM = _system()

if __name__ == "__main__":
    figures(read(Path(sys.argv[2]) / "xueshi.db"))
    print(json.dumps([{}, peak()]))
