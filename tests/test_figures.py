"""The figures in a text, said in whichever way; words that only look like figures are left alone."""

from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from assistant.figures import Figure, figures, numeral, opaque, plain

Read = list[tuple[Fraction | int | tuple[int, int, int], str]]


def read(text: str) -> list[tuple[Fraction | tuple[int, int, int], str]]:
    return [(figure.value, figure.unit) for figure in figures(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("不少于90学时", [(90, "学时")]),
        ("还差4.5学时", [(Fraction(9, 2), "学时")]),
        ("还差0.05学时。", [(Fraction(1, 20), "学时")]),
        ("９０学时", [(90, "学时")]),
        ("４．５学时", [(Fraction(9, 2), "学时")]),
        ("还差 12 学时", [(12, "学时")]),
        ("共1,234,567.5元", [(Fraction(2469135, 2), "元")]),
        ("共１,２３４元", [(1234, "元")]),
        ("35万人次", [(350_000, "人")]),
        ("3.5万元", [(35_000, "元")]),
        ("2亿元", [(200_000_000, "元")]),
        ("166个项目、700门、15000学时", [(166, "个"), (700, "门"), (15000, "学时")]),
        ("18-24学时", [(18, ""), (24, "学时")]),
        ("30、42和18", [(30, ""), (42, ""), (18, "")]),
        ("电话：23126189", [(23126189, "")]),
        ("渭教师〔2019〕6号", [(2019, ""), (6, "")]),
        ("90学分，10课时", [(90, "学分"), (10, "课时")]),
        ("2023年度", [(2023, "年度")]),
        ("分别为120，300学时", [(120, ""), (300, "学时")]),
        ("第1批30，第2批150", [(1, "批"), (30, ""), (2, "批"), (150, "")]),
    ],
)
def test_arabic(text: str, expected: Read) -> None:
    assert read(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("50%", [(Fraction(1, 2), "%")]),
        ("５０％", [(Fraction(1, 2), "%")]),
        ("2.5%的", [(Fraction(1, 40), "%")]),
        ("100%", [(1, "%")]),
        ("百分之十", [(Fraction(1, 10), "%")]),
        ("百分之三十五", [(Fraction(7, 20), "%")]),
        ("百分之百", [(1, "%")]),
        ("百分之10.5", [(Fraction(21, 200), "%")]),
        ("不低于百分之五，不少于5学时", [(Fraction(1, 20), "%"), (5, "学时")]),
        ("百分之零点五", [(Fraction(1, 200), "%")]),
    ],
)
def test_percentages_are_fractions_of_one(text: str, expected: Read) -> None:
    assert read(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("三十学时", [(30, "学时")]),
        ("九学时", [(9, "学时")]),
        ("十学时", [(10, "学时")]),
        ("两学时", [(2, "学时")]),
        ("零学时", [(0, "学时")]),
        ("九十四学时", [(94, "学时")]),
        ("一百零五个", [(105, "个")]),
        ("两百五十门", [(250, "门")]),
        ("一千零五十元", [(1050, "元")]),
        ("一万五千学时", [(15000, "学时")]),
        ("三十五万人", [(350_000, "人")]),
        ("五年一个周期", [(5, "年"), (1, "个")]),
        ("三百六十", [(360, "")]),
        ("九 学时", [(9, "学时")]),
        ("一亿元", [(100_000_000, "元")]),
        ("一亿二千万元", [(120_000_000, "元")]),
        ("三点五学时", [(Fraction(7, 2), "学时")]),
        ("十二点二五学时", [(Fraction(49, 4), "学时")]),
    ],
)
def test_chinese(text: str, expected: Read) -> None:
    assert read(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2023年2月23日", [((2023, 2, 23), "date"), (2023, "年")]),
        ("2023年12月", [((2023, 12, 0), "date"), (2023, "年")]),
        ("2023-02-23", [((2023, 2, 23), "date"), (2023, "年")]),
        ("2023/2/3", [((2023, 2, 3), "date"), (2023, "年")]),
        ("2023.2.23", [((2023, 2, 23), "date"), (2023, "年")]),
        ("２０２３年２月２３日", [((2023, 2, 23), "date"), (2023, "年")]),
        ("2023-01-01 至 2023-12-31", [((2023, 1, 1), "date"), (2023, "年"), ((2023, 12, 31), "date"), (2023, "年")]),
        ("于2月23日前", [((0, 2, 23), "date")]),
        ("2023年", [(2023, "年")]),
        ("二〇二三年", [(2023, "年")]),
        ("二零二三年", [(2023, "年")]),
        ("二〇二三年二月二十三日", [((2023, 2, 23), "date"), (2023, "年")]),
        ("2022-2024", [(2022, ""), (2024, "")]),
        ("23126189-02-23", [(23126189, ""), (2, ""), (23, "")]),
    ],
)
def test_dates(text: str, expected: Read) -> None:
    assert read(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "一旦统一，第一、唯一",
        "进一步加强",
        "“一案”",
        "万能",
        "百般",
        "十分重要",
        "千方百计，万众",
        "“十四五”时期",
        "哪一项、每一年、任一门",
        "同一个，唯一条件",
        "统一年度安排",
        "一点一滴，两点一线",
    ],
)
def test_words_that_only_hold_a_numeral_are_no_figures(text: str) -> None:
    assert read(text) == []


