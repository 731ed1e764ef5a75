"""Workbooks as record files: what is seen in a cell is what is loaded, and what can't be trusted is refused."""

import io
import re
from collections.abc import Callable, Iterable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from assistant import hours
from assistant.errors import InputError
from assistant.store.database import Database
from assistant.store.loading import COLUMNS, KINDS, Kind
from assistant.store.tables import Base
from ingest.records import ImportReport, load_records
from ingest.xlsx import read_workbook

TODAY = date(2023, 11, 15)
SCHOOL, OTHER = "粤/莞/一小", "粤/莞/二小"
WORLD: dict[Kind, list[list[Any]]] = {
    "units": [["粤", "province"], ["粤/莞", "city"], [SCHOOL, "school"], [OTHER, "school"]],
    "teachers": [
        [10001, "林晓", SCHOOL, "小学", "语文", date(2000, 8, 1), None],
        ["T2", "陈静", OTHER, "小学", "数学", date(2003, 8, 1), date(2023, 7, 31)],
    ],
    "credits": [
        ["R1", 10001, "课堂观察", "个人选修科目", "校级", 4.5, date(2023, 3, 6), "已审核", None],
        ["R2", 10001, "命题研修", "专业科目", "市教研室", 0.01, date(2023, 3, 7), "已驳回", "缺少结业证书"],
        ["R3", "T2", "公需课", "公需科目", "国家级", 12, date(2023, 3, 8), "待审核", None],
    ],
    "budgets": [[SCHOOL, 2023, 3200000, 345600.5, None, None], ["粤/莞", 2023, None, None, 186000000.05, 0]],
    "accounts": [["t1", "teacher", 10001, None, "LinXiao"], ["both", "school_admin", "T2", OTHER, None]],
}
CREDIT = WORLD["credits"][0]
Make = Callable[[Any, Any], None]


@pytest.fixture
def database(tmp_path: Path) -> Iterable[Database]:
    """A database that holds WORLD."""
    database = Database(f"sqlite:///{tmp_path}/state/xueshi.db")
    load_records(database, [write(tmp_path / "world" / f"{kind}.xlsx", kind) for kind in WORLD], TODAY)
    yield database
    database.close()


def write(path: Path, kind: Kind, rows: Any = None, make: Make | None = None, **options: Any) -> Path:
    """A workbook with the kind's columns and these rows (WORLD's); `make` gets the book and its sheet."""
    path.parent.mkdir(parents=True, exist_ok=True)
    book = xlsxwriter.Workbook(path, {"default_date_format": "yyyy-mm-dd", **options})
    sheet = book.add_worksheet()
    for number, row in enumerate([COLUMNS[kind], *(WORLD[kind] if rows is None else rows)]):
        sheet.write_row(number, 0, row)
    if make:
        make(book, sheet)
    book.close()
    return path


def stored(database: Database) -> dict[Kind, list[tuple[Any, ...]]]:
    with database.read() as connection:
        tables = {kind: [Base.metadata.tables[kind].columns[name] for name in COLUMNS[kind]] for kind in KINDS}
        return {kind: sorted(map(tuple, connection.execute(select(*table))), key=str) for kind, table in tables.items()}


def load(database: Database, *paths: Path) -> ImportReport:
    return load_records(database, paths, TODAY)


def refused(database: Database, *paths: Path) -> list[str]:
    before = stored(database)
    with pytest.raises(InputError) as caught:
        load(database, *paths)
    assert stored(database) == before
    assert all(problem.isprintable() and str(paths[0].parent) not in problem for problem in caught.value.problems)
    return caught.value.problems


def changed(path: Path, part: str, change: Callable[[str], str]) -> Path:
    """The workbook with one of its parts changed."""
    with ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts[part] = change(parts[part].decode()).encode()
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


SHEET = "xl/worksheets/sheet1.xml"


# What is read


def test_every_kind_is_loaded_exactly(database: Database) -> None:
    held = stored(database)
    assert held["teachers"][0] == ("10001", "林晓", SCHOOL, "小学", "语文", date(2000, 8, 1), None)
    assert held["teachers"][1][6] == date(2023, 7, 31)
    assert [row[5:7] for row in held["credits"]] == [
        (450, date(2023, 3, 6)),
        (1, date(2023, 3, 7)),
        (1200, date(2023, 3, 8)),
    ]
    assert (SCHOOL, 2023, 320000000, 34560050, None, None) in held["budgets"]
    assert ("粤/莞", 2023, None, None, 18600000005, 0) in held["budgets"]
    assert ("t1", "teacher", "10001", None, "LinXiao") in held["accounts"]


