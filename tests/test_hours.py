"""Hours: read and shown exactly."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.hours import parse, show


@pytest.mark.parametrize(
    ("text", "hundredths"),
    [
        ("0", 0),
        ("0.01", 1),
        ("0.1", 10),
        ("0.10", 10),
        ("4.5", 450),
        ("4.05", 405),
        ("4.50", 450),
        ("18", 1800),
        ("90.00", 9000),
        ("007", 700),
        (" 12 ", 1200),
        ("999999.99", 99_999_999),
    ],
)
def test_parse(text: str, hundredths: int) -> None:
    assert parse(text) == hundredths


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        ".",
        ".5",
        "5.",
        "4.555",
        "-1",
        "+1",
        "−1",
        "1e2",
        "1,000",
        "1_000",
        "1 000",
        "4.5.5",
        "4,5",
        "0x10",
        "1/2",
        "九十",
        "90学时",
        "=90",
        "nan",
        "inf",
        "1000000",
        "1\n2",
        "４.５",
        "٣",
    ],
)
def test_anything_but_a_plain_decimal_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - its text is the caller's to word
        parse(text)


@pytest.mark.parametrize(
    ("hundredths", "text"),
    [
        (0, "0"),
        (1, "0.01"),
        (10, "0.1"),
        (99, "0.99"),
        (100, "1"),
        (405, "4.05"),
        (450, "4.5"),
        (1000, "10"),
        (9000, "90"),
        (100_000, "1000"),
        (99_999_999, "999999.99"),
        (-1, "-0.01"),
        (-450, "-4.5"),
        (-9000, "-90"),
    ],
)
def test_show(hundredths: int, text: str) -> None:
    assert show(hundredths) == text


amounts = st.integers(0, 99_999_999)


@given(amounts)
def test_what_is_shown_is_read_back(hundredths: int) -> None:
    assert parse(show(hundredths)) == hundredths


@given(st.integers(0, 999_999), st.text("0123456789", max_size=2))
def test_parse_then_show_only_drops_zeros(whole: int, part: str) -> None:
    text = f"{whole}.{part}" if part else str(whole)
    assert show(parse(text)) == (text.rstrip("0").rstrip(".") if part else text)


@given(st.integers(-(10**12), 10**12))
def test_show_is_the_exact_decimal_without_trailing_zeros(hundredths: int) -> None:
    text = show(hundredths)
    assert Decimal(text) == Decimal(hundredths) / 100
    assert "E" not in text
    assert not ("." in text and text.endswith(("0", ".")))


@given(st.text() | st.text("0123456789.-+eE,_ \n０１９．½²٣"))
def test_parse_answers_with_hundredths_or_a_value_error(text: str) -> None:
    try:
        hundredths = parse(text)
    except ValueError:
        return
    assert 0 <= hundredths <= 99_999_999
    assert Decimal(show(hundredths)) == Decimal(text.strip())
