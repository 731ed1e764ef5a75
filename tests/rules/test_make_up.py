"""Make-up plans: against every other plan there is on small cases, and by hand on the contract's worked example."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction
from functools import cache
from itertools import chain, combinations, combinations_with_replacement, product
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from assistant.errors import InputError
from assistant.rules import make_up
from assistant.rules.calculate import Record, calculate
from assistant.rules.find import Applicable, RuleSet, find
from assistant.rules.make_up import (
    Course,
    Impossible,
    Item,
    Pace,
    Plan,
    cheapest_courses,
    cheapest_hours,
    pace,
    with_figures,
)
from assistant.rules.schema import RuleFile
from assistant.settings import SHIPPED_CORPUS
from ingest.corpus import read_corpora

PUBLIC, SUBJECT, ELECTIVE = CATEGORIES = "公需科目", "专业科目", "个人选修科目"
ORGANISERS = ["国家级", "省级", "市级", "市教研室", "镇级", "校级"]
TODAY, LAST = date(2023, 11, 15), date(2023, 12, 31)
APPROVED, PENDING = "已审核", "待审核"
MINIMA = "附件1/四/(三)"


@cache
def shipped(place: str, year: int = 2023) -> Applicable:
    entries = read_corpora([SHIPPED_CORPUS])
    sets = [RuleSet(one.policy.meta.id, one.policy.meta.unit, one.rules) for one in entries if one.rules]
    found = find(sets, place, year)
    assert found is not None
    return found


def dongguan() -> Applicable:
    return shipped("广东省/东莞市/莞城街道/莞城中心小学")


def rules(
    count: Sequence[Mapping[str, Any]], total: int | None, minima: Mapping[str, int], years: int = 1
) -> Applicable:
    """Rules that hold in 2023; figures in whole hours."""
    least: list[tuple[str | None, int]] = [*minima.items()]
    least += [] if total is None else [(None, total)]
    version = {
        "from": date(2023, 1, 1),
        "cycle": {"id": "P", "clause": "一", "years": years, "first": 2021},
        "admit": [{"id": "A", "clause": "一", "status": [APPROVED]}],
        "count": [{"id": f"C{place}", "clause": "一", **line} for place, line in enumerate(count)],
        "require": [
            {"id": f"R{name or ''}", "clause": "一", "category": name, "at_least": hours} for name, hours in least
        ],
    }
    found = find([RuleSet("made-up", "某省", RuleFile.model_validate({"versions": [version]}))], "某省/某校", 2023)
    assert found is not None
    return found


def line(category: str | None, organisers: Sequence[str] | None = None, cap: int | None = None) -> Mapping[str, Any]:
    where = {"category": [category] if category else None, "organiser": list(organisers) if organisers else None}
    return {"where": where, "at_most": cap}


def record(
    category: str, organiser: str | None, hours: int, day: date = date(2023, 6, 1), status: str = APPROVED
) -> Record:
    return Record(f"{category}{organiser}{hours}", "培训", category, organiser, hours, day, status)


def course(
    course_id: str, category: str, organiser: str, hours: int, fee: int = 0, day: date = LAST, end: date | None = None
) -> Course:
    return Course(course_id, f"课程{course_id}", category, organiser, hours, fee, day, end)


# The contract's worked example: what is lacking is 4 of 专业 and 8 of 选修, and both caps are reached.
EXAMPLE = [
    record(PUBLIC, "省级", 3000),
    record(SUBJECT, "市级", 2000),
    record(SUBJECT, "镇级", 2000),
    record(SUBJECT, "市教研室", 800),
    record(ELECTIVE, "校级", 1000),
    record(SUBJECT, "市级", 300, status=PENDING),
]


def planned(found: Plan | Impossible) -> Plan:
    assert isinstance(found, Plan)
    assert found.after.remaining == 0
    return found


def ids(found: Plan | Impossible) -> list[str]:
    return sorted(str(item.title).removeprefix("课程") for item in planned(found).items)


def done(items: Sequence[Item]) -> list[Record]:
    """The plan's items as what they would be once approved; written here anew, not taken from the code under test."""
    return [record(item.category, item.organiser, item.hours, item.day) for item in items]


