"""Catalogues of courses: what is read, and that every fault is told with its file, row, column and value."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assistant.errors import InputError
from assistant.hours import show
from assistant.rules.make_up import Course
from ingest.catalogue import HEADERS, read_catalogue

TODAY = date(2023, 11, 15)
ROW = ["K1", "课堂观察", "专业科目", "市级", "4.5", "120.50", "2023-12-01", "2023/12/3"]
COURSE = Course("K1", "课堂观察", "专业科目", "市级", 450, 12050, date(2023, 12, 1), date(2023, 12, 3))
Write = Sequence[Sequence[str]]


def write(folder: Path, rows: Write, headers: Sequence[str] = tuple(HEADERS), encoding: str = "utf-8") -> Path:
    path = folder / "courses.csv"
    path.write_text("".join(",".join(row) + "\r\n" for row in (headers, *rows)), encoding, newline="")
    return path


def edited(column: str, value: str) -> list[str]:
    return [value if name == column else cell for name, cell in zip(HEADERS, ROW, strict=True)]


def faults(path: Path) -> list[str]:
    with pytest.raises(InputError) as caught:
        read_catalogue(path, TODAY)
    return caught.value.problems


@pytest.mark.parametrize("headers", [list(HEADERS), list(HEADERS.values())])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_either_language_and_encoding(tmp_path: Path, headers: list[str], encoding: str) -> None:
    assert read_catalogue(write(tmp_path, [ROW], headers, encoding), TODAY) == [COURSE]


def test_the_last_day_may_lack_or_be_empty_and_other_columns_are_passed_over(tmp_path: Path) -> None:
    one_day = [COURSE._replace(ends_on=None)]
    assert read_catalogue(write(tmp_path, [edited("ends_on", "")]), TODAY) == one_day
    assert read_catalogue(write(tmp_path, [ROW[:-1]], list(HEADERS)[:-1]), TODAY) == one_day
    assert one_day[0].last_day == COURSE.starts_on
    assert read_catalogue(write(tmp_path, [["莞城", *ROW]], ["地点", *HEADERS]), TODAY) == [COURSE]


def test_what_is_free_and_what_ends_on_its_first_day(tmp_path: Path) -> None:
    [free] = read_catalogue(write(tmp_path, [edited("fee", "0")]), TODAY)
    [short] = read_catalogue(write(tmp_path, [edited("ends_on", "2023-12-01")]), TODAY)
    assert free == COURSE._replace(fee=0)
    assert short == COURSE._replace(ends_on=COURSE.starts_on)


def test_no_rows_are_no_courses_and_empty_rows_only_count_for_the_numbers(tmp_path: Path) -> None:
    assert read_catalogue(write(tmp_path, []), TODAY) == []
    told = faults(write(tmp_path, [[""] * 8, ROW, [""] * 8, edited("hours", "0")]))
    assert [one.split("：")[0] for one in told] == [
        "courses.csv 第 5 行「hours」（0）",
        "courses.csv 第 5 行「course_id」（K1）",
    ]


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("course_id", "", "不能为空"),
        ("title", "=1+1", "像是公式"),
        ("title", "", "不能为空"),
        ("category", "专业", "只能是：公需科目、专业科目、个人选修科目"),
        ("organiser", "区级", "只能是：国家级、"),
        ("hours", "0", "大于 0"),
        ("hours", "-1", "大于 0"),
        ("hours", "1.234", "最多两位小数"),
        ("hours", "4学时", "不带单位"),
        ("fee", "", "不收费填 0"),
        ("fee", "-1", "不小于 0"),
        ("fee", "0.001", "最多两位小数"),
        ("fee", "免费", "只写数字"),
        ("starts_on", "12月1日", "日期应写成"),
        ("starts_on", "2023-02-30", "没有这一天"),
        ("starts_on", "1969-12-31", "不在 1970-01-01 至 2028-12-31 之间"),
        ("ends_on", "2029-01-01", "不在 1970-01-01 至 2028-12-31 之间"),
        ("ends_on", "2023-11-30", "不能早于开始日期（2023-12-01）"),
    ],
)
def test_every_bad_cell_is_told_with_its_place_and_value(tmp_path: Path, column: str, value: str, said: str) -> None:
    for headers, name in ((list(HEADERS), column), (list(HEADERS.values()), HEADERS[column])):
        [told] = faults(write(tmp_path, [["K0", *ROW[1:]], edited(column, value)], headers))
        assert told.startswith(f"courses.csv 第 3 行「{name}」（{value or '空'}）：")
        assert said in told
        assert told.endswith("。")


def test_all_faults_are_told_at_once_and_in_order(tmp_path: Path) -> None:
    told = faults(write(tmp_path, [edited("hours", "x"), ROW[:3], edited("fee", "y"), ["K2", *ROW[1:]]]))
    assert [one.split("：")[0] for one in told] == [
        "courses.csv 第 2 行「hours」（x）",
        "courses.csv 第 3 行",
        "courses.csv 第 4 行「fee」（y）",
        "courses.csv 第 4 行「course_id」（K1）",
    ]
    assert "与第 2 行重复" in told[-1]


def test_a_header_at_fault(tmp_path: Path) -> None:
    assert faults(write(tmp_path, [], ["课程编号", "hours"])) == [
        f"courses.csv 第 1 行：缺少列「{name}」（{HEADERS[name]}），请补上。"
        for name in ("title", "category", "organiser", "fee", "starts_on")
    ]
    [told] = faults(write(tmp_path, [], [*HEADERS, "学时"]))
    assert told == "courses.csv 第 1 行「hours」：同一列出现了不止一次，请只留一列。"


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "courses.csv"
    assert faults(path) == ["courses.csv：文件不存在，请核对路径。"]
    assert faults(tmp_path)[0].startswith(f"{tmp_path.name}：无法读取")
    path.write_bytes(b"\xff\xff")
    assert "编码" in faults(path)[0]
    path.write_bytes(b"")
    assert len(faults(path)) == 7
    write(tmp_path, [edited("hours", "x"), ['"K2', *ROW[1:]]])
    assert [one.split("：")[0] for one in faults(path)] == ["courses.csv 第 2 行「hours」（x）", "courses.csv 第 3 行"]


titles = st.text("教师培训（第2期）：课堂·观察 Ab-+@", min_size=1, max_size=60).map(str.strip).filter(bool)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(titles, st.integers(1, 99_999_999), st.integers(0, 99_999_999), st.dates(date(2000, 1, 1), date(2028, 12, 31)))
def test_what_is_written_is_read_exactly(tmp_path: Path, title: str, hours: int, fee: int, day: date) -> None:
    row = ["K1", title, "公需科目", "国家级", show(hours), show(fee), str(day), ""]
    course = Course("K1", title, "公需科目", "国家级", hours, fee, day)
    assert read_catalogue(write(tmp_path, [row]), TODAY) == [course]