def test_the_same_as_csv_changes_nothing(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "credits.csv"
    rows = [",".join("" if cell is None else str(cell) for cell in row) for row in WORLD["credits"]]
    path.write_text("\n".join([",".join(COLUMNS["credits"]), *rows]))
    assert load(database, path).files[0].unchanged == 3


def test_the_suffix_tells_in_any_case(database: Database, tmp_path: Path) -> None:
    path = write(tmp_path / "c.xlsx", "credits").rename(tmp_path / "C.XLSX")
    assert load(database, path).files[0].unchanged == 3


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(hundredths=st.lists(st.integers(1, 99_999_999), min_size=1, max_size=50))
def test_hours_come_out_exact(tmp_path: Path, hundredths: list[int]) -> None:
    path = write(tmp_path / "h.xlsx", "credits", [[*CREDIT[:5], number / 100, *CREDIT[6:]] for number in hundredths])
    read = [row[5] for _, row in read_workbook(path, "h", [])][1:]
    assert read == [hours.show(number) for number in hundredths]


@pytest.mark.parametrize("value", [4.555, 0.305, 1e-7, 0, -2, True, "4，5"])
def test_hours_that_are_none(database: Database, tmp_path: Path, value: Any) -> None:
    path = write(tmp_path / "c.xlsx", "credits", [[*CREDIT[:5], value, *CREDIT[6:]]])
    (problem,) = refused(database, path)
    assert problem.startswith("c.xlsx 第 2 行「hours」（")
    assert not re.search("[0-9]E", problem)


def test_hours_that_a_sum_of_floats_left(database: Database, tmp_path: Path) -> None:
    path = changed(
        write(tmp_path / "c.xlsx", "credits"), SHEET, lambda text: text.replace("<v>4.5<", f"<v>{0.1 + 0.2}<")
    )
    assert refused(database, path)[0].startswith("c.xlsx 第 2 行「hours」（0.30000000000000004）：学时必须是数字")
    # The nearest float of 4.4, as spreadsheets write it.
    changed(path, SHEET, lambda text: text.replace(f"<v>{0.1 + 0.2}<", "<v>4.4000000000000004<"))
    assert load(database, path).files[0].updated == 1
    assert [row[5] for row in stored(database)["credits"]] == [440, 1, 1200]


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(number=st.decimals("-999999999.99", "999999999.99", places=2) | st.integers(-(10**15) + 1, 10**15 - 1))
def test_numbers_read_as_typed(tmp_path: Path, number: Decimal | int) -> None:
    path = write(tmp_path / "n.xlsx", "units", [[float(number), "x"]])
    ((_, (read, _)),) = list(read_workbook(path, "n", []))[1:]
    assert Decimal(read) == number
    assert "E" not in read


def test_a_number_that_the_spreadsheet_rounded_is_no_id(database: Database, tmp_path: Path) -> None:
    path = write(tmp_path / "c.xlsx", "credits", [[441900199001011234, *CREDIT[1:]]])
    (problem,) = refused(database, path)
    assert problem.startswith("c.xlsx 第 2 行「record_id」（4.41900199001011E+17）：是科学计数法")
    text = tmp_path / "c.csv"
    text.write_text(f"{','.join(COLUMNS['credits'])}\n4.419E+17,10001,课,公需科目,省级,1,2023-01-01,已审核,\n")
    assert "科学计数法" in refused(database, text)[0]


@pytest.mark.parametrize(
    "number_format",
    [14, 31, 57, "yyyy-mm-dd", 'yyyy"年"m"月"d"日"', "[$-804]yyyy/m/d;@", "d-mmm-yy"],
)
@pytest.mark.parametrize("from_1904", [False, True])
def test_dates_of_every_format(database: Database, tmp_path: Path, number_format: Any, from_1904: bool) -> None:
    def dated(book: Any, sheet: Any) -> None:
        sheet.write_datetime(1, 6, datetime(2023, 3, 6), book.add_format({"num_format": number_format}))

    path = write(tmp_path / "c.xlsx", "credits", [CREDIT], dated, date_1904=from_1904)
    assert load(database, path).files[0].unchanged == 1


@pytest.mark.parametrize(("value", "number_format"), [(45000.5, "yyyy-mm-dd"), (45000, "0.00"), (20, "yyyy-mm-dd")])
def test_no_date(database: Database, tmp_path: Path, value: float, number_format: str) -> None:
    def dated(book: Any, sheet: Any) -> None:
        sheet.write_number(1, 6, value, book.add_format({"num_format": number_format}))

    assert "日期应写成" in refused(database, write(tmp_path / "c.xlsx", "credits", [CREDIT], dated))[0]


def test_empty_rows_and_columns(database: Database, tmp_path: Path) -> None:
    def spread(book: Any, sheet: Any) -> None:
        grey = book.add_format({"bg_color": "#CCCCCC"})
        for number in range(30):
            sheet.write_blank(number, 12, None, grey)
        sheet.write_row(20, 0, ["粤/深", "city"])

    path = write(tmp_path / "u.xlsx", "units", [], spread)
    (file,) = load(database, path).files
    assert (file.rows, file.added, file.warnings) == (1, 1, [])

    def lower(_: Any, sheet: Any) -> None:
        sheet.write_row(2, 1, ["单位", "层级", "备注"])
        sheet.write_row(3, 1, ["粤/惠", "市"])

    book = xlsxwriter.Workbook(tmp_path / "l.xlsx")
    lower(book, book.add_worksheet())
    book.close()
    assert refused(database, tmp_path / "l.xlsx") == [
        "l.xlsx 第 4 行「层级」（市）：只能是：province、city、county、town、school。"
    ]


def test_what_is_hidden_is_told(database: Database, tmp_path: Path) -> None:
    def hide(book: Any, sheet: Any) -> None:
        sheet.set_row(1, None, None, {"hidden": True})
        sheet.set_column(8, 8, None, None, {"hidden": True})
        other = book.add_worksheet("选项")
        other.write(0, 0, "已审核")
        other.hide()

    (file,) = load(database, write(tmp_path / "c.xlsx", "credits", None, hide)).files
    assert file.unchanged == 3
    assert sorted(file.warnings) == [
        "工作表「选项」是隐藏的，已忽略。",
        "有 1 行是隐藏的，也已读入。",
        "第 9 列是隐藏的，也已读入。",
    ]


def test_the_one_sheet_that_holds_anything(database: Database, tmp_path: Path) -> None:
    def more(book: Any, _: Any) -> None:
        book.add_worksheet("空")

    assert load(database, write(tmp_path / "c.xlsx", "credits", None, more)).files[0].unchanged == 3

    def two(book: Any, _: Any) -> None:
        book.add_worksheet("说明").write(0, 0, "填表说明")

    assert refused(database, write(tmp_path / "c.xlsx", "credits", None, two)) == [
        "c.xlsx：有内容的工作表不止一个（「Sheet1」、「说明」），请只留一个，其余各存为一个文件。"
    ]


def test_rich_text_pronunciation_and_text_in_place(database: Database, tmp_path: Path) -> None:
    def rich(book: Any, sheet: Any) -> None:
        sheet.write_rich_string(1, 2, "课堂", book.add_format({"bold": True}), "观察")

    path = write(tmp_path / "c.xlsx", "credits", [CREDIT], rich)
    spoken = '<rPh sb="0" eb="1"><t>ke</t></rPh></si>'
    changed(path, "xl/sharedStrings.xml", lambda text: text.replace("</si>", spoken))
    assert load(database, path).files[0].unchanged == 1
    assert load(database, write(tmp_path / "i.xlsx", "credits", None, constant_memory=True)).files[0].unchanged == 3


def test_the_strict_dialect(database: Database, tmp_path: Path) -> None:
    strict = "http://purl.oclc.org/ooxml"
    path = write(tmp_path / "c.xlsx", "credits")
    with ZipFile(path) as archive:
        names = archive.namelist()
    for name in names:
        changed(
            path,
            name,
            lambda text: re.sub(
                "http://schemas.openxmlformats.org/(officeDocument|spreadsheetml)/2006", rf"{strict}/\1", text
            ),
        )
    assert load(database, path).files[0].unchanged == 3


# What is refused


@pytest.mark.parametrize("column", range(10))
def test_a_formula_anywhere(database: Database, tmp_path: Path, column: int) -> None:
    def computed(_: Any, sheet: Any) -> None:
        sheet.write(0, 9, "备注")
        sheet.write_formula(2, column, "=1+1", None, CREDIT[column] if column < 9 else "x")

    path = write(tmp_path / "c.xlsx", "credits", None, computed)
    (problem,) = refused(database, path)
    assert problem.startswith(f"c.xlsx 第 3 行「{[*COLUMNS['credits'], '备注'][column]}」（=1+1）：以“=”开头")


def test_formulas_of_every_form_and_every_row(database: Database, tmp_path: Path) -> None:
    def computed(_: Any, sheet: Any) -> None:
        sheet.write_array_formula("F2:F2", "{=A1:A2}", None, 4.5)
        sheet.write_formula("F4", "=2*6", None, 12)

    path = write(tmp_path / "c.xlsx", "credits", None, computed)
    assert len(refused(database, path)) == 2
    # A cell that shares another's formula says only so.
    shared = '<f t="shared" si="0"/><v>'
    changed(path, SHEET, lambda text: re.sub("<f[^>]*>[^<]*</f><v>", shared, text))
    assert [problem.partition("：")[0] for problem in refused(database, path)] == [
        "c.xlsx 第 2 行「hours」（=）",
        "c.xlsx 第 4 行「hours」（=）",
    ]


def test_a_formula_in_the_header(database: Database, tmp_path: Path) -> None:
    def computed(_: Any, sheet: Any) -> None:
        sheet.write_formula(0, 5, '="hours"', None, "hours")

    assert "第 1 行" in refused(database, write(tmp_path / "c.xlsx", "credits", None, computed))[0]


def test_text_that_begins_as_a_formula_does(database: Database, tmp_path: Path) -> None:
    path = write(tmp_path / "c.xlsx", "credits", [[*CREDIT[:2], "=课", *CREDIT[3:]]], strings_to_formulas=False)
    assert "公式" in refused(database, path)[0]


def test_a_value_that_is_an_error(database: Database, tmp_path: Path) -> None:
    path = write(tmp_path / "c.xlsx", "credits", [[*CREDIT[:2], "#N/A", *CREDIT[3:]]])
    assert "出错值" in refused(database, path)[0]


def test_merged_cells(database: Database, tmp_path: Path) -> None:
    def merge(_: Any, sheet: Any) -> None:
        sheet.merge_range("G2:G3", "2023-07-31")

    assert refused(database, write(tmp_path / "t.xlsx", "teachers", None, merge)) == [
        "t.xlsx G2:G3：合并了单元格，只有第一格有内容，请取消合并并逐格填写。"
    ]


def test_every_bad_row_of_every_file_is_listed(database: Database, tmp_path: Path) -> None:
    rows = [["R7", "T9", *CREDIT[2:5], -2, *CREDIT[6:]], CREDIT, CREDIT, [*CREDIT[:9], "多"]]
    one, two = write(tmp_path / "c.xlsx", "credits", rows), write(tmp_path / "u.xlsx", "units", [["粤/", "town"]])
    assert [problem.split("（")[0].split("：")[0] for problem in refused(database, one, two)] == [
        "c.xlsx 第 2 行「teacher_id」",
        "c.xlsx 第 2 行「hours」",
        "c.xlsx 第 4 行「record_id」",
        "c.xlsx 第 5 行",
        "u.xlsx 第 2 行「unit」",
    ]


def test_a_file_with_a_password(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "c.xlsx"
    path.write_bytes(bytes.fromhex("D0CF11E0A1B11AE1") + bytes(1000))
    assert refused(database, path) == ["c.xlsx：文件有密码，或是旧版 Excel 文件，请另存为没有密码的 xlsx。"]


def test_no_file(database: Database, tmp_path: Path) -> None:
    assert refused(database, tmp_path / "no.xlsx") == ["no.xlsx：文件不存在，请核对路径。"]
    (tmp_path / "folder.xlsx").mkdir()
    assert "无法读取" in refused(database, tmp_path / "folder.xlsx")[0]
    assert "为空" in refused(database, write_empty(tmp_path / "e.xlsx"))[0]


def write_empty(path: Path) -> Path:
    book = xlsxwriter.Workbook(path)
    book.add_worksheet()
    book.close()
    return path


def test_more_than_can_be_unpacked_is_refused_unread(database: Database, tmp_path: Path) -> None:
    path = write(tmp_path / "c.xlsx", "credits")
    with ZipFile(path, "a") as archive:
        archive.infolist()[0].file_size = 500_000_000
        archive.comment = b"written anew"
    assert refused(database, path) == ["c.xlsx：解压后超过 400 MB，请分成几个文件。"]


def test_a_listing_that_lies(database: Database, tmp_path: Path) -> None:
    path = write(tmp_path / "c.xlsx", "credits")
    with ZipFile(path, "a") as archive:
        archive.getinfo(SHEET).file_size = 300
        archive.comment = b"written anew"
    assert "已损坏" in refused(database, path)[0]


@pytest.mark.parametrize(
    ("part", "change"),
    [
        (SHEET, lambda text: text.replace('<row r="3"', '<row r="2"')),
        (SHEET, lambda text: text.replace('<row r="3"', '<row r="99999999999"')),
        (SHEET, lambda text: text.replace('r="B3"', 'r="A3"')),
        (SHEET, lambda text: text.replace('r="B3"', 'r="B7"')),
        (SHEET, lambda text: text.replace("<v>0</v>", "<v>-1</v>")),
        (SHEET, lambda text: text.replace("<v>0</v>", "<v>9999</v>")),
        (SHEET, lambda text: text.replace("<v>4.5</v>", "<v>nan</v>")),
        (SHEET, lambda text: text.replace("</sheetData>", "")),
        (SHEET, lambda text: text[: len(text) // 2]),
        (SHEET, lambda text: text.replace("?>", '?><!DOCTYPE worksheet [<!ENTITY a "b">]>', 1)),
        ("xl/workbook.xml", lambda text: text.replace("<sheets>", "<sheets><sheet/>")),
        ("_rels/.rels", lambda text: text.replace("officeDocument", "x")),
        ("[Content_Types].xml", None),
    ],
)
def test_a_damaged_file(database: Database, tmp_path: Path, part: str, change: Any) -> None:
    path = write(tmp_path / "c.xlsx", "credits")
    if change:
        changed(path, part, change)
    else:
        path.write_bytes(path.read_bytes()[:-100])
    assert "c.xlsx：文件已损坏，或不是 xlsx，请用 Excel 或 WPS 另存为 xlsx 后再导入。" in refused(database, path)


def test_no_entity_is_resolved(database: Database, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("课堂观察")
    kind = f'?><!DOCTYPE sst [<!ENTITY outer SYSTEM "{secret.as_uri()}">]>'
    path = write(tmp_path / "c.xlsx", "credits", [CREDIT])
    changed(path, "xl/sharedStrings.xml", lambda text: text.replace("?>", kind, 1).replace(">课堂观察<", ">&outer;<"))
    assert "已损坏" in refused(database, path)[0]


def test_a_cell_far_out(database: Database, tmp_path: Path) -> None:
    def far(_: Any, sheet: Any) -> None:
        sheet.write(1, 16_000, "x")

    assert "超出第 256 列" in refused(database, write(tmp_path / "c.xlsx", "credits", None, far))[0]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=300), place=st.integers(0, 6000), inside=st.booleans())
def test_any_damage_is_one_clear_line(tmp_path: Path, content: bytes, place: int, inside: bool) -> None:
    path = write(tmp_path / "d.xlsx", "credits")
    if inside:
        changed(path, SHEET, lambda text: text[:place] + content.decode("latin-1") + text[place + len(content) :])
    else:
        whole = io.BytesIO(path.read_bytes())
        whole.seek(min(place, len(whole.getvalue())))
        whole.write(content)
        path.write_bytes(whole.getvalue())
    problems: list[str] = []
    try:
        list(read_workbook(path, "d.xlsx", []))
    except InputError as error:
        problems = error.problems
    assert all(problem.startswith("d.xlsx") for problem in problems)
