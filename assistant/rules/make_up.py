"""What would close the gap: the fewest hours, the cheapest courses, the pace to the period's end, and other figures.

Every plan is run through the calculator before it is handed out. What-ifs need nothing of their own: assumed records
are records, and `with_figures` gives a version like any other.

The cheapest courses are found exactly. Sources lie within categories, categories within the total, so each is a
knapsack of its own: a front tells the least weight for so many hours; a source's ends at its cap, a category's is made
of its sources', the total's of its categories'. Weights are whole numbers that add up and never tie (`_weights`).
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from fractions import Fraction
from itertools import product
from typing import NamedTuple, get_args

from pydantic import ValidationError

from assistant.errors import InputError
from assistant.hours import show
from assistant.rules.calculate import Record, Verdict, calculate
from assistant.rules.find import Applicable
from assistant.rules.schema import Category, Organiser, Require, Version

_PLANNED = "计划"
# The figure of a line, by the table that it stands in.
_FIGURES = {"count": "at_most", **dict.fromkeys(("require", "ratio", "coverage", "share"), "at_least")}


class Course(NamedTuple):
    """One course on offer; `hours` in hundredths, more than 0; `fee` in fen. `ends_on` None: it takes one day."""

    course_id: str
    title: str
    category: str
    organiser: str
    hours: int
    fee: int
    starts_on: date
    ends_on: date | None = None

    @property
    def last_day(self) -> date:
        """The day on which its hours are earned."""
        return self.ends_on or self.starts_on


class Item(NamedTuple):
    """One line of a plan: `hours` (hundredths) to earn by `day`, and the minimum that they help to reach.

    Of a course: its title and fee (fen). Else both are None, and `organiser` None means any whose cap, if it has one,
    isn't reached.
    """

    category: str
    organiser: str | None
    hours: int
    title: str | None
    fee: int | None
    day: date
    rule: Require | None


class Plan(NamedTuple):
    """What closes every gap, and the verdict once it is done and approved. No items: nothing remains to be done."""

    items: Sequence[Item]
    after: Verdict

    @property
    def hours(self) -> int:
        """All hours to be earned, in hundredths; those of courses may go beyond a cap or what is lacking."""
        return sum(item.hours for item in self.items)

    @property
    def fee(self) -> int:
        """What its courses cost, in fen."""
        return sum(item.fee or 0 for item in self.items)


class Impossible(NamedTuple):
    """Nothing closes the gap; `reason` says in one line what can't be reached and how far one would get."""

    reason: str


class Pace(NamedTuple):
    """Days left with today, weeks left with the one begun, and what each has to bring, rounded up; hundredths."""

    days_left: int
    weeks_left: int
    remaining: int
    per_week: int


class _Source(NamedTuple):
    """What takes records of a category and may still count `room` of them; `organiser` None: needn't be named."""

    category: str
    organiser: str | None
    room: int
    capped: bool


def cheapest_hours(applied: Applicable, records: Iterable[Record]) -> Plan | Impossible:
    """The fewest hours that leave nothing to be done: each category's shortfall, then what the total still lacks.

    Where the rules leave it open, hours go where no cap holds, and there to the first category.
    """
    version, records = applied.version, list(records)
    verdict = calculate(applied, records)
    short, rest = _lacking(verdict)
    sources = sorted(
        _sources(applied, records, verdict.remaining).values(), key=lambda source: (source.capped, -source.room)
    )
    items = []
    for category, lacking in (*short.items(), (None, rest)):
        need, rule = lacking, version.minima[category] if category else version.total
        for place, source in enumerate(sources):
            if taken := min(need, source.room) if category in (None, source.category) else 0:
                items.append(Item(source.category, source.organiser, taken, None, None, applied.end, rule))
                sources[place] = source._replace(room=source.room - taken)
                need -= taken
        if need:
            return _impossible("在各来源的上限之内", category, lacking, lacking - need)
    return _replayed(applied, records, items)


def cheapest_courses(
    applied: Applicable, records: Iterable[Record], catalogue: Iterable[Course], today: date
) -> Plan | Impossible:
    """The courses that leave nothing to be done for the least fee; then the fewest hours, courses, the first numbers.

    Of a catalogue, in which every number stands once, the courses that end within the period and not before `today`,
    save those that the records already hold: by the same title, on a day of theirs.
    """
    version, records = applied.version, list(records)
    verdict = calculate(applied, records)
    short, rest = _lacking(verdict)
    sources = _sources(applied, records, verdict.remaining)
    courses = sorted(_open(applied, records, catalogue, today), key=lambda course: course.course_id)
    offers: dict[tuple[int, str], list[_Offer]] = {key: [] for key, source in sources.items() if source.room}
    for course, weight in zip(courses, _weights(courses), strict=True):
        key = version.places[course.category, course.organiser], course.category
        if key in offers:
            offers[key].append((weight, course.hours))
    lightest = _lightest(short, rest, sources, offers)
    if isinstance(lightest, Impossible):
        return lightest
    items = [
        Item(
            category=course.category,
            organiser=course.organiser,
            hours=course.hours,
            title=course.title,
            fee=course.fee,
            day=course.last_day,
            rule=version.minima[course.category] if course.category in short else version.total,
        )
        for course in sorted(_of(lightest, courses), key=lambda course: (course.last_day, course.course_id))
    ]
    return _replayed(applied, records, items)


