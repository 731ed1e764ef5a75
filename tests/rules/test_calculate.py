"""The calculator: the contract's worked example, its boundaries, and a naive reading of the contract in decimals."""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any, NamedTuple

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from assistant import hours
from assistant.policy import Policy
from assistant.rules.calculate import Excluded, Record, Step, Verdict, calculate
from assistant.rules.find import Applicable, RuleSet, find
from assistant.rules.schema import RuleFile
from assistant.settings import SHIPPED_CORPUS
from ingest.corpus import Entry, read_corpora

PUBLIC, SUBJECT, ELECTIVE = "公需科目", "专业科目", "个人选修科目"
TOWN, OFFICE = "镇级", "市教研室"
ORGANISERS = ["国家级", "省级", "市级", OFFICE, TOWN, "校级", None]
APPROVED, PENDING, REJECTED = "已审核", "待审核", "已驳回"
SCHOOLS = {
    "dongguan-2023": "广东省/东莞市/莞城街道/莞城中心小学",
    "weinan-2019": "陕西省/渭南市/临渭区/解放路小学",
    "partial": "某省/某市/某校",
}
CAPS_CLAUSE, MINIMA_CLAUSE = "附件1/四/(二)", "附件1/四/(三)"

# Takes 公需 of two organisers and 专业, nothing else; its total is more than its minima together.
PARTIAL: Mapping[str, Any] = {
    "from": date(2023, 1, 1),
    "cycle": {"id": "P1", "years": 1, "first": 2023, "clause": "一"},
    "admit": [{"id": "A1", "status": [APPROVED], "clause": "三"}],
    "count": [
        {"id": "C1", "where": {"category": [PUBLIC], "organiser": ["国家级", "省级"]}, "clause": "一"},
        {"id": "C2", "where": {"category": [SUBJECT], "organiser": [TOWN, "校级"]}, "at_most": "7.5", "clause": "二"},
        {"id": "C3", "where": {"category": [SUBJECT]}, "clause": "一"},
    ],
    "require": [
        {"id": "R1", "at_least": 50, "clause": "一"},
        {"id": "R2", "category": PUBLIC, "at_least": 10, "clause": "一"},
        {"id": "R3", "category": SUBJECT, "at_least": 20, "clause": "一"},
    ],
}


@cache
def shipped() -> Mapping[str, Entry]:
    return {entry.policy.meta.id: entry for entry in read_corpora([SHIPPED_CORPUS])}


def policy(policy_id: str) -> Policy:
    return shipped()[policy_id].policy


def rules_of(*versions: Mapping[str, Any]) -> RuleFile:
    return RuleFile.model_validate({"versions": versions})


@cache
def applied(policy_id: str, year: int) -> Applicable:
    sets = [RuleSet(name, entry.policy.meta.unit, entry.rules) for name, entry in shipped().items() if entry.rules]
    found = find([*sets, RuleSet("partial", "某省/某市", rules_of(PARTIAL))], SCHOOLS[policy_id], year)
    assert found is not None
    assert found.policy_id == policy_id
    return found


def record(
    record_id: str,
    category: str,
    organiser: str | None,
    amount: str,
    day: str = "2023-06-01",
    status: str = APPROVED,
) -> Record:
    return Record(record_id, "培训", category, organiser, hours.parse(amount), date.fromisoformat(day), status)


def dongguan(*records: Record, year: int = 2023, joined: date | None = None) -> Verdict:
    return calculate(applied("dongguan-2023", year), records, joined)


def categories(verdict: Verdict) -> list[tuple[object, ...]]:
    """Category, required, recorded, counted, shortfall, clause."""
    return [(*line[:5], line.clause) for line in verdict.categories]


def counted(verdict: Verdict, name: str) -> int:
    return next(line.counted for line in verdict.categories if line.category == name)