def test_the_worked_example_in_hours() -> None:
    plan = planned(cheapest_hours(dongguan(), EXAMPLE))
    assert [item[:5] for item in plan.items] == [(SUBJECT, None, 400, None, None), (ELECTIVE, None, 800, None, None)]
    assert [item.rule.id for item in plan.items if item.rule] == ["R3", "R4"]
    assert {item.rule.clause for item in plan.items if item.rule} == {MINIMA}
    assert (plan.hours, plan.fee) == (1200, 0)
    assert (plan.after.counted, plan.after.remaining, plan.after.beyond_caps) == (9000, 0, 1000)


def test_the_worked_example_in_courses() -> None:
    catalogue = [
        course("a", SUBJECT, "镇级", 800, fee=0),  # the cap is reached: it would count nothing
        course("b", SUBJECT, "市级", 400, fee=20000),
        course("c", SUBJECT, "省级", 600, fee=15000),
        course("d", ELECTIVE, "校级", 400, fee=0),
        course("e", ELECTIVE, "校级", 300, fee=0),
        course("f", ELECTIVE, "校级", 400, fee=100),
        course("g", PUBLIC, "国家级", 3000, fee=0),  # nothing is lacking there
    ]
    plan = planned(cheapest_courses(dongguan(), EXAMPLE, catalogue, TODAY))
    assert ids(plan) == ["c", "d", "f"]
    assert (plan.fee, plan.hours) == (15100, 1400)
    assert [item.rule.id for item in plan.items if item.rule] == ["R3", "R4", "R4"]


def test_what_if_the_pending_were_approved() -> None:
    granted = [one._replace(status=APPROVED) for one in EXAMPLE]
    plan = planned(cheapest_hours(dongguan(), granted))
    assert [(item.category, item.hours) for item in plan.items] == [(SUBJECT, 100), (ELECTIVE, 800)]


def test_another_teachers_records_change_nothing_of_ones_own() -> None:
    """A plan is made of the records that are given, whoever was planned for before."""
    before = cheapest_hours(dongguan(), EXAMPLE)
    other = cheapest_hours(dongguan(), [record(PUBLIC, "省级", 3000)])
    assert planned(other).hours == 6000
    assert cheapest_hours(dongguan(), EXAMPLE) == before


def test_who_has_enough_needs_nothing() -> None:
    enough = [record(category, "市级", 9000) for category in CATEGORIES]
    assert planned(cheapest_hours(dongguan(), enough)).items == []
    assert planned(cheapest_courses(dongguan(), enough, [course("a", SUBJECT, "市级", 100)], TODAY)).items == []


def test_fee_then_hours_then_courses_then_numbers() -> None:
    applied = rules([line(None)], 4, {})
    options = {
        "b": course("b", SUBJECT, "市级", 400, 100),
        "a": course("a", SUBJECT, "市级", 400, 100),
        "c": course("c", SUBJECT, "市级", 200, 50),
        "d": course("d", PUBLIC, "市级", 200, 50),
        "e": course("e", PUBLIC, "校级", 500, 99),
        "f": course("f", PUBLIC, "校级", 600, 99),
    }

    def best(letters: str) -> list[str]:
        return ids(cheapest_courses(applied, [], [options[letter] for letter in letters], TODAY))

    assert best("abcdef") == ["e"]
    assert best("abcdf") == ["f"]
    assert best("bcda") == ["a"]
    assert best("cd") == ["c", "d"]


def test_hours_go_where_a_cap_leaves_room_and_the_organiser_is_named_where_needed() -> None:
    count = [line(SUBJECT, ["镇级"], 4), line(SUBJECT, ["校级"], 6), line(PUBLIC, ["省级", "国家级"])]
    plan = planned(cheapest_hours(rules(count, 12, {SUBJECT: 8}), [record(SUBJECT, "校级", 300)]))
    assert [(item[:3], item.rule and item.rule.id) for item in plan.items] == [
        ((SUBJECT, "镇级", 400), f"R{SUBJECT}"),
        ((SUBJECT, "校级", 100), f"R{SUBJECT}"),
        ((PUBLIC, "国家级", 400), "R"),
    ]


def test_a_line_that_takes_no_real_organiser_is_no_way_out() -> None:
    """A record without an organiser would fall through to it, but every training has one."""
    applied = rules([line(SUBJECT, ORGANISERS, 4), line(SUBJECT)], None, {SUBJECT: 5})
    found = cheapest_hours(applied, [])
    assert found == Impossible("专业科目还差 5 学时，在各来源的上限之内最多还能计入 4 学时，无法补足。")


