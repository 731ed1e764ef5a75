"""What an answer shows, as facts: figures with their role, and the people, things, time and clause they belong to."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum, auto
from fractions import Fraction
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

from assistant.answer import Calculation, PlanItem, Projection, Table
from assistant.guard.reading import Place, Said, Value, meant, read
from assistant.guard.words import Atom, Words, fold

HOURS, SHARE, PEOPLE, YEAR = "学时", "%", "人", "年份"
TIMES = frozenset({YEAR, "date"})
# A cell that is a number. Nothing longer, and no exponent: a number of a billion digits takes a few characters.
_NUMBER = re.compile(r"-?\d{1,20}(\.\d{1,20})?", re.ASCII)
# Roles whose figures are somebody's state: they must be of the very category that is spoken of, or of none.
_STATE = {"remaining", "counted", "recorded", "pending", "left_out", "cut", "rejected"}
_STRICT = _STATE | {"required", "sum", "plan"}
_NORMS = {"required", "sum"}
# Which roles of facts may stand for a role that a text says; for any other, the same.
_MEANS = {
    "left_out": {"left_out", "cut", "pending", "rejected"},
    "plan": {"plan", "remaining"},
    "sum": {"sum", "required", "counted", "left_out", "cut", "pending", "recorded", "plan", "remaining", "cost"},
}

_WHY = {"pending": "pending", "outside_period": ""}
_STATUS = {"已审核": "recorded", "待审核": "pending", "已驳回": "rejected"}
_BARE = frozenset({""})
_YEAR_SAID = re.compile(r"((?:19|20)\d\d)年")
_MEANS_IN_TABLES = {"left_out": {"cut", "pending", "rejected"}, "plan": {"remaining"}, "sum": {"cost"}}
# What a column whose heading tells no role may stand for.
_OF_ANY_COLUMN = {"sum", "teachers", "listed", "left", "cost", "pace"}

# By a column's heading: the role of its figures and their unit.
_COLUMNS = (
    ("每周", "pace", HOURS),
    ("剩余天数", "left", "天"),
    ("未达标", "unmet", PEOPLE),
    ("达标率|比例|占比|覆盖|现为|率$", "rate", SHARE),
    ("已达标|达标人数", "met", PEOPLE),
    ("没有记录", "blank", PEOPLE),
    ("教师数|人数", "teachers", PEOPLE),
    ("不低于", "required", SHARE),
    ("还差|差额|缺口|还需", "remaining", HOURS),
    ("要求|最低|应修", "required", HOURS),
    ("待审核", "pending", HOURS),
    ("已审核", "recorded", HOURS),
    ("上限", "cap", HOURS),
    ("超出", "cut", HOURS),
    ("未计入|没有计入", "left_out", HOURS),
    ("计入|已修", "counted", HOURS),
    ("学时", "", HOURS),
    ("元|费用|经费|金额", "cost", "元"),
    ("记录数|条数", "", "条"),
    ("年度|年份|^年$", "", YEAR),
)
_GROUPS = frozenset({"类", "种", "个", "项"})
# What a table's rows are, by a heading, and the units that count them.
_ROWS = (
    ("记录数|人数|教师数", _GROUPS | frozenset({"所", "镇"})),
    ("记录编号|项目名称", frozenset({"条", "个", "项", "次"})),
    ("姓名|教师编号|教师$", frozenset({PEOPLE, "个"})),
    ("课程", frozenset({"门", "个", "项"})),
    ("单位|学校|镇", frozenset({"个", "所", "家", "镇"})),
)
_COUNTS = frozenset({"条", "个", "项", "次", "门", PEOPLE, "所", "家", "类", "种"})
_NAMING = (("教师编号", "id"), ("姓名|教师$|老师", "person"), ("^单位|学校|镇街|地区", "place"), ("^项目$", "item"))


class Source(Enum):
    """Where a fact stands: what was reckoned, a table, a clause that is quoted, the question."""

    MADE = auto()
    TABLE = auto()
    QUOTE = auto()
    QUESTION = auto()


class Fact(NamedTuple):
    """A figure that is so. Empty fields tell nothing; `units`: any of them fits, none: any does.

    `later`: on what condition it is so (more, approved), "": it is so now; `marks`: the citations that say so, None
    where none is known.
    """

    value: Value
    units: frozenset[str]
    source: Source
    role: str = ""
    labels: Mapping[str, str] = MappingProxyType({})
    years: range | None = None
    later: str | None = None
    marks: frozenset[str] | None = None

    def speaks_of(self, place: Place) -> bool:
        """Whether the fact has a place's role and agrees with it wherever both tell."""
        return self.role == place.role and self.fits(place)

    def is_equal(self, said: Said) -> bool:
        """Whether it is the same figure in the same unit."""
        if isinstance(self.value, tuple) or isinstance(said.value, tuple):
            return _same_day(self.value, said)
        if self.value != said.value:
            return False
        if said.unit == "" or (not self.units and said.unit not in (SHARE, YEAR)):
            return SHARE not in self.units
        return said.unit in self.units

    def fits(self, place: Place) -> bool:
        """Whether it agrees with a place wherever both tell."""
        if self.source is Source.QUESTION:
            return place.echo or bool(self.units & TIMES)
        if place.role and not self._has_role(place.role):
            return False
        mine, theirs = self.labels, place.labels
        if any(value not in theirs.get(kind, value).split("|") for kind, value in mine.items() if value):
            return False
        if place.role in _STRICT and not self._is_as_particular(theirs):
            return False
        if place.role in ("remaining", "counted") and self.later is not None and not self._is_then(place.later):
            return False
        return not (place.role and self.years and place.year and place.year not in self.years)

    def _is_then(self, later: str) -> bool:
        """Whether it holds on the condition that is said; `if` is any."""
        return self.later == later or (later == "if" and self.later != "")

    def _is_as_particular(self, theirs: Mapping[str, str]) -> bool:
        """Whether a total isn't taken for a part, nor a part for the total."""
        category, organiser = self.labels.get("category"), self.labels.get("organiser")
        if theirs.get("category") and not category:
            return False
        if not (category or organiser):
            return True
        return bool(theirs.get("organiser") if organiser else theirs.get("category"))

    def _has_role(self, role: str) -> bool:
        if self.source is Source.QUOTE:
            # What a clause demands or caps may be said in other words than its own.
            return self.role == role or (role in _NORMS and self.role in ("", "sum"))
        if self.source is Source.TABLE:
            return (
                self.role == role
                or (not self.role and role in _OF_ANY_COLUMN)
                or self.role in _MEANS_IN_TABLES.get(role, ())
            )
        if role == "plan" and self.role == "remaining" and not self.value:
            return False  # what nobody needs is no part of a plan
        return self.role in _MEANS.get(role, {role})