def not_counted(verdict: Verdict) -> list[tuple[object, ...]]:
    """Why, hours, records, clause."""
    return [(cut.why, cut.hours, list(cut.record_ids), cut.clause) for cut in verdict.not_counted]


def left_out(verdict: Verdict, why: str) -> list[Excluded]:
    return [excluded for excluded in verdict.not_counted if excluded.why == why]


def said(verdict: Verdict, *words: str) -> list[Step]:
    return [step for step in verdict.steps if all(word in step.text for word in words)]


def numbers(step: Step) -> list[str]:
    return re.findall(r"\d+(?:\.\d+)?", step.text)


# The worked example: approved 公需 30; 专业 市级 20, 镇级 20, 市教研室 8; 选修 校级 10; pending 专业 市级 3. The capped
# sources are split over several records, given out of the order of their dates.
EXAMPLE = [
    record("town-3", SUBJECT, TOWN, "5", "2023-09-20"),
    record("public", PUBLIC, "省级", "30", "2023-03-01"),
    record("office-2", SUBJECT, OFFICE, "3", "2023-10-08"),
    record("city", SUBJECT, "市级", "20", "2023-05-01"),
    record("town-1", SUBJECT, TOWN, "8", "2023-02-10"),
    record("office-1", SUBJECT, OFFICE, "5", "2023-04-18"),
    record("pending", SUBJECT, "市级", "3", "2023-11-01", PENDING),
    record("town-2", SUBJECT, TOWN, "7", "2023-06-15"),
    record("school", ELECTIVE, "校级", "10", "2023-07-01"),
]


def test_worked_example_figures() -> None:
    verdict = dongguan(*EXAMPLE)
    shown = {
        name: hours.show(getattr(verdict, name))
        for name in ("required", "counted", "remaining", "pending", "remaining_if_approved", "beyond_caps")
    }
    assert shown == {
        "required": "90",
        "counted": "78",
        "remaining": "12",
        "pending": "3",
        "remaining_if_approved": "9",
        "beyond_caps": "10",
    }
    assert not verdict.met
    assert verdict.notes == []


def test_worked_example_categories() -> None:
    assert categories(dongguan(*EXAMPLE)) == [
        (PUBLIC, 3000, 3000, 3000, 0, MINIMA_CLAUSE),
        (SUBJECT, 4200, 4800, 3800, 400, MINIMA_CLAUSE),
        (ELECTIVE, 1800, 1000, 1000, 800, MINIMA_CLAUSE),
    ]


def test_worked_example_names_what_is_not_counted() -> None:
    """Of 镇级 8 + 7 + 5 the second lies partly above 12 and the third wholly; of 市教研室 5 + 3 the second partly."""
    assert not_counted(dongguan(*EXAMPLE)) == [
        ("cap", 800, ["town-2", "town-3"], CAPS_CLAUSE),
        ("cap", 200, ["office-2"], CAPS_CLAUSE),
        ("pending", 300, ["pending"], MINIMA_CLAUSE),
    ]


def test_worked_example_steps_say_what_was_done_to_which_records() -> None:
    verdict = dongguan(*EXAMPLE)
    [period] = said(verdict, "2023-01-01", "2023-12-31")
    assert period.clause == MINIMA_CLAUSE
    [city] = said(verdict, SUBJECT, "市级")
    assert numbers(city) == ["20"]
    assert list(city.record_ids) == ["city"]
    [town] = said(verdict, SUBJECT, TOWN)
    assert numbers(town) == ["20", "12", "12", "8"]
    assert sorted(town.record_ids) == ["town-1", "town-2", "town-3"]
    assert town.clause == CAPS_CLAUSE
    [office] = said(verdict, SUBJECT, OFFICE)
    assert numbers(office) == ["8", "6", "6", "2"]
    assert sorted(office.record_ids) == ["office-1", "office-2"]
    assert office.clause == CAPS_CLAUSE
    [waiting] = said(verdict, "待审核 3 学时")
    assert list(waiting.record_ids) == ["pending"]
    [approved] = said(verdict, "若全部通过")
    assert numbers(approved) == ["3", "9"]
    assert list(approved.record_ids) == ["pending"]
    minima = [step for name in (PUBLIC, SUBJECT, ELECTIVE) for step in said(verdict, name, "要求不少于")]
    assert [numbers(step) for step in minima] == [["30", "30"], ["38", "42", "4"], ["10", "18", "8"]]
    assert {step.clause for step in minima} == {MINIMA_CLAUSE}
    [total] = said(verdict, "合计")
    assert numbers(total) == ["78", "90", "12", "12", "12"]
    assert total.clause == MINIMA_CLAUSE