@pytest.mark.parametrize(
    ("total", "minima", "reason"),
    [
        (None, {SUBJECT: 20}, "专业科目还差 20 学时，{}最多还能计入 12 学时，无法补足。"),
        (None, {ELECTIVE: 3}, "个人选修科目还差 3 学时，{}最多还能计入 0 学时，无法补足。"),
        (15, {SUBJECT: 5}, "各科目类别都达到要求之后，合计还差 10 学时，{}最多还能计入 7 学时，无法补足。"),
    ],
)
def test_what_caps_make_impossible_is_told(total: int | None, minima: Mapping[str, int], reason: str) -> None:
    applied = rules([line(SUBJECT, ["镇级"], 4), line(SUBJECT, None, 8)], total, minima)
    assert cheapest_hours(applied, []) == Impossible(reason.format("在各来源的上限之内"))
    plenty = [course(f"{number:02}", SUBJECT, ORGANISERS[number % 6], 300) for number in range(20)]
    assert cheapest_courses(applied, [], plenty, TODAY) == Impossible(reason.format("可选的课程"))


def test_a_catalogue_that_is_too_small_is_told() -> None:
    catalogue = [course("a", SUBJECT, "市级", 150), course("b", ELECTIVE, "校级", 800)]
    found = cheapest_courses(dongguan(), EXAMPLE, catalogue, TODAY)
    assert found == Impossible("专业科目还差 4 学时，可选的课程最多还能计入 1.5 学时，无法补足。")


@pytest.mark.parametrize(
    ("start", "end", "open_"),
    [
        (TODAY, None, True),
        (TODAY - timedelta(1), None, False),
        (date(2023, 3, 1), TODAY, True),
        (date(2023, 3, 1), TODAY - timedelta(1), False),
        (LAST, None, True),
        (LAST, LAST + timedelta(1), False),
        (LAST + timedelta(1), None, False),
    ],
)
def test_only_courses_that_end_from_today_to_the_periods_last_day(start: date, end: date | None, open_: bool) -> None:
    found = cheapest_courses(rules([line(None)], 1, {}), [], [course("a", SUBJECT, "市级", 100, 0, start, end)], TODAY)
    assert isinstance(found, Plan) is open_


def test_before_the_period_only_courses_within_it() -> None:
    early = course("a", SUBJECT, "市级", 100, 0, date(2022, 12, 31))
    first = course("b", SUBJECT, "市级", 100, 1, date(2023, 1, 1))
    found = cheapest_courses(rules([line(SUBJECT)], 1, {}), [], [early, first], date(2022, 12, 1))
    assert ids(found) == ["b"]


@pytest.mark.parametrize("status", [APPROVED, PENDING, "已驳回"])
def test_a_course_that_is_recorded_already_is_not_planned_again(status: str) -> None:
    applied = rules([line(SUBJECT)], 10, {})
    taken = course("a", SUBJECT, "市级", 1000, 0, date(2023, 11, 10), date(2023, 11, 20))
    dearer = course("b", SUBJECT, "市级", 1000, 100)

    def best(title: str, day: date) -> list[str]:
        held = Record("r", title, SUBJECT, "市级", 100, day, status)
        return ids(cheapest_courses(applied, [held], [taken, dearer], TODAY))

    assert best(taken.title, taken.starts_on) == best(taken.title, taken.last_day) == ["b"]
    # Held on another day, or called otherwise, it is another course.
    assert best(taken.title, date(2023, 11, 9)) == best("课程", taken.last_day) == ["a"]


def test_a_plan_that_the_calculator_refuses_is_never_handed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    short = calculate(dongguan(), EXAMPLE)
    monkeypatch.setattr(make_up, "calculate", lambda applied, records: short)
    with pytest.raises(RuntimeError):
        cheapest_hours(dongguan(), EXAMPLE)


# Small rules of every shape: capped lines by organiser or for a whole category, categories that no line takes, lines
# that need an organiser, totals below, at and above the minima together.

