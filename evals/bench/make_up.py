"""The cheapest make-up plan over 300 courses made up for it, against the bare calculation of the same records."""

import itertools
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import get_args

from assistant.rules.calculate import Record, calculate
from assistant.rules.find import Applicable, RuleSet, find
from assistant.rules.make_up import Course, Plan, cheapest_courses, cheapest_hours, with_figures
from assistant.rules.schema import Category, Organiser
from assistant.settings import SHIPPED_CORPUS
from evals.bench.measure import row, side_by_side, table
from ingest.corpus import read_corpora

COURSES, CATALOGUES, ROUNDS = 300, 20, 60
SEED = 2023
TODAY = date(2023, 11, 15)
# Hours of a course in hundredths, and its fee in fen.
KINDS: dict[str, Callable[[random.Random], tuple[int, int]]] = {
    "half hours to 24, fees to 800 yuan": lambda rng: (rng.randint(1, 48) * 50, rng.randint(0, 80) * 1000),
    "half hours to 4, fees to 800 yuan": lambda rng: (rng.randint(1, 8) * 50, rng.randint(0, 80) * 1000),
    "half hours to 24, all free": lambda rng: (rng.randint(1, 48) * 50, 0),
    "any hundredths to 24 hours, fees to 800 yuan": lambda rng: (rng.randint(1, 2400), rng.randint(0, 80000)),
}


def main() -> None:
    """Plans for one who has little yet, under rules whose total is the minima's sum, is more, and is all there is."""
    city, other = rules("广东省/东莞市"), rules("陕西省/渭南市")
    more = replace(city, version=with_figures(city.version, {"R1": 12000}))
    kinds = ("公需科目", "省级"), ("专业科目", "镇级"), ("个人选修科目", "校级")
    records = [Record(one, "培训", one, organiser, 400, date(2023, 5, 1), "已审核") for one, organiser in kinds]
    for name, applied in {
        "90 hours = 30 + 42 + 18, two caps": city,
        "120 hours > 30 + 42 + 18, two caps": more,
        "360 hours of any kind": other,
    }.items():
        columns = ["median", "÷ bare calculation"]
        table(f"A make-up plan: {name}", f"{COURSES} courses, {len(records)} records", columns)
        plans = [planning(applied, records, kind) for kind in KINDS.values()]
        work = [lambda: calculate(applied, records), lambda: cheapest_hours(applied, records), *plans]  # noqa: B023
        times = side_by_side(work, ROUNDS)
        for label, seconds in zip(["bare calculation", "fewest hours", *KINDS], times, strict=True):
            row(label, f"{seconds * 1e3:.2f} ms", f"{seconds / times[0]:.0f}")


def rules(place: str) -> Applicable:
    """The shipped rules of a place."""
    entries = read_corpora([SHIPPED_CORPUS])
    sets = [RuleSet(entry.policy.meta.id, entry.policy.meta.unit, entry.rules) for entry in entries if entry.rules]
    found = find(sets, place, TODAY.year)
    assert found is not None
    return found


def planning(
    applied: Applicable, records: Sequence[Record], kind: Callable[[random.Random], tuple[int, int]]
) -> Callable[[], object]:
    """A plan over one catalogue after the other."""
    made = list(itertools.islice(catalogues(kind), CATALOGUES))
    turns = itertools.cycle(made)

    def once() -> object:
        plan = cheapest_courses(applied, records, next(turns), TODAY)
        assert isinstance(plan, Plan)
        return plan

    return once


def catalogues(kind: Callable[[random.Random], tuple[int, int]]) -> Iterator[list[Course]]:
    """Catalogues, each of as many courses of any category and organiser, on days to the year's end."""
    rng = random.Random(SEED)
    while True:
        drawn = [(rng.choice(get_args(Category)), rng.choice(get_args(Organiser)), *kind(rng)) for _ in range(COURSES)]
        yield [
            Course(f"K{number:03}", f"课程{number}", *one, TODAY + timedelta(rng.randrange(47)))
            for number, one in enumerate(drawn)
        ]


if __name__ == "__main__":
    main()