@pytest.mark.parametrize(
    ("policy_id", "year"), [("dongguan-2023", 2023), ("dongguan-2023", 2024), ("weinan-2019", 2023)]
)
def test_every_cited_clause_stands_in_the_policy(policy_id: str, year: int) -> None:
    extra = [
        record("rejected", PUBLIC, "省级", "1", status=REJECTED),
        record("early", PUBLIC, "省级", "1", "2015-01-01"),
    ]
    records = [item._replace(completed_on=item.completed_on.replace(year=year)) for item in EXAMPLE] + extra
    verdict = calculate(applied(policy_id, year), records, date(year, 8, 15))
    cited = [item.clause for item in (*verdict.steps, *verdict.not_counted, *verdict.categories) if item.clause]
    assert len(cited) >= 6
    assert [clause for clause in cited if policy(policy_id).clause(clause) is None] == []


@pytest.mark.parametrize(("organiser", "cap"), [(TOWN, "12"), (OFFICE, "6")])
def test_a_source_exactly_at_its_cap_loses_nothing(organiser: str, cap: str) -> None:
    verdict = dongguan(
        record("1", SUBJECT, organiser, "2.5"), record("2", SUBJECT, organiser, hours.show(hours.parse(cap) - 250))
    )
    assert hours.show(verdict.counted) == cap
    assert verdict.beyond_caps == 0
    assert not_counted(verdict) == []


@pytest.mark.parametrize(("organiser", "cap"), [(TOWN, 1200), (OFFICE, 600)])
def test_a_hundredth_beyond_a_cap_is_lost_and_named(organiser: str, cap: int) -> None:
    verdict = dongguan(
        record("later", SUBJECT, organiser, "0.01", "2023-08-02"),
        record("first", SUBJECT, organiser, hours.show(cap), "2023-08-01"),
    )
    assert verdict.counted == cap
    assert verdict.beyond_caps == 1
    assert not_counted(verdict) == [("cap", 1, ["later"], CAPS_CLAUSE)]


def test_one_record_larger_than_the_cap_is_counted_up_to_it() -> None:
    verdict = dongguan(record("1", SUBJECT, TOWN, "40.5"))
    assert (SUBJECT, 4200, 4050, 1200, 3000, MINIMA_CLAUSE) in categories(verdict)
    assert not_counted(verdict) == [("cap", 2850, ["1"], CAPS_CLAUSE)]


def test_records_of_one_day_are_cut_in_the_order_of_their_ids() -> None:
    verdict = dongguan(*(record(name, SUBJECT, TOWN, "6") for name in ("c", "a", "b")))
    assert not_counted(verdict) == [("cap", 600, ["c"], CAPS_CLAUSE)]


@pytest.mark.parametrize("organiser", [TOWN, OFFICE])
@pytest.mark.parametrize("name", [PUBLIC, ELECTIVE])
def test_a_cap_holds_only_for_the_category_it_is_written_for(name: str, organiser: str) -> None:
    verdict = dongguan(record("1", name, organiser, "40"))
    assert counted(verdict, name) == 4000
    assert verdict.beyond_caps == 0