whole = st.integers(0, 5)
caps = st.none() | st.integers(1, 4)
subsets = st.none() | st.lists(st.sampled_from(ORGANISERS), min_size=1, max_size=3, unique=True)
lines = st.builds(line, st.sampled_from(CATEGORIES), subsets, caps) | st.builds(line, st.none(), subsets)
made_rules = st.builds(
    rules,
    st.lists(lines, min_size=1, max_size=5),
    st.integers(0, 12),
    st.dictionaries(st.sampled_from(CATEGORIES), whole, max_size=3),
)
kinds = st.tuples(st.sampled_from(CATEGORIES), st.sampled_from(ORGANISERS))
small_records = st.lists(
    st.builds(
        lambda kind, hours, day, status: record(kind[0], kind[1], hours * 50, day, status),
        kinds,
        st.integers(1, 8),
        st.sampled_from([date(2023, 6, 1), date(2022, 12, 31)]),
        st.sampled_from([APPROVED, APPROVED, PENDING]),
    ),
    max_size=4,
)
offered = st.tuples(kinds, st.integers(1, 8), st.integers(0, 4))
catalogues = st.lists(offered, max_size=8).map(
    lambda rows: [course(f"{number}", *kind, hours * 50, fee * 100) for number, (kind, hours, fee) in enumerate(rows)]
)


def every_best(applied: Applicable, records: Sequence[Record], catalogue: Sequence[Course]) -> tuple[Any, ...] | None:
    """By trying every set: fee, hours, number and numbers of the best; None: none closes the gap."""
    best = None
    for some in chain.from_iterable(combinations(catalogue, size) for size in range(len(catalogue) + 1)):
        fee, hours = sum(one.fee for one in some), sum(one.hours for one in some)
        key = fee, hours, len(some), sorted(one.course_id for one in some)
        if best is None or key < best:
            taken = [record(one.category, one.organiser, one.hours, one.last_day) for one in some]
            if calculate(applied, [*records, *taken]).remaining == 0:
                best = key
    return best


@settings(max_examples=150)
@given(made_rules, small_records, catalogues)
@example(dongguan(), EXAMPLE, [course(str(n), SUBJECT, ORGANISERS[n], 300, 700 - n) for n in range(6)])
def test_no_set_of_courses_is_better(applied: Applicable, records: list[Record], catalogue: list[Course]) -> None:
    found, best = cheapest_courses(applied, records, catalogue, TODAY), every_best(applied, records, catalogue)
    if best is None:
        assert isinstance(found, Impossible)
    else:
        plan = planned(found)
        assert (plan.fee, plan.hours, len(plan.items), ids(plan)) == best
        assert calculate(applied, [*records, *done(plan.items)]).remaining == 0
    assert cheapest_courses(applied, records, catalogue[::-1], TODAY) == found


@settings(max_examples=25)
@given(
    st.lists(st.tuples(kinds, st.integers(2, 16), st.integers(0, 30)), min_size=10, max_size=10),
    st.integers(0, 8),
    st.integers(0, 8),
    st.integers(10, 26),
)
def test_no_set_of_ten_is_better_where_the_total_asks_for_more(
    rows: list[tuple[tuple[str, str], int, int]], one: int, two: int, total: int
) -> None:
    """Where categories and the total both bind and most hours count: what the other cases seldom reach."""
    applied = rules([line(SUBJECT, ["镇级"], 3), line(None)], total, {PUBLIC: one, SUBJECT: two})
    catalogue = [course(f"{n}", *kind, hours * 25, fee * 10) for n, (kind, hours, fee) in enumerate(rows)]
    found, best = cheapest_courses(applied, [], catalogue, TODAY), every_best(applied, [], catalogue)
    if best is None:
        assert isinstance(found, Impossible)
    else:
        plan = planned(found)
        assert (plan.fee, plan.hours, len(plan.items), ids(plan)) == best


