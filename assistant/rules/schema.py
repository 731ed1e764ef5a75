"""The rule file `corpus/<policy_id>/rules.yaml`: a closed vocabulary in flat tables, every figure with its clause.

Dates decide which version holds; hours are read into hundredths; unknown keys are refused. A version has hour rules
(`cycle`, `admit`, `count`, `require`) or none of them; what no record can show is stated with its figure and clause.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, SerializeAsAny, model_validator

from assistant import hours

Category = Literal["公需科目", "专业科目", "个人选修科目"]
Organiser = Literal["国家级", "省级", "市级", "市教研室", "镇级", "校级"]
Status = Literal["已审核", "待审核", "已驳回"]
Who = Literal["承训单位", "学校", "镇级", "县级", "市级"]
Day = tuple[int, int, int]  # year, month, day


def _hundredths(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        raise ValueError("学时应写成整数，或带引号的小数，如 '4.5'")
    try:
        return hours.parse(str(value))
    except ValueError:
        raise ValueError(f"不是学时：{value}") from None


def _fraction(value: Any) -> Fraction:
    try:
        top, bottom = str(value).split("/")
        share = Fraction(int(top), int(bottom))
        if share <= 0:
            raise ValueError
        return share
    except (ValueError, ZeroDivisionError):
        raise ValueError(f"比例应写成分数，如 10/100：{value}") from None


def _as_written(share: Fraction) -> str:
    return f"{share.numerator}/{share.denominator}"


# Written out as they are read in, so that a stored rule file is the rule file.
Hours = Annotated[int, BeforeValidator(_hundredths), PlainSerializer(hours.show)]
Share = Annotated[Fraction, BeforeValidator(_fraction), PlainSerializer(_as_written)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Line(_Table):
    """One line of a table: `id` is unique in its version, `clause` the locator that says so.

    `policy` names the policy whose clause it is, where that isn't the rule file's own: one above it, say.
    """

    _unit: ClassVar[str] = ""
    id: str = Field(min_length=1)
    clause: str = Field(min_length=1)
    policy: str | None = None

    @property
    def unit(self) -> str:
        """What its figures are counted in, as `assistant.figures` reads it: 学时, %, date."""
        return self._unit

    @property
    def figures(self) -> Sequence[Fraction | Day]:
        """The figures that the clause must hold, each with this line's `unit`; percentages are fractions of one."""
        return ()


class Admit(Line):
    """Only records whose status is one of these are counted."""

    status: list[Status] = Field(min_length=1)


class Where(_Table):
    """What a record must be; an absent key leaves it open."""

    category: list[Category] | None = None
    organiser: list[Organiser] | None = None

    def takes(self, category: str, organiser: str | None) -> bool:
        """Whether a record of this kind is meant. An unknown organiser (None) is only taken where none is named."""
        return (self.category is None or category in self.category) and (
            self.organiser is None or organiser in self.organiser
        )

    @property
    def source(self) -> str:
        """What is meant, for a reader: 专业科目（镇级）."""
        named = "、".join(self.category or ["各科目"])
        return f"{named}（{'、'.join(self.organiser)}）" if self.organiser else named


class Count(Line):
    """Which records count; the first line that takes a record wins. `at_most` caps the line's sum in a period."""

    _unit: ClassVar[str] = "学时"
    where: Where = Where()
    at_most: Hours | None = None

    @property
    def figures(self) -> Sequence[Fraction]:
        return () if self.at_most is None else (Fraction(self.at_most, 100),)

    @model_validator(mode="after")
    def _one_category(self) -> "Count":
        if self.at_most is not None and len(self.where.category or ()) != 1:
            raise ValueError("有上限的行须只写一个科目类别：上限只约束它所写的类别")
        return self


class Require(Line):
    """A minimum per period: of one category, or of everything counted where `category` is absent."""

    _unit: ClassVar[str] = "学时"
    category: Category | None = None
    at_least: Hours

    @property
    def figures(self) -> Sequence[Fraction]:
        return (Fraction(self.at_least, 100),)


class Cycle(Line):
    """The period: `years` calendar years, counted from the year `first`.

    `first_is_setting`: no document names the first year; it is this file's choice, and every answer says so.
    """

    _unit: ClassVar[str] = "年"
    years: int = Field(ge=1, le=50)
    first: int = Field(ge=1900, le=2200)
    first_is_setting: bool = False

    @property
    def figures(self) -> Sequence[Fraction]:
        if self.years == 1:
            return ()
        return (Fraction(self.years),) if self.first_is_setting else (Fraction(self.years), Fraction(self.first))

    def period(self, year: int) -> tuple[date, date]:
        """First and last day of the period that holds `year`."""
        start = year - (year - self.first) % self.years
        return date(start, 1, 1), date(start + self.years - 1, 12, 31)