def test_the_two_caps_are_apart_and_leave_other_organisers_alone() -> None:
    verdict = dongguan(
        record("1", SUBJECT, TOWN, "12"), record("2", SUBJECT, OFFICE, "6"), record("3", SUBJECT, "校级", "30")
    )
    assert counted(verdict, SUBJECT) == 4800
    assert verdict.beyond_caps == 0


def test_an_unknown_organiser_is_not_capped() -> None:
    assert counted(dongguan(record("1", SUBJECT, None, "42")), SUBJECT) == 4200


def test_exactly_the_minima_is_met() -> None:
    verdict = dongguan(
        record("1", PUBLIC, "省级", "30"), record("2", SUBJECT, "市级", "42"), record("3", ELECTIVE, "校级", "18")
    )
    assert verdict.met
    assert (verdict.remaining, verdict.counted) == (0, 9000)
    assert [line.shortfall for line in verdict.categories] == [0, 0, 0]


def test_a_hundredth_short_in_one_category_is_not_made_good_by_another() -> None:
    verdict = dongguan(
        record("1", PUBLIC, "省级", "29.99"), record("2", SUBJECT, "市级", "60"), record("3", ELECTIVE, "校级", "18")
    )
    assert verdict.counted == 10799
    assert (verdict.remaining, verdict.met) == (1, False)
    [total] = said(verdict, "合计")
    assert numbers(total) == ["107.99", "90", "0", "0.01", "0.01"]
    assert [line.shortfall for line in verdict.categories] == [1, 0, 0]


def test_a_total_above_the_minima_still_has_to_be_reached() -> None:
    verdict = calculate(
        applied("partial", 2023), [record("1", PUBLIC, "省级", "12"), record("2", SUBJECT, "市级", "20")]
    )
    assert [line.shortfall for line in verdict.categories] == [0, 0]
    assert hours.show(verdict.remaining) == "18"


def test_without_a_total_the_minima_are_the_total() -> None:
    minima = [line for line in PARTIAL["require"] if "category" in line]
    rules = rules_of({**PARTIAL, "require": minima})
    found = find([RuleSet("partial", "某省", rules)], "某省/某校", 2023)
    assert found is not None
    verdict = calculate(found, [record("1", PUBLIC, "省级", "25")])
    assert [hours.show(hundredths) for hundredths in (verdict.required, verdict.remaining)] == ["30", "20"]


@pytest.mark.parametrize("day", ["2023-01-01", "2023-12-31"])
def test_the_first_and_the_last_day_lie_in_the_period(day: str) -> None:
    verdict = dongguan(record("1", PUBLIC, "省级", "4.5", day))
    assert verdict.counted == 450
    assert not_counted(verdict) == []


@pytest.mark.parametrize("status", [APPROVED, PENDING, REJECTED])
@pytest.mark.parametrize("day", ["2022-12-31", "2024-01-01"])
def test_a_day_before_or_after_is_outside_whatever_the_status(day: str, status: str) -> None:
    verdict = dongguan(record("1", PUBLIC, "省级", "4.5", day, status))
    assert (verdict.counted, verdict.pending) == (0, 0)
    assert [line.recorded for line in verdict.categories] == [0, 0, 0]
    assert not_counted(verdict) == [("outside_period", 450, ["1"], MINIMA_CLAUSE)]


def test_rejected_hours_count_neither_now_nor_if_all_pending_are_approved() -> None:
    verdict = dongguan(record("1", PUBLIC, "省级", "4.5", status=REJECTED))
    assert (verdict.counted, verdict.pending) == (0, 0)
    assert verdict.remaining == verdict.remaining_if_approved == 9000
    assert not_counted(verdict) == [("rejected", 450, ["1"], MINIMA_CLAUSE)]
    [step] = said(verdict, "已驳回", "4.5")
    assert list(step.record_ids) == ["1"]


def test_pending_hours_beyond_a_cap_would_not_help() -> None:
    verdict = dongguan(record("1", SUBJECT, TOWN, "10"), record("2", SUBJECT, TOWN, "5", status=PENDING))
    assert [hours.show(hundredths) for hundredths in (verdict.remaining, verdict.remaining_if_approved)] == ["80", "78"]
    assert verdict.beyond_caps == 0