def _same_day(known: Value, said: Said) -> bool:
    """A date may be said in part: without its year, or without its day; or its month alone."""
    if not isinstance(known, tuple):
        return False
    if isinstance(said.value, tuple):
        return all(part in (0, whole) for part, whole in zip(said.value, known, strict=True))
    return said.unit in ("月", "日") and said.value == known[1 if said.unit == "月" else 2]


def of_calculation(made: Calculation, person: str, cuts: Iterable[tuple[str, str | None]] = ()) -> Iterator[Fact]:
    """The facts of a state, or of a projected one. `person`: whose it is; `cuts`: what caps cut off, and the clause."""
    base = Fact(
        Fraction(0),
        frozenset({HOURS}),
        Source.MADE,
        labels={"person": person},
        years=range(made.from_.year, made.to.year + 1),
        later="more" if isinstance(made, Projection) else "",
    )

    def fact(said: str, role: str, marks: Iterable[str | None], category: str = "") -> Fact:
        labels = {**base.labels, "category": category}
        return base._replace(value=Fraction(said), role=role, labels=labels, marks=_some(marks))

    total = [step.citation for step in made.steps if step.text.startswith("合计")]
    yield fact(made.required, "required", total)
    yield fact(made.counted, "counted", total)
    yield fact(made.remaining, "remaining", total)
    yield fact(made.remaining_if_approved, "remaining", total)._replace(later="approved")
    yield fact(made.pending, "pending", [item.citation for item in made.not_counted if item.why == "pending"])
    yield fact(made.beyond_caps, "cut", [item.citation for item in made.not_counted if item.why == "cap"])
    for line in made.categories:
        if line.required is not None:
            yield fact(line.required, "required", [line.citation], line.category)
            yield fact(line.shortfall, "remaining", [line.citation], line.category)
        yield fact(line.recorded, "recorded", [line.citation], line.category)
        yield fact(line.counted, "counted", [line.citation], line.category)
    for item in made.not_counted:
        if item.why != "cap":  # what each cap cuts off is told with its source, in the steps
            yield fact(item.hours, _WHY.get(item.why, "rejected"), [item.citation])
    for step in made.steps:
        for one in _told(step.text, base, [step.citation]):
            # The last step comes to what remains by figures that are less (差, 差额之和).
            yield one._replace(role="") if one.role == "remaining" else one
    for text, token in cuts:
        yield from (one._replace(role="cut") for one in _told(text, base, [token]))
    if isinstance(made, Projection):
        for hours in made.assumed:
            labels = {"category": hours.category, "organiser": hours.organiser or ""}
            yield base._replace(value=Fraction(hours.hours), role="assumed", labels=labels)
    for day in (made.from_, made.to):
        yield from _told(day.isoformat(), base, [])
    yield Fact(Fraction(len(made.categories)), frozenset({"类", "个", "科"}), Source.MADE)