@pytest.mark.parametrize(
    ("chars", "value"),
    [
        ("十", 10),
        ("十二", 12),
        ("二十", 20),
        ("一百", 100),
        ("一百一十", 110),
        ("两千零二", 2002),
        ("二〇二三", 2023),
        ("十二万", 120_000),
        ("万", 10_000),
        ("一万零一", 10_001),
        ("十万零五百", 100_500),
        ("三万五千", 35_000),
        ("十二万亿", 12 * 10**12),
        ("三亿零五十万零六", 300_500_006),
        ("九〇", 90),
        ("十四五", None),
        ("三四百", None),
        ("三四百万", None),
        ("两万三四百", None),
    ],
)
def test_numeral(chars: str, value: int | None) -> None:
    assert numeral(chars) == value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("三至五天", [(3, ""), (5, "天")]),
        ("5～10学时", [(5, ""), (10, "学时")]),
        ("百分之三至五", [(Fraction(3, 100), "%"), (Fraction(1, 20), "%")]),
        ("三分之二", [(Fraction(2, 3), "%")]),
        ("千分之五", [(Fraction(1, 200), "%")]),
        ("2.5‰", [(Fraction(1, 400), "%")]),
        ("提高5个百分点", [(Fraction(1, 20), "%")]),
        ("五个百分点", [(Fraction(1, 20), "%")]),
        ("一半", [(Fraction(1, 2), "%")]),
        ("半数", [(Fraction(1, 2), "%")]),
        ("半年", [(Fraction(1, 2), "年")]),
        ("两成", [(2, "成")]),
        ("八折", [(8, "折")]),
        ("两倍", [(2, "倍")]),
        ("还差-12学时", [(-12, "学时")]),
        ("1万2千元", [(12_000, "元")]),
        ("5千人", [(5000, "人")]),
        ("1\u200b2学时", [(12, "学时")]),
        ("1\u03362学时", [(12, "学时")]),
        ("١٢学时", [(12, "学时")]),
        ("𝟏𝟐学时", [(12, "学时")]),
        ("九學時", [(9, "学时")]),
        ("兩萬元", [(20_000, "元")]),
        ("还差九。", [(9, "")]),
        ("还差 八，要求", [(8, "")]),
        ("六节课", [(6, "节")]),
        ("三月六日", [((0, 3, 6), "date")]),
        ("上半年，一种，一份，其一", []),
    ],
)
def test_other_ways_of_saying_one(text: str, expected: Read) -> None:
    assert read(text) == expected


@pytest.mark.parametrize(
    "said",
    [
        "十几",
        "几十",
        "数百",
        "近百",
        "三五",
        "90多",
        "三十多",
        "1万2",
        "10²",
        "①",
        "½",
        "Ⅻ",
        "xii",
        "1.2e3",
        "l2",
        "9O",
        "T0003",
        "2/3",
        "1 2",
        "1·2",
        "012",
        "负五",
        "廿八",
        "叁拾",
        "翻倍",
        "过半",
        "twelve",
        "十四五",
    ],
)
def test_what_is_no_one_figure_is_opaque(said: str) -> None:
    text = plain(f"还差{said}学时")
    assert [text[start:end] for start, end in opaque(text)]


@pytest.mark.parametrize(
    "text",
    [
        "还差 12 学时，要求 90",
        "2023年2月23日至2023-12-31",
        "二〇二三年三月六日",
        "渭教师〔2019〕6号",
        "一百二十三人",
        "0.05 学时",
        "",
    ],
)
def test_plain_figures_are_not(text: str) -> None:
    assert list(opaque(text)) == []


@given(st.text(max_size=40))
def test_no_digit_is_overlooked(text: str) -> None:
    """Whatever holds a digit of any script is a figure or opaque."""
    seen = plain(text)
    known = {at for figure in figures(seen) for at in range(figure.at, figure.at + len(figure.said))}
    known |= {at for start, end in opaque(seen) for at in range(start, end)}
    assert all(at in known for at, char in enumerate(seen) if char.isdecimal() or (char.isdigit() and char != "〇"))


@given(st.text(max_size=40))
def test_a_plain_text_is_plain(text: str) -> None:
    assert plain(plain(text)) == plain(text)