def test_what_no_line_takes_is_named_and_not_counted() -> None:
    verdict = calculate(
        applied("partial", 2023),
        [
            record("1", ELECTIVE, "校级", "18"),
            record("2", PUBLIC, "市级", "3"),
            record("3", PUBLIC, None, "2"),
            record("4", PUBLIC, "省级", "1"),
            record("5", ELECTIVE, "校级", "50", status=PENDING),
        ],
    )
    assert verdict.counted == 100
    assert verdict.remaining_if_approved == verdict.remaining == 4900
    assert categories(verdict) == [
        (PUBLIC, 1000, 600, 100, 900, "一"),
        (SUBJECT, 2000, 0, 0, 2000, "一"),
        (ELECTIVE, None, 1800, 0, 0, None),
    ]
    named = {tuple(excluded.record_ids): excluded.hours for excluded in left_out(verdict, "unclassified")}
    assert named == {("1",): 1800, ("2", "3"): 500}
    assert all(excluded.clause is None for excluded in left_out(verdict, "unclassified"))


def test_each_kind_of_hours_left_out_cites_what_leaves_it_out() -> None:
    verdict = calculate(
        applied("partial", 2023),
        [
            record("pending", SUBJECT, "市级", "1", status=PENDING),
            record("rejected", SUBJECT, "市级", "1", status=REJECTED),
            record("late", SUBJECT, "市级", "1", "2024-01-01"),
        ],
    )
    assert not_counted(verdict) == [
        ("pending", 100, ["pending"], "三"),
        ("rejected", 100, ["rejected"], "三"),
        ("outside_period", 100, ["late"], "一"),
    ]


def test_a_line_of_several_organisers_caps_their_sum() -> None:
    verdict = calculate(
        applied("partial", 2023),
        [record("1", SUBJECT, TOWN, "5", "2023-02-01"), record("2", SUBJECT, "校级", "5", "2023-01-01")],
    )
    assert verdict.counted == 750
    assert not_counted(verdict) == [("cap", 250, ["1"], "二")]


def test_no_records_owe_everything() -> None:
    verdict = dongguan()
    assert (verdict.required, verdict.counted, verdict.remaining) == (9000, 0, 9000)
    assert not verdict.met
    assert [line.shortfall for line in verdict.categories] == [3000, 4200, 1800]
    assert not_counted(verdict) == []


@pytest.mark.parametrize("joined", ["2023-01-02", "2023-09-01", "2023-12-31"])
def test_who_joined_in_between_owes_all_of_it_and_is_told(joined: str) -> None:
    verdict = dongguan(joined=date.fromisoformat(joined))
    assert verdict.remaining == 9000
    [step] = said(verdict, joined, "入职", "全额")
    assert step.clause is None
    assert verdict.notes == [step]


@pytest.mark.parametrize("joined", [None, date(2015, 9, 1), date(2023, 1, 1)])
def test_nothing_is_said_of_joining_before_the_period_or_on_its_first_day(joined: date | None) -> None:
    assert said(dongguan(joined=joined), "入职") == []


def test_employment_that_lies_outside_the_period_is_told() -> None:
    assert said(dongguan(joined=date(2024, 1, 1)), "2024-01-01", "才入职")
    left = calculate(applied("dongguan-2023", 2023), [], left=date(2023, 6, 30))
    assert said(left, "2023-06-30", "已离职")
    assert left.remaining == 9000