def of_plan(items: Sequence[PlanItem]) -> Iterator[Fact]:
    """The facts of a plan: each part of it, how many there are, and their sum."""
    base = Fact(Fraction(0), frozenset({HOURS}), Source.MADE, "plan", marks=frozenset())
    for item in items:
        labels = {"category": item.category, "organiser": item.organiser or ""}
        yield base._replace(value=Fraction(item.hours), labels=labels, marks=_some([item.citation]))
        yield from of_prose(item.title or "", Source.MADE)
    yield base._replace(value=sum((Fraction(item.hours) for item in items), Fraction(0)))
    yield Fact(Fraction(len(items)), frozenset({"门", "个", "项"}), Source.MADE)


def of_table(table: Table, people: Mapping[str, str], clauses: Mapping[str, str | None]) -> Iterator[Fact]:
    """The facts of a table: its cells, how many rows it has or was cut from, and the sums of its columns.

    `people`: persons by name and number; `clauses`: the citations behind its rows by item, and behind others by "".
    """
    columns = [_column(name) for name in table.columns]
    said_years = {int(year) for year in _YEAR_SAID.findall(table.caption)}
    years = range(min(said_years), max(said_years) + 1) if said_years else None
    called = {person for name, person in people.items() if name in table.caption}
    whose = {"person": called.pop()} if len(called) == 1 else {}
    base = Fact(Fraction(0), frozenset(), Source.TABLE, labels=whose, years=years)
    counts = next((units for words, units in _ROWS if re.search(words, " ".join(table.columns))), _COUNTS)
    for number in {len(table.rows), table.total_rows}:
        for role in ("sum", "listed"):
            yield base._replace(value=Fraction(number), units=counts, role=role)
    yield from of_prose(table.caption, Source.TABLE)
    for row in table.rows:
        labels = whose | _row_labels(table.columns, row, people)
        status = next((role for cell in row for said, role in _STATUS.items() if cell.startswith(said)), "")
        for (role, unit, category), cell in zip(columns, row, strict=True):
            told = {**labels, "category": category or labels.get("category", "")}
            marks = _some([clauses.get(labels.get("item", ""))]) or None
            yield from _of_cell(cell, base._replace(role=role or status, units=_some([unit]), labels=told, marks=marks))
    totalled = any(row[0].startswith("合计") for row in table.rows if row)
    for (role, unit, category), cells in zip(columns, zip(*table.rows, strict=True), strict=bool(table.rows)):
        if unit != YEAR and all(map(_NUMBER.fullmatch, cells)) and not totalled:
            # Of one row there is nothing to sum: a column's own role stays what it is.
            roles = {role} if role and len(cells) == 1 else {role, "sum"}
            total = base._replace(value=sum(map(Fraction, cells), Fraction(0)), units=_some([unit]))
            yield from (total._replace(role=one, labels={**whose, "category": category}) for one in roles)


