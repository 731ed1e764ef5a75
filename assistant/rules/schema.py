"""The rule file `corpus/<policy_id>/rules.yaml`: a closed vocabulary in flat tables, every figure with its clause.

Dates decide which version holds; hours are read into hundredths; unknown keys are refused.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, model_validator

from assistant import hours

Category = Literal["公需科目", "专业科目", "个人选修科目"]
Organiser = Literal["国家级", "省级", "市级", "市教研室", "镇级", "校级"]
Status = Literal["已审核", "待审核", "已驳回"]


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
        return Fraction(int(top), int(bottom))
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
    """One line of a table: `id` is unique in its version, `clause` the locator that says so."""

    unit: ClassVar[str] = ""
    id: str
    clause: str

    @property
    def figures(self) -> Sequence[Fraction]:
        """The figures that the clause must hold, each with this line's `unit`."""
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

    unit: ClassVar[str] = "学时"
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

    unit: ClassVar[str] = "学时"
    category: Category | None = None
    at_least: Hours

    @property
    def figures(self) -> Sequence[Fraction]:
        return (Fraction(self.at_least, 100),)


class Cycle(Line):
    """The period: `years` calendar years, counted from the year `first`.

    `first_is_setting`: no document names the first year; it is this file's choice, and every answer says so.
    """

    unit: ClassVar[str] = "年"
    years: int = Field(ge=1)
    first: int
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

    unit: ClassVar[str] = "%"
    name: str
    per: list[Literal["school", "town", "county", "city"]]
    top: Literal["training_spend", "training_appropriation"]
    bottom: Literal["public_funds", "payroll"]
    at_least: Share

    @property
    def figures(self) -> Sequence[Fraction]:
        return (self.at_least,)


class Coverage(Line):
    """A share of a unit's teachers reached by training of one organiser, in persons or in person-times."""

    unit: ClassVar[str] = "%"
    name: str
    per: list[Literal["school", "town", "county", "city"]]
    organiser: Organiser
    count: Literal["persons", "person_times"]
    at_least: Share

    @property
    def figures(self) -> Sequence[Fraction]:
        return () if self.at_least == 1 else (self.at_least,)


class Untranslated(_Table):
    """A duty that can't be made a rule: kept and shown, never guessed."""

    clause: str
    text: str
    why: str


class Places(dict[tuple[str, str | None], int]):
    """The place of the first line that takes records of a (category, organiser); past the last where none does."""

    def __init__(self, lines: Sequence[Count]) -> None:
        super().__init__()
        self._lines = lines

    def __missing__(self, kind: tuple[str, str | None]) -> int:
        fits = (place for place, line in enumerate(self._lines) if line.where.takes(*kind))
        self[kind] = place = next(fits, len(self._lines))
        return place


class Version(_Table):
    """The rules in force from `from` to `to` (open where absent)."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    from_: date = Field(alias="from")
    to: date | None = None
    cycle: Cycle
    admit: list[Admit] = Field(min_length=1)
    count: list[Count] = Field(min_length=1)
    require: list[Require] = Field(min_length=1)
    ratio: list[Ratio] = []
    coverage: list[Coverage] = []
    untranslated: list[Untranslated] = []

    @model_validator(mode="after")
    def _sound(self) -> "Version":
        if self.to is not None and self.to < self.from_:
            raise ValueError(f"to（{self.to}）早于 from（{self.from_}）")
        ids = [line.id for line in self.lines()]
        if twice := {name for name in ids if ids.count(name) > 1}:
            raise ValueError(f"编号重复：{'、'.join(sorted(twice))}")
        minima = [line.category for line in self.require]
        if len(minima) != len(set(minima)):
            raise ValueError("同一科目类别只能有一条最低要求")
        return self

    def lines(self) -> Iterator[Line]:
        """Every line that has an id and a clause."""
        yield from (self.cycle, *self.admit, *self.count, *self.require, *self.ratio, *self.coverage)

    def overlaps(self, start: date, end: date) -> bool:
        """Whether this version is in force on some day from `start` to `end`."""
        return self.from_ <= end and (self.to is None or self.to >= start)

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


class RuleFile(_Table):
    """`rules.yaml` as written: dated versions that don't overlap."""

    versions: list[Version] = Field(min_length=1)

    @model_validator(mode="after")
    def _apart(self) -> "RuleFile":
        ordered = sorted(self.versions, key=lambda version: version.from_)
        for earlier, later in pairwise(ordered):
            if earlier.overlaps(later.from_, later.to or date.max):
                raise ValueError(f"{later.from_} 起有两个版本同时有效")
        return self