def test_a_rule_carried_forward_says_so_and_looks_at_the_year_asked_about() -> None:
    verdict = dongguan(
        record("old", PUBLIC, "省级", "10", "2023-12-31"),
        record("new", PUBLIC, "省级", "20", "2024-01-01"),
        year=2024,
    )
    assert verdict.applied.carried_forward
    assert (verdict.applied.start, verdict.applied.end) == (date(2024, 1, 1), date(2024, 12, 31))
    assert verdict.counted == 2000
    assert [list(excluded.record_ids) for excluded in left_out(verdict, "outside_period")] == [["old"]]
    [step] = said(verdict, "2023-12-31", "沿用")
    assert step.clause == MINIMA_CLAUSE
    assert verdict.notes == [step]
    assert said(dongguan(), "沿用") == []


def test_a_five_year_cycle_sums_all_its_years() -> None:
    records = [record(str(year), SUBJECT, TOWN, "72", f"{year}-12-31") for year in range(2015, 2022)]
    verdict = calculate(applied("weinan-2019", 2019), records)
    assert (verdict.applied.start, verdict.applied.end) == (date(2016, 1, 1), date(2020, 12, 31))
    assert [hours.show(hundredths) for hundredths in (verdict.required, verdict.counted, verdict.remaining)] == [
        "360",
        "360",
        "0",
    ]
    assert verdict.met
    assert categories(verdict) == [(SUBJECT, None, 36000, 36000, 0, None)]
    assert not_counted(verdict) == [("outside_period", 14400, ["2015", "2021"], "五/(一)")]


def test_the_first_year_of_the_cycle_is_said_to_be_a_setting() -> None:
    verdict = calculate(applied("weinan-2019", 2023), [])
    [total] = said(verdict, "合计")
    assert numbers(total) == ["0", "360", "360"]
    [step] = said(verdict, "2016", "设置")
    assert verdict.notes == [step]
    assert "没有写明" in step.text
    assert step.clause == "五/(一)"
    assert said(dongguan(), "设置") == []


# The contract once more, in decimals and without regard for speed.


class Terms(NamedTuple):
    """What a policy asks, as a person would note it down."""

    total: Decimal
    minima: Mapping[str, Decimal]
    caps: Sequence[tuple[str, Sequence[str], Decimal]]
    unclassified: Mapping[str, Sequence[str | None]]
    first: date
    last: date


TERMS = {
    "dongguan-2023": Terms(
        total=Decimal(90),
        minima={PUBLIC: Decimal(30), SUBJECT: Decimal(42), ELECTIVE: Decimal(18)},
        caps=[(SUBJECT, [TOWN], Decimal(12)), (SUBJECT, [OFFICE], Decimal(6))],
        unclassified={},
        first=date(2023, 1, 1),
        last=date(2023, 12, 31),
    ),
    "weinan-2019": Terms(
        total=Decimal(360), minima={}, caps=[], unclassified={}, first=date(2021, 1, 1), last=date(2025, 12, 31)
    ),
    "partial": Terms(
        total=Decimal(50),
        minima={PUBLIC: Decimal(10), SUBJECT: Decimal(20)},
        caps=[(SUBJECT, [TOWN, "校级"], Decimal("7.5"))],
        unclassified={ELECTIVE: ORGANISERS, PUBLIC: ["市级", OFFICE, TOWN, "校级", None]},
        first=date(2023, 1, 1),
        last=date(2023, 12, 31),
    ),
}


def decimal(hundredths: int) -> Decimal:
    return Decimal(hundredths) / 100


def naive_counted(terms: Terms, name: str, records: Sequence[Record]) -> Decimal:
    mine = [item for item in records if item.category == name]
    mine = [item for item in mine if item.organiser not in terms.unclassified.get(name, ())]
    counted = sum((decimal(item.hours) for item in mine), Decimal())
    for capped, organisers, cap in terms.caps:
        if capped == name:
            source = sum((decimal(item.hours) for item in mine if item.organiser in organisers), Decimal())
            counted -= max(source - cap, Decimal())
    return counted


def naive_remaining(terms: Terms, counted: Mapping[str, Decimal]) -> Decimal:
    shortfalls = [max(Decimal(), minimum - counted[name]) for name, minimum in terms.minima.items()]
    return max(terms.total - sum(counted.values()), sum(shortfalls, Decimal()), Decimal())