class Ratio(Line):
    """A ratio of two amounts of `budgets.csv` with a minimum, for every unit of a level."""

    _unit: ClassVar[str] = "%"
    name: str
    per: list[Literal["school", "town", "county", "city"]] = Field(min_length=1)
    top: Literal["training_spend", "training_appropriation"]
    bottom: Literal["public_funds", "payroll"]
    at_least: Share

    @property
    def figures(self) -> Sequence[Fraction]:
        return (self.at_least,)


class Coverage(Line):
    """A share of a unit's teachers reached by training of one organiser, in persons or in person-times."""

    _unit: ClassVar[str] = "%"
    name: str
    per: list[Literal["school", "town", "county", "city"]] = Field(min_length=1)
    organiser: Organiser
    count: Literal["persons", "person_times"]
    at_least: Share

    @property
    def figures(self) -> Sequence[Fraction]:
        return () if self.at_least == 1 else (self.at_least,)


class CourseShare(Line):
    """A share of a kind of course with a minimum: no record tells the kinds apart, so it is stated, never computed."""

    _unit: ClassVar[str] = "%"
    name: str
    part: Literal["实践性课程"]
    of: Literal["全部课程"]
    at_least: Share
    who: list[Who] = Field(min_length=1)

    @property
    def figures(self) -> Sequence[Fraction]:
        return (self.at_least,)


class Debar(Line):
    """Who caused one of the events is barred for a number of years. Stated: the records hold no such event."""

    _unit: ClassVar[str] = "年"
    name: str
    event: list[Literal["未参训", "被劝退", "未结业"]] = Field(min_length=1)
    years: int = Field(ge=1)
    from_: Literal["省级集中培训"] = Field(alias="from")

    @property
    def figures(self) -> Sequence[Fraction]:
        return (Fraction(self.years),)


class Stated(Line):
    """A figure that binds somebody but that no record can be held against.

    `value` is whole, in `unit` (5 of % is 5/100); `beside` is a word that the clause says between the figure's commas.
    """

    name: str
    beside: str = Field(min_length=1)
    value: int = Field(ge=1)
    # `unit` in the file: a field can't take the name of a property.
    measure: Literal["学时", "学分", "元", "天", "期", "次", "门", "人", "%"] = Field(alias="unit")
    bound: Literal["at_least", "at_most", "exactly"]
    who: list[Who] = Field(min_length=1)

    @property
    def unit(self) -> str:
        return self.measure

    @property
    def figures(self) -> Sequence[Fraction]:
        return (Fraction(self.value, 100 if self.unit == "%" else 1),)


class Deadline(Line):
    """A day by which something is done once. `beside`: a word that the clause says in the day's sentence."""

    _unit: ClassVar[str] = "date"
    name: str
    beside: str = Field(min_length=1)
    by: date
    who: list[Who] = Field(min_length=1)

    @property
    def figures(self) -> Sequence[Day]:
        return ((self.by.year, self.by.month, self.by.day),)


class Untranslated(_Table):
    """A duty that can't be made a rule: kept and shown, never guessed."""

    clause: str
    text: str
    why: str


class Open(Line):
    """A term that the policy leaves to an authority below it: shown, and no rule until one fills it."""

    text: str
    by: Who


class Fills(_Table):
    """Lines of this version that fill an open term of a policy above."""

    policy: str
    open: str
    lines: list[str] = Field(min_length=1)


class Given(_Table):
    """A record of an example. `day`: the period's first day where it isn't said."""

    category: Category
    organiser: Organiser
    hours: Hours
    status: Status = "已审核"
    day: date | None = None


class Expected(_Table):
    """What the calculator must say of an example; what isn't written isn't compared."""

    counted: Hours | None = None
    remaining: Hours | None = None
    pending: Hours | None = None
    beyond_caps: Hours | None = None
    shortfall: dict[Category, Hours] = {}

    @model_validator(mode="after")
    def _says_something(self) -> "Expected":
        if not self.model_dump(exclude_none=True, exclude_defaults=True):
            raise ValueError("至少写一个应得的结果，否则算例不会不符")
        return self


class Example(_Table):
    """Records in, verdict out, one sentence: a case that an official can read, and that must come out so."""

    say: str = Field(min_length=1)
    year: int | None = Field(None, ge=1900, le=2200)
    given: list[Given]
    expect: Expected