def test_a_figure_keeps_how_it_was_said() -> None:
    text = "全年不少于90学时，其中百分之十在2月23日前完成，共三十五万人"
    assert [figure.said for figure in figures(text)] == ["90", "百分之十", "2月23日", "三十五万"]


def chinese(number: int) -> str:
    """`number` as it is written in full, from 0 to below 10**12."""

    def section(value: int, inner: bool) -> str:
        said, gap = "", inner and value < 1000
        for place, scale in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
            digit, value = divmod(value, place)
            if digit:
                said += ("零" if gap else "") + "零一二三四五六七八九"[digit] + scale
            gap = (bool(said) or inner) and not digit
        return said

    said = ""
    for place, scale in ((10**8, "亿"), (10**4, "万"), (1, "")):
        part, number = divmod(number, place)
        if part:
            said += section(part, bool(said)) + scale
    said = said or "零"
    return said.removeprefix("一") if said.startswith("一十") else said


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (0, "零"),
        (10, "十"),
        (15, "十五"),
        (110, "一百一十"),
        (10_005, "一万零五"),
        (100_500, "十万零五百"),
        (2_000_000_010, "二十亿零一十"),
    ],
)
def test_the_spelling_that_these_tests_rely_on(number: int, said: str) -> None:
    assert chinese(number) == said


naturals = st.integers(0, 999_999_999_999)
# Nothing here belongs to a figure, and no unit follows one.
words = st.text("的应为完成约共计其中，。：；（）“”还差要求不少于", max_size=8)


@given(words, naturals, words)
def test_a_whole_number_in_a_sentence_is_found(before: str, number: int, after: str) -> None:
    assert read(f"{before}{number}学时{after}") == [(number, "学时")]


@given(words, naturals, words)
def test_so_it_is_with_thousands_marked_or_in_full_width(before: str, number: int, after: str) -> None:
    full_width = str(number).translate({ord(digit): ord(digit) + 0xFEE0 for digit in "0123456789"})
    for said in (f"{number:,}", full_width):
        assert read(f"{before}{said}学时{after}") == [(number, "学时")]


@given(words, st.integers(0, 99_999_999), words)
def test_a_decimal_is_found_exactly(before: str, hundredths: int, after: str) -> None:
    said = f"{hundredths // 100}.{hundredths % 100:02}"
    assert read(f"{before}{said}学时{after}") == [(Fraction(hundredths, 100), "学时")]
    assert read(f"{before}{said}%{after}") == [(Fraction(hundredths, 10_000), "%")]
    assert read(f"{before}{said}万元{after}") == [(Fraction(hundredths) * 100, "元")]


@given(words, naturals, words)
@example("", 120_000_000, "")
def test_a_number_in_chinese_is_found(before: str, number: int, after: str) -> None:
    assert read(f"{before}{chinese(number)}学时{after}") == [(number, "学时")]


@given(words, st.integers(0, 100), words)
def test_a_percentage_in_chinese_is_found(before: str, percent: int, after: str) -> None:
    assert read(f"{before}百分之{chinese(percent)}{after}") == [(Fraction(percent, 100), "%")]


@given(words, st.dates(), words)
def test_a_date_is_found_however_it_is_written(before: str, day: object, after: str) -> None:
    year, month, number = map(int, str(day).split("-"))
    expected = [((year, month, number), "date"), (year, "年")]
    assert read(f"{before}{day}{after}") == expected
    assert read(f"{before}{year:04}年{month}月{number}日{after}") == expected
    assert read(f"{before}{month}月{number}日{after}") == [((0, month, number), "date")]


@given(words, st.lists(naturals, max_size=5), words)
def test_figures_come_in_order(before: str, numbers: list[int], after: str) -> None:
    text = before + "、".join(f"{number}学时" for number in numbers) + after
    assert read(text) == [(number, "学时") for number in numbers]


anything = st.text() | st.text("零〇一二两三九十百千万亿分之点第年月日学时%％.,，-/0123456789０９①½²٣ \n", max_size=30)


@given(anything)
def test_any_text_can_be_read(text: str) -> None:
    """And what was found stands in the text, in its order."""
    seen, place = plain(text), 0
    for figure in figures(text):
        assert isinstance(figure, Figure)
        assert seen.startswith(figure.said, figure.at)
        assert figure.at >= place
        place = figure.at


@pytest.mark.parametrize("digit", ["9", "9,999", "九", "百分之9", "百分之九", "九万"])
def test_so_can_one_with_a_very_long_row_of_digits(digit: str) -> None:
    assert all(isinstance(figure, Figure) for figure in figures(digit + digit[-1] * 5000))


@given(words, words)
def test_a_sentence_without_numerals_has_no_figures(before: str, after: str) -> None:
    assert read(before + after) == []