def naive_above(records: Sequence[Record], name: str, organisers: Sequence[str], cap: Decimal) -> list[str]:
    above, running = [], Decimal()
    for item in sorted(records, key=lambda item: (item.completed_on, item.record_id)):
        if item.category == name and item.organiser in organisers:
            running += decimal(item.hours)
            if running > cap:
                above.append(item.record_id)
    return above


amounts = st.integers(1, 3000) | st.sampled_from([250, 600, 750, 1200, 1800, 2000, 3000, 4200, 9000])
edges = [date(2020, 12, 31), date(2021, 1, 1), date(2022, 12, 31), date(2023, 1, 1), date(2023, 12, 31)]
days = (
    st.dates(date(2023, 1, 1), date(2023, 12, 31))
    | st.dates(date(2019, 1, 1), date(2027, 1, 1))
    | st.sampled_from(edges)
)
kinds = st.tuples(st.sampled_from([SUBJECT, PUBLIC, ELECTIVE]), st.sampled_from(ORGANISERS))
statuses = st.sampled_from([APPROVED, APPROVED, APPROVED, PENDING, REJECTED])


def numbered(rows: Sequence[tuple[tuple[str, str | None], int, date, str]]) -> list[Record]:
    return [
        Record(f"r{number:02}", "培训", kind[0], kind[1], amount, day, status)
        for number, (kind, amount, day, status) in enumerate(rows)
    ]


records_of_a_teacher = st.lists(st.tuples(kinds, amounts, days, statuses), max_size=14).map(numbered)
policies = st.sampled_from(sorted(TERMS))
ORDINARY = settings(max_examples=200)


@ORDINARY
@given(policies, records_of_a_teacher)
@example("dongguan-2023", EXAMPLE)
def test_agrees_with_a_naive_reading_of_the_contract(policy_id: str, records: list[Record]) -> None:
    terms = TERMS[policy_id]
    verdict = calculate(applied(policy_id, 2023), records)
    inside = [item for item in records if terms.first <= item.completed_on <= terms.last]
    approved = [item for item in inside if item.status == APPROVED]
    hoped_for = [item for item in inside if item.status in (APPROVED, PENDING)]
    names = (PUBLIC, SUBJECT, ELECTIVE)
    now = {name: naive_counted(terms, name, approved) for name in names}

    assert decimal(verdict.required) == terms.total
    assert decimal(verdict.counted) == sum(now.values())
    assert decimal(verdict.remaining) == naive_remaining(terms, now)
    assert verdict.met is (naive_remaining(terms, now) == 0)
    assert decimal(verdict.remaining_if_approved) == naive_remaining(
        terms, {name: naive_counted(terms, name, hoped_for) for name in names}
    )
    assert decimal(verdict.pending) == sum(decimal(item.hours) for item in inside if item.status == PENDING)

    # Those with a minimum, then those with records.
    with_records = {item.category for item in approved}
    shown = [line.category for line in verdict.categories]
    assert shown[: len(terms.minima)] == list(terms.minima)
    assert sorted(shown[len(terms.minima) :]) == sorted(with_records - set(terms.minima))
    for line in verdict.categories:
        minimum = terms.minima.get(line.category)
        assert decimal(line.counted) == now[line.category]
        assert (None if line.required is None else decimal(line.required)) == minimum
        assert decimal(line.shortfall) == max(Decimal(), (minimum or Decimal()) - now[line.category])

    lost = {}
    for name, organisers, cap in terms.caps:
        source = sum(
            (decimal(item.hours) for item in approved if item.category == name and item.organiser in organisers),
            Decimal(),
        )
        if source > cap:
            lost[tuple(naive_above(approved, name, organisers, cap))] = source - cap
    assert {tuple(cut.record_ids): decimal(cut.hours) for cut in left_out(verdict, "cap")} == lost
    assert decimal(verdict.beyond_caps) == sum(lost.values(), Decimal())