def pace(verdict: Verdict, today: date) -> Pace | None:
    """What each week has to bring until the period ends, from today or from its first day; None: it has ended."""
    days = (verdict.applied.end - max(today, verdict.applied.start)).days + 1
    if days <= 0:
        return None
    weeks = -(-days // 7)
    return Pace(days, weeks, verdict.remaining, -(-verdict.remaining // weeks))


def with_figures(version: Version, changes: Mapping[str, int | Fraction]) -> Version:
    """The version with other figures, by the number of the line: hours (hundredths) of a minimum or a cap, or a share.

    InputError: one line for every number that no such line has, and for every figure that the line can't hold.
    """
    data = version.model_dump(by_alias=True)
    lines = {line["id"]: (line, figure) for table, figure in _FIGURES.items() for line in data[table]}
    if unknown := [name for name in changes if name not in lines]:
        known = f"没有这一条，能改数字的有：{'、'.join(lines)}。"
        raise InputError([f"规则 {name}：{known}" for name in unknown])
    for name, value in changes.items():
        line, figure = lines[name]
        line[figure] = show(value) if isinstance(value, int) else f"{value.numerator}/{value.denominator}"
    try:
        return Version.model_validate(data)
    except ValidationError as error:
        told: dict[str, str] = {}
        for fault in error.errors(include_url=False):
            table, place = fault["loc"][:2]
            told.setdefault(data[str(table)][int(place)]["id"], fault["msg"].removeprefix("Value error, "))
        raise InputError([f"规则 {name}：{what}。" for name, what in told.items()]) from None


def _lacking(verdict: Verdict) -> tuple[dict[str, int], int]:
    """The shortfalls that there are, by category, and what the total lacks beyond them."""
    short = {line.category: line.shortfall for line in verdict.categories if line.shortfall}
    return short, verdict.remaining - sum(short.values())


def _sources(applied: Applicable, records: Sequence[Record], most: int) -> dict[tuple[int, str], _Source]:
    """What may still add hours that count, by the place of its line and its category; no room is told above `most`."""
    version = applied.version
    counted: Counter[tuple[int, str]] = Counter()
    for record in records:
        if applied.start <= record.completed_on <= applied.end and record.status in version.admitted:
            counted[version.places[record.category, record.organiser], record.category] += record.hours
    sources: dict[tuple[int, str], _Source] = {}
    for category, organiser in product(get_args(Category), get_args(Organiser)):
        key = place, _ = version.places[category, organiser], category
        if place < len(version.count) and key not in sources:
            cap = version.count[place].at_most
            room = most if cap is None else max(0, min(most, cap - counted[key]))
            # Only a line that takes some organiser is a source; whether one must be named is that line's to say.
            named = None if version.places[category, None] == place else organiser
            sources[key] = _Source(category, named, room, cap is not None)
    return sources


def _open(applied: Applicable, records: Sequence[Record], catalogue: Iterable[Course], today: date) -> Iterator[Course]:
    """The courses whose hours can still be earned within the period."""
    done: dict[str, list[date]] = {}
    for record in records:
        done.setdefault(record.title, []).append(record.completed_on)
    first = max(applied.start, today)
    for course in catalogue:
        known = any(course.starts_on <= day <= course.last_day for day in done.get(course.title, ()))
        if first <= course.last_day <= applied.end and not known:
            yield course


def _replayed(applied: Applicable, records: Sequence[Record], items: Sequence[Item]) -> Plan:
    """The plan, once the calculator has found that it leaves nothing to be done."""
    status = applied.version.admit[0].status[0]
    done = [
        Record(
            f"{_PLANNED}{number}", item.title or _PLANNED, item.category, item.organiser, item.hours, item.day, status
        )
        for number, item in enumerate(items, 1)
    ]
    after = calculate(applied, [*records, *done])
    if not after.met:
        raise RuntimeError("a plan that leaves something to be done")
    return Plan(items, after)


def _impossible(what: str, category: str | None, lacking: int, gained: int) -> Impossible:
    gap = f"{category}还差" if category else "各科目类别都达到要求之后，合计还差"
    return Impossible(f"{gap} {show(lacking)} 学时，{what}最多还能计入 {show(gained)} 学时，无法补足。")


# What a course weighs and how many hours it gives.
_Offer = tuple[int, int]
# The least weight for so many hours: (weight, hours), both rising.
_Front = list[tuple[int, int]]


def _weights(courses: Sequence[Course]) -> list[int]:
    """For each course, in the order of their numbers, a whole number: the lightest set is the best.

    Fee, hours and 1, each in digits of its own, less a bit of the course's: of sets that are alike in those, the one
    with the first number that the other lacks is lighter. So no two sets weigh the same, and a weight tells its set.
    """
    digit, bits = 1 + sum(course.hours for course in courses), len(courses)
    return [
        (((course.fee * digit + course.hours) * (bits + 1) + 1) << bits) - (1 << (bits - 1 - place))
        for place, course in enumerate(courses)
    ]


def _of(weight: int, courses: Sequence[Course]) -> list[Course]:
    """The courses that weigh so much together."""
    bits = len(courses)
    return [course for place, course in enumerate(courses) if -weight >> (bits - 1 - place) & 1]


def _lightest(
    short: Mapping[str, int],
    rest: int,
    sources: Mapping[tuple[int, str], _Source],
    offers: Mapping[tuple[int, str], Sequence[_Offer]],
) -> int | Impossible:
    """The least weight of offers that make up every category's shortfall and then the rest of the total."""
    total: _Front = [(0, 0)]
    pool: list[_Offer] = []
    for category in get_args(Category):
        least = short.get(category, 0)
        most = least + rest
        front: _Front = [(0, 0)]
        free: list[_Offer] = []
        for key in (key for key in offers if most and key[1] == category):
            room = sources[key].room
            if room < most:
                front = _joined(front, _extended([(0, 0)], offers[key], 0, room), most)
            else:
                free += offers[key]
        if least:
            front = _extended(front, free, least, most)
            if (gained := front[-1][1]) < least:
                return _impossible("可选的课程", category, least, gained)
            front = [(weight, hours - least) for weight, hours in front if hours >= least]
        else:
            # Hours that only the total asks for needn't be kept apart by category.
            pool += free
        total = _joined(total, front, rest)
    weight, gained = _extended(total, pool, rest, rest)[-1]
    return weight if gained == rest else _impossible("可选的课程", None, rest, gained)


def _extended(front: _Front, offers: Sequence[_Offer], least: int, most: int) -> _Front:
    """`front` with any of the offers besides, from `least` hours on (or its end, where there are fewer at all).

    What can't be on it is left out on the way; points below `least` may remain.
    """
    most = min(most, front[-1][1] + sum(hours for _, hours in offers))
    least = min(least, most)
    offers = sorted(((weight, min(hours, most)) for weight, hours in offers), key=lambda offer: offer[0] // offer[1])
    # The cheapest hours taken one after the other are a way to `most`, and tell what an hour costs at `least`. On that
    # way no number of hours takes more than their least weight and one offer's; so dearer offers by more are useless.
    known = gained = price = last = heaviest = 0
    useful: list[_Offer] = []
    for weight, hours in offers:
        if gained < most:
            last = weight // hours
            price = last if gained < least else price
            heaviest = max(heaviest, weight)
            known, gained = known + weight, gained + hours
        elif weight > heaviest + (last + 1) * hours:
            continue
        useful.append((weight, hours))
    known += front[-1 if gained < most else 0][0]
    # A point goes whose way to `least` weighs more than a known one to `most`, even if what it lacks there is had at
    # `price`, less what later offers are below that.
    below = sum(max(0, price * hours - weight) for weight, hours in useful)
    for weight, hours in useful:
        price = max(price, weight // hours)
        below -= max(0, price * hours - weight)
        limit = known - price * least + below
        more = [(one + weight, gain + hours) for one, gain in front]
        front = [point for point in _rising(front + more, most) if point[0] - price * point[1] <= limit]
        if front[-1][1] == most:
            known = min(known, front[-1][0])
    return front


def _joined(one: _Front, other: _Front, most: int) -> _Front:
    """The front of both together, hours above `most` lost."""
    lightest: dict[int, int] = {}
    for weight, gain in one:
        for more, hours in other:
            both, total = weight + more, min(gain + hours, most)
            if both < lightest.get(total, both + 1):
                lightest[total] = both
            if total == most:
                break
    return _rising([(weight, gain) for gain, weight in lightest.items()], most)


def _rising(points: _Front, most: int) -> _Front:
    """The points that gain more than every lighter one, up to the first that gains `most`; what is above it is lost."""
    front: _Front = []
    best = -1
    for weight, gain in sorted(points):
        if gain > best:
            best = min(gain, most)
            front.append((weight, best))
            if best == most:
                break
    return front