def _of_cell(cell: str, base: Fact) -> Iterator[Fact]:
    """The facts of a cell: a number in its column's role, or words that say for themselves."""
    if _NUMBER.fullmatch(cell):
        yield base._replace(value=Fraction(cell))
    elif any(char.isnumeric() for char in cell):
        for one in _told(cell, base, base.marks or ()):
            yield one._replace(role=base.role) if SHARE in one.units and not one.role else one


def of_prose(text: str, source: Source, marks: Iterable[str] = ()) -> Iterator[Fact]:
    """The facts of a sentence: a clause that is quoted, the question, a caption."""
    return _told(text, Fact(Fraction(0), frozenset(), source), marks)


def _told(text: str, base: Fact, marks: Iterable[str | None]) -> Iterator[Fact]:
    """The facts of a sentence, each `base` with what is said beside it."""
    for said in _read(text):
        place = said.place
        # What is reckoned is hours; what else is said without a unit proves nothing that has one.
        reckoned = base.source is Source.MADE or (base.source is Source.TABLE and place.role in _STRICT)
        bare = frozenset({HOURS}) if reckoned else _BARE
        yield base._replace(
            value=said.value,
            units=_some([said.unit]) or bare,
            role=place.role,
            labels={**base.labels, **place.labels},
            later=base.later or (place.later if base.source is Source.MADE else None),
            marks=_some(marks) or base.marks,
        )


@lru_cache(4096)
def _read(text: str) -> tuple[Said, ...]:
    """Steps and clauses are much the same from answer to answer, and reading them is most of the guard's work."""
    return tuple(read(fold(text), Words({})))


def _some(words: Iterable[str | None]) -> frozenset[str]:
    return frozenset(word for word in words if word)


def _column(name: str) -> tuple[str, str, str]:
    """A column's role, unit and category."""
    role, unit = next(((role, unit) for words, role, unit in _COLUMNS if re.search(words, name)), ("", ""))
    category = re.search("公需|专业|选修", name)
    return role, unit, meant(category.group()) if category else ""


def _row_labels(columns: Iterable[str], row: Iterable[str], people: Mapping[str, str]) -> dict[str, str]:
    labels = dict[str, str]()
    for name, cell in zip(columns, row, strict=True):
        kind = _naming(name)
        if kind in ("id", "person") and cell in people:
            labels.setdefault("person", people[cell])
        elif kind == "place":
            labels["place"] = place_name(cell)
        elif kind == "item":
            labels["item"] = cell
        elif cell in ("公需科目", "专业科目", "个人选修科目"):
            labels["category"] = cell
        elif cell in ("国家级", "省级", "市级", "市教研室", "镇级", "校级"):
            labels["organiser"] = cell
    return labels


def people_in(table: Table) -> Iterator[tuple[str, str]]:
    """The people of a table's rows, as (number, name); where it has but one of the two, that twice."""
    for row in table.rows:
        cells = {_naming(name): cell for name, cell in zip(table.columns, row, strict=True)}
        number, name = cells.get("id"), cells.get("person")
        if number or name:
            yield number or name or "", name or number or ""


def places_of(person: str, tables: Iterable[Table], people: Mapping[str, str]) -> set[str]:
    """Where rows of tables say that somebody belongs."""
    rows = (_row_labels(table.columns, row, people) for table in tables for row in table.rows)
    return {labels["place"] for labels in rows if labels.get("person") == person and "place" in labels}


def names_in(table: Table) -> Iterator[tuple[str, Atom]]:
    """The places and items that a table names."""
    for row in table.rows:
        for name, cell in zip(table.columns, row, strict=True):
            kind = _naming(name)
            if kind == "place":
                yield place_name(cell), Atom("place", place_name(cell))
            elif kind == "item":
                yield cell, Atom("item", cell)


def _naming(column: str) -> str:
    """What a column's cells name: id (of a teacher), person, place, item; nothing."""
    return next((kind for words, kind in _NAMING if re.search(words, column)), "")


def place_name(path: str) -> str:
    """A unit as it is called: the last part of its path, which may stand after 合计：."""
    return path.rsplit("/", 1)[-1].rsplit("：", 1)[-1]
