"""Random rule sets and records, within the vocabulary of rule files: the readings of the rules must agree on them."""

from datetime import date
from typing import Any, get_args

from hypothesis import strategies as st

from assistant.rules.calculate import Record
from assistant.rules.find import Applicable
from assistant.rules.schema import Category, Organiser, Version

CATEGORIES, ORGANISERS = get_args(Category), get_args(Organiser)
STATUSES = ["已审核", "待审核", "已驳回"]
AMOUNTS = st.integers(1, 4000).map(lambda number: f"{number / 100:.2f}")


@st.composite
def versions(draw: st.DrawFn) -> Version:
    """A version with hour rules: some lines with caps, minima of some categories, and perhaps a total."""
    count: list[dict[str, Any]] = []
    for number in range(draw(st.integers(1, 6))):
        where: dict[str, Any] = {}
        cap = draw(st.none() | AMOUNTS)
        if cap is not None or draw(st.booleans()):
            some = draw(st.lists(st.sampled_from(CATEGORIES), min_size=1, max_size=1 if cap else 3, unique=True))
            where["category"] = some
        if draw(st.booleans()):
            where["organiser"] = draw(st.lists(st.sampled_from(ORGANISERS), min_size=1, max_size=5, unique=True))
        line = {"id": f"C{number}", "where": where, "clause": "一"}
        count.append(line if cap is None else {**line, "at_most": cap})
    minima = draw(st.lists(st.sampled_from([None, *CATEGORIES]), min_size=1, unique=True))
    require = [
        {"id": f"R{number}", "at_least": draw(AMOUNTS), "clause": "一", **({"category": name} if name else {})}
        for number, name in enumerate(minima)
    ]
    admitted = draw(st.lists(st.sampled_from(STATUSES), min_size=1, max_size=2, unique=True))
    return Version.model_validate(
        {
            "from": date(2020, 1, 1),
            "cycle": {"id": "P", "years": draw(st.integers(1, 3)), "first": 2021, "clause": "一"},
            "admit": [{"id": "A", "status": admitted, "clause": "一"}],
            "count": count,
            "require": require,
        }
    )


@st.composite
def records(draw: st.DrawFn, most: int = 12) -> list[Record]:
    """A teacher's records, inside the year 2023 and around it."""
    days = st.dates(date(2021, 12, 30), date(2025, 1, 2))
    made = st.tuples(
        st.sampled_from(CATEGORIES), st.sampled_from(ORGANISERS), st.integers(1, 5000), days, st.sampled_from(STATUSES)
    )
    return [Record(f"R{n}", "培训", *one, None) for n, one in enumerate(draw(st.lists(made, max_size=most)))]


def applied(version: Version, unit: str = "某省/某市", year: int = 2023) -> Applicable:
    """The version as it is applied to a year."""
    return Applicable("random", unit, version, False, *version.cycle.period(year))
