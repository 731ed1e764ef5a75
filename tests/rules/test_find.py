"""Which rule set holds: by place, depth and year; never another place's."""

from collections.abc import Sequence
from datetime import date
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.rules.find import Applicable, RuleSet, find
from assistant.rules.schema import RuleFile
from assistant.settings import SHIPPED_CORPUS
from ingest.corpus import read_corpora

DONGGUAN, WEINAN = "广东省/东莞市/莞城街道/莞城中心小学", "陕西省/渭南市/临渭区/解放路小学"
WITHOUT_HOURS = {
    "linzi-2022": "山东省/淄博市/临淄区/第一小学",
    "henan-2023": "河南省/郑州市/第二小学",
    "changzhou-2024": "江苏省/常州市/第三小学",
}

Span = tuple[date, date | None]


@cache
def shipped() -> Sequence[RuleSet]:
    entries = read_corpora([SHIPPED_CORPUS])
    return [RuleSet(item.policy.meta.id, item.policy.meta.unit, item.rules) for item in entries if item.rules]


def rule_set(policy_id: str, unit: str, *spans: Span, years: int = 1, first: int = 2000) -> RuleSet:
    line = {"id": "X", "clause": "一"}
    versions = [
        {
            "from": start,
            "to": end,
            "cycle": {**line, "id": "P", "years": years, "first": first},
            "admit": [{**line, "id": "A", "status": ["已审核"]}],
            "count": [{**line, "id": "C"}],
            "require": [{**line, "id": "R", "at_least": 10}],
        }
        for start, end in spans
    ]
    return RuleSet(policy_id, unit, RuleFile.model_validate({"versions": versions}))


def without_hours(policy_id: str, unit: str, *spans: Span) -> RuleSet:
    duty = {"clause": "一", "text": "义务", "why": "没有资料"}
    versions = [{"from": start, "to": end, "untranslated": [duty]} for start, end in spans]
    return RuleSet(policy_id, unit, RuleFile.model_validate({"versions": versions}))


def year(first: int, last: int | None = None) -> Span:
    """From the first day of one year to the last day of another, or of the same."""
    return date(first, 1, 1), date(last or first, 12, 31)


def since(first: int) -> Span:
    return date(first, 1, 1), None


def name(found: Applicable | None) -> str | None:
    return found.policy_id if found else None


@pytest.mark.parametrize("reverse", [False, True])
def test_the_deepest_unit_wins(reverse: bool) -> None:
    sets = [
        rule_set("province", "甲省", since(2020)),
        rule_set("county", "甲省/乙市/丙区", since(2019)),
        rule_set("city", "甲省/乙市", since(2021)),
    ]
    if reverse:
        sets.reverse()
    assert name(find(sets, "甲省/乙市/丙区/丁校", 2023)) == "county"
    assert name(find(sets, "甲省/乙市/戊区/己校", 2023)) == "city"
    assert name(find(sets, "甲省/庚市/辛校", 2023)) == "province"
    assert name(find(sets, "壬省/乙市/丙区/丁校", 2023)) is None


@pytest.mark.parametrize(
    ("place", "held"),
    [
        ("广东省/东莞市", True),
        ("广东省/东莞市/东莞中学", True),
        ("广东省/东莞市X", False),
        ("广东省/东莞市X/东莞中学", False),
        ("广东省/东莞", False),
        ("广东省", False),
        ("东莞市", False),
        ("东莞市/东莞中学", False),
        ("湖南省/广东省/东莞市/东莞中学", False),
        ("", False),
    ],
)
def test_a_unit_holds_itself_and_what_lies_below_it(place: str, held: bool) -> None:
    assert (find(shipped(), place, 2023) is not None) is held


def test_a_shallower_rule_in_force_goes_before_a_deeper_one_that_has_ended() -> None:
    sets = [rule_set("city", "甲省/乙市", year(2022)), rule_set("province", "甲省", since(2020))]
    found = find(sets, "甲省/乙市/丁校", 2023)
    assert found is not None
    assert (found.policy_id, found.carried_forward) == ("province", False)
    assert name(find(sets, "甲省/乙市/丁校", 2022)) == "city"


def test_a_deeper_rule_that_comes_later_leaves_the_shallower_one() -> None:
    sets = [rule_set("city", "甲省/乙市", since(2024)), rule_set("province", "甲省", since(2020))]
    assert [name(find(sets, "甲省/乙市/丁校", year)) for year in (2019, 2023, 2024)] == [None, "province", "city"]


def test_versions_follow_one_another() -> None:
    sets = [rule_set("city", "甲省", year(2020, 2021), (date(2022, 1, 1), date(2022, 6, 30)), since(2023))]
    starts = {}
    for asked in (2019, 2020, 2021, 2022, 2023, 2024):
        found = find(sets, "甲省/丁校", asked)
        starts[asked] = (found.version.from_.year, found.carried_forward) if found else None
    assert starts == {
        2019: None,
        2020: (2020, False),
        2021: (2020, False),
        2022: (2022, False),
        2023: (2023, False),
        2024: (2023, False),
    }


def test_of_two_that_have_ended_the_later_is_carried_forward() -> None:
    sets = [rule_set("city", "甲省", year(2020), year(2021))]
    found = find(sets, "甲省/丁校", 2030)
    assert found is not None
    assert (found.version.from_, found.carried_forward) == (date(2021, 1, 1), True)