@ORDINARY
@given(policies, records_of_a_teacher)
def test_recorded_is_counted_and_beyond_caps_and_unclassified(policy_id: str, records: list[Record]) -> None:
    verdict = calculate(applied(policy_id, 2023), records)
    category_of = {item.record_id: item.category for item in records}
    lost: dict[str, int] = {}
    for excluded in verdict.not_counted:
        if excluded.why in ("cap", "unclassified"):
            [name] = {category_of[record_id] for record_id in excluded.record_ids}
            lost[name] = lost.get(name, 0) + excluded.hours
    for line in verdict.categories:
        assert line.recorded == line.counted + lost.pop(line.category, 0)
    assert lost == {}


@ORDINARY
@given(policies, records_of_a_teacher)
def test_no_hours_are_lost_or_invented(policy_id: str, records: list[Record]) -> None:
    verdict = calculate(applied(policy_id, 2023), records)
    start, end = verdict.applied.start, verdict.applied.end
    inside = [item for item in records if start <= item.completed_on <= end]
    outside = [item for item in records if item not in inside]
    left = sum(excluded.hours for excluded in verdict.not_counted if excluded.why != "outside_period")
    assert sum(item.hours for item in inside) == verdict.counted + left
    assert sum(item.hours for item in outside) == sum(cut.hours for cut in left_out(verdict, "outside_period"))


@ORDINARY
@given(policies, records_of_a_teacher)
def test_every_record_is_named(policy_id: str, records: list[Record]) -> None:
    """In the step that took it, or among what is not counted; never only in the sums."""
    verdict = calculate(applied(policy_id, 2023), records)
    named = {name for item in (*verdict.steps, *verdict.not_counted) for name in item.record_ids}
    assert named == {item.record_id for item in records}


def without_order(verdict: Verdict) -> object:
    return (
        [getattr(verdict, name) for name in ("required", "counted", "remaining", "pending", "remaining_if_approved")],
        verdict.beyond_caps,
        sorted(categories(verdict), key=str),
        [tuple(cut.record_ids) for cut in left_out(verdict, "cap")],
        sorted((cut.why, cut.hours, cut.clause or "", sorted(cut.record_ids)) for cut in verdict.not_counted),
        [(step.text, step.clause, sorted(step.record_ids)) for step in verdict.steps],
    )


@ORDINARY
@given(policies, records_of_a_teacher.flatmap(lambda records: st.tuples(st.just(records), st.permutations(records))))
@example("dongguan-2023", (EXAMPLE, EXAMPLE[::-1]))
def test_the_order_of_records_never_matters(policy_id: str, both: tuple[list[Record], list[Record]]) -> None:
    one, other = (calculate(applied(policy_id, 2023), records) for records in both)
    assert without_order(one) == without_order(other)


@ORDINARY
@given(policies, records_of_a_teacher, kinds, amounts, days)
def test_one_more_approved_record_never_leaves_more_to_do(
    policy_id: str, records: list[Record], kind: tuple[str, str | None], amount: int, day: date
) -> None:
    more = Record("more", "培训", *kind, amount, day, APPROVED)
    before, after = (calculate(applied(policy_id, 2023), items) for items in (records, [*records, more]))
    assert after.remaining <= before.remaining
    assert after.remaining_if_approved <= before.remaining_if_approved
    assert after.counted >= before.counted


@ORDINARY
@given(policies, records_of_a_teacher)
def test_if_approved_is_what_approving_everything_pending_gives(policy_id: str, records: list[Record]) -> None:
    verdict = calculate(applied(policy_id, 2023), records)
    granted = [item._replace(status=APPROVED) if item.status == PENDING else item for item in records]
    assert verdict.remaining_if_approved == calculate(applied(policy_id, 2023), granted).remaining
    assert verdict.remaining_if_approved <= verdict.remaining