@settings(max_examples=150)
@given(made_rules, small_records)
def test_no_plan_has_fewer_hours(applied: Applicable, records: list[Record]) -> None:
    """By exhaustion in half hours; the caps, minima and records are whole halves, so is the best plan."""
    found = cheapest_hours(applied, records)
    pairs = list(product(CATEGORIES, ORGANISERS))
    if isinstance(found, Impossible):
        # More records never leave more to do, so more than enough of everything shows that nothing would do.
        assert calculate(applied, [*records, *(record(*pair, 10000) for pair in pairs)]).remaining > 0
        return
    assert calculate(applied, [*records, *done(found.items)]).remaining == 0
    assert found.hours == calculate(applied, records).remaining
    places = applied.version.places
    for item in found.items:
        # Where no organiser is named, there is a real one whose hours go the same way.
        assert item.organiser or places[item.category, None] in {places[item.category, one] for one in ORGANISERS}
    if 0 < found.hours <= 150:
        for fewer in combinations_with_replacement(pairs, found.hours // 50 - 1):
            extra = [record(*pair, 50) for pair in fewer]
            assert calculate(applied, [*records, *extra]).remaining > 0


def verdict(remaining: int, years: int = 1) -> Any:
    return calculate(rules([line(None)], remaining, {}, years), [])


@pytest.mark.parametrize(
    ("today", "expected"),
    [
        (date(2023, 11, 15), Pace(47, 7, 1200, 172)),
        (date(2023, 12, 17), Pace(15, 3, 1200, 400)),
        (date(2023, 12, 18), Pace(14, 2, 1200, 600)),
        (date(2023, 12, 25), Pace(7, 1, 1200, 1200)),
        (date(2023, 12, 31), Pace(1, 1, 1200, 1200)),
        (date(2024, 1, 1), None),
        (date(2022, 6, 1), Pace(365, 53, 1200, 23)),  # it begins with the period
    ],
)
def test_the_pace_to_the_periods_end(today: date, expected: Pace | None) -> None:
    assert pace(verdict(12), today) == expected


def test_the_pace_of_a_cycle_of_years() -> None:
    applied = rules([line(None)], 360, {}, years=5)
    assert (applied.start, applied.end) == (date(2021, 1, 1), date(2025, 12, 31))
    assert pace(calculate(applied, []), date(2024, 12, 31)) == Pace(366, 53, 36000, 680)


@given(st.integers(0, 90), st.dates(date(2022, 1, 1), LAST))
def test_the_pace_kept_closes_the_gap(remaining: int, today: date) -> None:
    kept = pace(verdict(remaining), today)
    assert kept is not None
    assert kept.weeks_left * kept.per_week >= kept.remaining == remaining * 100
    assert kept.weeks_left * (kept.per_week - 1) < kept.remaining or kept.per_week == 0
    assert 7 * (kept.weeks_left - 1) < kept.days_left <= 7 * kept.weeks_left


def test_other_figures_go_through_the_same_calculator() -> None:
    changed = replace(dongguan(), version=with_figures(dongguan().version, {"R1": 7200, "R3": 4000, "C2": 1450}))
    result = calculate(changed, EXAMPLE)
    # 镇级 counts 14.5 of 20 now: 专业 40.5 of 40, the total 80.5 of 72; 选修 still lacks 8.
    assert (result.required, result.counted, result.remaining) == (7200, 8050, 800)
    assert calculate(dongguan(), EXAMPLE).remaining == 1200
    assert with_figures(dongguan().version, {}) == dongguan().version


def test_a_cap_may_be_laid_where_none_was_and_shares_are_fractions() -> None:
    changed = with_figures(dongguan().version, {"C5": 500, "F1": Fraction(8, 100)})
    assert calculate(replace(dongguan(), version=changed), EXAMPLE).remaining == 1700
    assert changed.ratio[0].at_least == Fraction(2, 25)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"R9": 7200, "P1": 5}, ["规则 R9：没有这一条，能改数字的有：C1、C2、", "规则 P1：没有这一条，"]),
        ({"R1": -100}, ["规则 R1：不是学时：-1。"]),
        ({"R1": Fraction(1, 2), "F1": 10}, ["规则 F1：比例应写成分数，如 10/100", "规则 R1：不是学时：1/2。"]),
    ],
)
def test_figures_that_no_line_can_hold_are_refused(changes: Mapping[str, int | Fraction], said: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        with_figures(dongguan().version, changes)
    assert [told[: len(start)] for told, start in zip(caught.value.problems, said, strict=True)] == said


def test_a_cap_on_more_than_one_category_is_refused() -> None:
    version = rules([line(None)], 10, {}).version
    with pytest.raises(InputError, match="规则 C0：有上限的行须只写一个科目类别"):
        with_figures(version, {"C0": 500})
