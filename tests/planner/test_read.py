"""Reading questions: a table of what people ask and what they mean, and that no text at all is too much."""

import csv
import re
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

import evals.sample
from assistant.identity import Role
from assistant.planner.guess import is_fresh
from assistant.planner.read import Intent, Reading, read
from assistant.planner.words import phrases

TABLE: Mapping[str, list[dict[str, Any]]] = yaml.safe_load(
    (Path(__file__).parent / "readings.yaml").read_text(encoding="utf-8")
)
# The slots that an answer of each intent depends on; what else was read makes no difference.
TODAY = date(2023, 11, 15)
EMPTY: dict[str, Any] = {
    "years": [],
    "span": [],
    "categories": [],
    "organisers": [],
    "statuses": [],
    "people": [],
    "items": [],
    "units": [],
    "domain": True,
}
LISTS = {"years", "span", "categories", "organisers", "statuses", "people", "units"}
USED = {
    "gap": {"years", "categories", "people"},
    "why": {"years", "categories", "organisers", "statuses", "people"},
    "list": {"years", "span", "categories", "organisers", "statuses", "people"},
    "history": {"people"},
    "what_if": {"years", "people", "items"},
    "plan": {"years", "people"},
    "policy": {"years", "domain"},
    "unit": {"years", "categories", "units"},
    "unclear": set(),
    "foreign": set(),
}


def rows(known_gap: bool) -> list[Any]:
    return [
        pytest.param(intent, row, id=row["ask"])
        for intent, listed in TABLE.items()
        for row in listed
        if ("known_gap" in row) is known_gap
    ]


def meant(intent: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """What the row says, with the slots that it leaves out."""
    said = {slot: row.get(slot, EMPTY[slot]) for slot in USED[intent]}
    if "items" in said:
        said["items"] = [(str(hours), category, organiser) for hours, category, organiser in said["items"]]
    return {"intent": intent, **said}


def understood(reading: Reading) -> dict[str, Any]:
    """The reading in the row's terms."""
    intent = reading.intent.name.lower()
    said = {slot: getattr(reading, slot) for slot in USED[intent]}
    as_lists = {slot: list(value or ()) for slot, value in said.items() if slot in LISTS}
    if "span" in as_lists:
        as_lists["span"] = [str(day) for day in as_lists["span"]]
    if "items" in said:
        as_lists["items"] = [tuple(item) for item in said["items"]]
    return {"intent": intent, **said, **as_lists}


@pytest.mark.parametrize(("intent", "row"), rows(known_gap=False))
def test_what_a_question_means(intent: str, row: dict[str, Any]) -> None:
    assert understood(read(row["ask"], TODAY)) == meant(intent, row)


@pytest.mark.parametrize(("intent", "row"), rows(known_gap=True))
def test_a_known_gap_is_still_one(intent: str, row: dict[str, Any]) -> None:
    """A row that fails here has been mended: strike its `known_gap`."""
    assert row["known_gap"]
    assert understood(read(row["ask"], TODAY)) != meant(intent, row)


def test_the_table_is_sound() -> None:
    asked = [row["ask"] for listed in TABLE.values() for row in listed]
    assert len(asked) == len(set(asked)) >= 120
    assert set(TABLE) == set(USED) == {intent.name.lower() for intent in Intent}
    for intent, listed in TABLE.items():
        for row in listed:
            assert set(row) - {"ask", "known_gap"} <= USED[intent], row


def test_every_name_of_the_sample_is_read() -> None:
    """Else its administrators could ask for some of their teachers by number alone."""
    with (Path(evals.sample.__file__).parent / "teachers.csv").open(encoding="utf-8", newline="") as file:
        names = sorted({row["name"] for row in csv.DictReader(file)})
    assert len(names) > 100
    for form in ("{}还差多少学时", "{}老师今年还差多少学时", "列出{}的记录", "为什么{}的学时没有计入"):
        assert [name for name in names if read(form.format(name), TODAY).people != [name]] == []


def test_questions_about_policies_are_seldom_taken_for_others() -> None:
    """Of hundreds that people ask about clauses, the few misread are no reason to narrow the phrases further."""
    text = (Path(evals.__file__).parent / "training" / "questions.yaml").read_text(encoding="utf-8")
    clauses = [listed for listed in yaml.safe_load(text).values() if isinstance(listed, dict)]
    asked = [question for listed in clauses for questions in listed.values() for question in questions]
    assert len(asked) > 500
    readings = [read(question, TODAY) for question in asked]
    named = [reading.question for reading in readings if reading.people]
    own = [reading.question for reading in readings if reading.intent in (Intent.GAP, Intent.WHY, Intent.WHAT_IF)]
    assert len(named) <= len(asked) // 100, named
    assert len({*named, *own}) <= len(asked) // 50, own


@pytest.mark.parametrize("year", [2023, 2024, 2030])
def test_years_said_by_their_distance_follow_the_clock(year: int) -> None:
    for said, distance in (("去年", -1), ("今年", 0), ("明年", 1), ("前年", -2)):
        assert read(f"我{said}还差多少学时", date(year, 11, 15)).year == year + distance
    assert read("我2022年还差多少学时", date(year, 11, 15)).year == 2022
    assert read("我还差多少学时", date(year, 11, 15)).year is None


def listed(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from listed(part)
    else:
        for part in value:
            yield from listed(part)


# Everyday words, names and marks in any order: far more questions than anybody would write down.
words = st.sampled_from(sorted({*listed(phrases())})) | st.sampled_from(
    [
        "陈静",
        "欧阳",
        "T0003",
        "6学时",
        "４．５学时",
        "十二学时",
        "0学时",
        "2023年",
        "三",
        "，",
        "？",
        "%",
        "\n",
        "·",
        "—",
    ]
)
sentences = st.lists(words, max_size=40).map("".join).map(lambda text: text[:2000])


def test_no_rate_is_made_up_for_what_is_no_hour() -> None:
    assert not read("如果我再修6学分专业，还差多少", TODAY).items
    assert read("如果我再修6学时专业，还差多少", TODAY).items


def test_who_lacks_hours_this_month_lacks_them_now() -> None:
    asked = {
        question: read(question, TODAY, Role.SCHOOL_ADMIN).intent
        for question in ("这个月还有哪些老师没达标", "本月达标率")
    }
    assert asked == {"这个月还有哪些老师没达标": Intent.UNIT, "本月达标率": Intent.UNCLEAR}


@given(st.text(max_size=2000) | sentences)
@example("")
@example("\0")
@example("²学时①")
@example("百学时")
@example("9" * 2000 + "学时")
@example("十" * 1996 + "百学时专业")
@example("如果" + "1学时专业" * 399)
@example("年" * 2000)
@example("欧")
def test_any_text_is_read(text: str) -> None:
    reading = read(text, TODAY)
    assert reading.question == text
    assert reading.intent in Intent
    assert (reading.intent is not Intent.WHAT_IF) or reading.items


@given(sentences)
def test_white_space_between_characters_and_width_make_no_difference(text: str) -> None:
    wide = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}
    apart = re.sub(r"(?<=[\u4e00-\u9fff])(?=[\u4e00-\u9fff])", "\u3000", text)
    plain, other = read(text, TODAY), read(f" {apart.translate(wide)}\n", TODAY)
    assert understood(other) == understood(plain)
    assert other.rest == plain.rest


def test_the_shipped_likeness_is_of_the_shipped_examples_and_words() -> None:
    """Else the first question of every process would wait for it to be fitted."""
    assert is_fresh()