class Places(dict[tuple[str, str | None], int]):
    """The place of the first line that takes records of a (category, organiser); past the last where none does."""

    def __init__(self, lines: Sequence[Count]) -> None:
        super().__init__()
        self._lines = lines

    def __missing__(self, kind: tuple[str, str | None]) -> int:
        fits = (place for place, line in enumerate(self._lines) if line.where.takes(*kind))
        self[kind] = place = next(fits, len(self._lines))
        return place


class Dated(_Table):
    """What a policy lays down from `from` to `to` (open where absent), hour rules aside: those make it a `Version`."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    from_: date = Field(alias="from")
    to: date | None = None
    ratio: list[Ratio] = []
    coverage: list[Coverage] = []
    share: list[CourseShare] = []
    debar: list[Debar] = []
    stated: list[Stated] = []
    deadline: list[Deadline] = []
    untranslated: list[Untranslated] = []
    open: list[Open] = []
    fills: list[Fills] = []

    @model_validator(mode="after")
    def _sound(self) -> "Dated":
        if self.to is not None and self.to < self.from_:
            raise ValueError(f"to（{self.to}）早于 from（{self.from_}）")
        ids = [line.id for line in self.lines()]
        if not ids and not self.untranslated:
            raise ValueError("这个版本是空的：至少写一条规则，或一条 untranslated")
        if twice := {name for name in ids if ids.count(name) > 1}:
            raise ValueError(f"编号重复：{'、'.join(sorted(twice))}")
        if unknown := [name for one in self.fills for name in one.lines if name not in ids]:
            raise ValueError(f"fills 所写的行不存在：{'、'.join(unknown)}")
        if late := [line.id for line in self.deadline if not self.overlaps(line.by, line.by)]:
            raise ValueError(f"截止日期不在版本的有效期内：{'、'.join(late)}")
        return self

    def lines(self) -> Iterator[Line]:
        """Every line that has an id and a clause."""
        yield from (*self.ratio, *self.coverage, *self.share, *self.debar, *self.stated, *self.deadline, *self.open)

    def overlaps(self, start: date, end: date) -> bool:
        """Whether this version is in force on some day from `start` to `end`."""
        return self.from_ <= end and (self.to is None or self.to >= start)


class Version(Dated):
    """A version with hour rules: the only kind that holds for a teacher's year."""

    cycle: Cycle
    admit: list[Admit] = Field(min_length=1)
    count: list[Count] = Field(min_length=1)
    require: list[Require] = Field(min_length=1)
    examples: list[Example] = []

    @model_validator(mode="after")
    def _one_minimum_each(self) -> "Version":
        minima = [line.category for line in self.require]
        if len(minima) != len(set(minima)):
            raise ValueError("同一科目类别只能有一条最低要求")
        return self

    def lines(self) -> Iterator[Line]:
        yield from (self.cycle, *self.admit, *self.count, *self.require, *super().lines())

    @cached_property
    def total(self) -> Require | None:
        """The minimum on everything counted; None: the categories' minima are all there is."""
        return next((line for line in self.require if line.category is None), None)

    @cached_property
    def minima(self) -> dict[str, Require]:
        """The minimum of each category that has one, in the file's order."""
        return {line.category: line for line in self.require if line.category is not None}

    @cached_property
    def admitted(self) -> frozenset[str]:
        """Statuses that count."""
        return frozenset(status for line in self.admit for status in line.status)

    @cached_property
    def places(self) -> "Places":
        """Which line of `count` takes a record of a kind."""
        return Places(self.count)


_HOUR_RULES = ("cycle", "admit", "count", "require")


def _with_hours(data: Any) -> Any:
    """A version as written, read as one with hour rules where it gives any."""
    if not isinstance(data, dict) or data.keys().isdisjoint(_HOUR_RULES):
        return data
    if missing := [key for key in _HOUR_RULES if key not in data]:
        raise ValueError(f"{'、'.join(_HOUR_RULES)} 要么都写，要么都不写：缺少 {'、'.join(missing)}")
    return Version.model_validate(data)


class RuleFile(_Table):
    """`rules.yaml` as written: dated versions that don't overlap."""

    versions: list[Annotated[SerializeAsAny[Dated], BeforeValidator(_with_hours)]] = Field(min_length=1)

    @model_validator(mode="after")
    def _apart(self) -> "RuleFile":
        ordered = sorted(self.versions, key=lambda version: version.from_)
        for earlier, later in pairwise(ordered):
            if earlier.overlaps(later.from_, later.to or date.max):
                raise ValueError(f"{later.from_} 起有两个版本同时有效")
        return self

    @cached_property
    def with_hours(self) -> list[Version]:
        """The versions that have hour rules."""
        return [version for version in self.versions if isinstance(version, Version)]