def test_a_rule_that_begins_or_ends_within_the_year_is_in_force_in_it() -> None:
    sets = [rule_set("city", "甲省", (date(2022, 12, 31), date(2024, 1, 1)))]
    found = {asked: find(sets, "甲省/丁校", asked) for asked in range(2021, 2026)}
    assert {asked: item.carried_forward for asked, item in found.items() if item} == {
        2022: False,
        2023: False,
        2024: False,
        2025: True,
    }


@pytest.mark.parametrize(("asked", "carried"), [(2023, False), (2024, True), (2030, True)])
def test_dongguan_in_its_year_and_after_it(asked: int, carried: bool) -> None:
    found = find(shipped(), DONGGUAN, asked)
    assert found is not None
    assert (found.policy_id, found.unit, found.carried_forward) == ("dongguan-2023", "广东省/东莞市", carried)
    assert (found.start, found.end) == year(asked)


@pytest.mark.parametrize("asked", [1999, 2022])
def test_dongguan_before_its_year_has_no_rule(asked: int) -> None:
    assert find(shipped(), DONGGUAN, asked) is None


@pytest.mark.parametrize(
    ("asked", "period"),
    [(2019, (2016, 2020)), (2020, (2016, 2020)), (2021, (2021, 2025)), (2025, (2021, 2025)), (2026, (2026, 2030))],
)
def test_weinan_goes_by_cycles_of_five_years(asked: int, period: tuple[int, int]) -> None:
    found = find(shipped(), WEINAN, asked)
    assert found is not None
    assert (found.policy_id, found.carried_forward) == ("weinan-2019", False)
    assert (found.start, found.end) == year(*period)


def test_weinan_before_its_policy_has_no_rule() -> None:
    assert find(shipped(), WEINAN, 2018) is None


@pytest.mark.parametrize("policy_id", sorted(WITHOUT_HOURS))
@given(asked=st.integers(1, 9999))
def test_a_place_without_hour_rules_never_borrows_another_place_s(policy_id: str, asked: int) -> None:
    """Though its policy has rules of other kinds."""
    assert policy_id in {rule_set.policy_id for rule_set in shipped()}
    assert find(shipped(), WITHOUT_HOURS[policy_id], asked) is None


def test_a_version_without_hour_rules_takes_no_year_from_one_that_has_them() -> None:
    with_hours = rule_set("city", "甲省", year(2020)).rules.versions
    rules = RuleFile(versions=[*with_hours, *without_hours("city", "甲省", since(2021)).rules.versions])
    found = find([RuleSet("city", "甲省", rules)], "甲省/丁校", 2022)
    assert found is not None
    assert (found.version.from_.year, found.carried_forward) == (2020, True)


parts = st.lists(st.sampled_from(["甲", "乙", "甲乙"]), min_size=1, max_size=3).map("/".join)
spans = st.tuples(st.integers(2018, 2026), st.none() | st.integers(0, 3)).map(
    lambda span: since(span[0]) if span[1] is None else year(span[0], span[0] + span[1])
)
places_and_spans = st.lists(st.tuples(parts, spans), max_size=6)


@given(places_and_spans, parts, st.integers(2016, 2030))
def test_in_force_then_depth_decide_and_the_place_always_lies_inside(
    rows: list[tuple[str, Span]], place: str, asked: int
) -> None:
    sets = [rule_set(f"p{number}", unit, span) for number, (unit, span) in enumerate(rows)]
    found = find(sets, place, asked)
    inside = [(unit, span) for unit, span in rows if place.split("/")[: len(unit.split("/"))] == unit.split("/")]
    begun = [(unit, span) for unit, span in inside if span[0].year <= asked]
    in_force = [(unit, span) for unit, span in begun if span[1] is None or span[1].year >= asked]
    if found is None:
        assert begun == []
        return
    assert found.carried_forward is (not in_force)
    deepest = max(len(unit.split("/")) for unit, _ in in_force or begun)
    candidates = [(unit, span) for unit, span in in_force or begun if len(unit.split("/")) == deepest]
    assert (found.unit, found.version.from_) in [(unit, span[0]) for unit, span in candidates]
    assert found.version.from_ == max(span[0] for _, span in candidates)
    assert (found.start, found.end) == year(asked)


@given(st.integers(1, 8), st.integers(1990, 2030), st.integers(2000, 2060))
def test_periods_are_whole_cycles_that_hold_the_year(years: int, first: int, asked: int) -> None:
    """Also for years before the first of the cycle."""
    found = find([rule_set("city", "甲省", since(2000), years=years, first=first)], "甲省/丁校", asked)
    assert found is not None
    assert found.start.year <= asked <= found.end.year
    assert (found.start, found.end) == year(found.start.year, found.start.year + years - 1)
    assert (found.start.year - first) % years == 0


@given(places_and_spans, places_and_spans, parts, st.integers(2016, 2030))
def test_rules_without_hours_change_nothing(
    rows: list[tuple[str, Span]], others: list[tuple[str, Span]], place: str, asked: int
) -> None:
    sets = [rule_set(f"p{number}", unit, span) for number, (unit, span) in enumerate(rows)]
    bare = [without_hours(f"q{number}", unit, span) for number, (unit, span) in enumerate(others)]
    assert find([*bare, *sets], place, asked) == find(sets, place, asked)
