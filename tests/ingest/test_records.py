"""Record files into a database: what is loaded, what is refused, and that a refusal leaves nothing behind."""

import csv
import io
import json
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from assistant.errors import InputError, Unavailable
from assistant.store.database import Database
from assistant.store.loading import COLUMNS, KINDS, Kind, Stored
from assistant.store.tables import Base
from ingest.records import FileReport, ImportReport, load_records
from ingest.table import CHINESE

TODAY = date(2023, 11, 15)
SAMPLE = Path(__file__).parents[2] / "evals" / "sample"
TOWN, SCHOOL, OTHER = "粤/莞/莞城", "粤/莞/莞城/一小", "粤/莞/莞城/二小"

# A small world in which everything is in order. Row 2 is the first of every list.
WORLD: dict[Kind, list[list[str]]] = {
    "units": [["粤", "province"], ["粤/莞", "city"], [TOWN, "town"], [SCHOOL, "school"], [OTHER, "school"]],
    "teachers": [
        ["T1", "林晓", SCHOOL, "小学", "语文", "2000-08-01", ""],
        ["T2", "陈静", OTHER, "小学", "数学", "2003-08-01", "2023-07-31"],
    ],
    "credits": [
        ["R1", "T1", "课堂观察", "个人选修科目", "校级", "4.5", "2023-03-06", "已审核", ""],
        ["R2", "T1", "命题研修", "专业科目", "市教研室", "0.01", "2023-03-07", "已驳回", "缺少结业证书"],
        ["R3", "T2", "公需课", "公需科目", "国家级", "12", "2023-03-08", "待审核", ""],
    ],
    "budgets": [[SCHOOL, "2023", "3200000", "345600.5", "", ""], [TOWN, "2023", "", "", "186000000.05", "0"]],
    "accounts": [
        ["t1", "teacher", "T1", "", "LinXiao"],
        ["both", "school_admin", "T2", OTHER, ""],
        ["town", "town_admin", "", TOWN, ""],
    ],
}


@pytest.fixture
def database(tmp_path: Path) -> Iterable[Database]:
    database = Database(f"sqlite:///{tmp_path}/state/xueshi.db")
    yield database
    database.close()


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a database that holds WORLD."""
    folder = tmp_path_factory.mktemp("template")
    database = Database(f"sqlite:///{folder}/xueshi.db")
    load_records(database, write_world(folder), TODAY)
    database.close()
    return folder / "xueshi.db"


@pytest.fixture
def loaded(template: Path, tmp_path: Path) -> Iterable[Database]:
    """A database of one's own that holds WORLD."""
    shutil.copy(template, tmp_path / "xueshi.db")
    database = Database(f"sqlite:///{tmp_path}/xueshi.db")
    yield database
    database.close()


@pytest.fixture(scope="module")
def shared(template: Path) -> Iterable[Database]:
    """A database that holds WORLD, for what must not change it."""
    database = Database(f"sqlite:///{template}")
    yield database
    database.close()


def write(path: Path, rows: Iterable[Sequence[str]], encoding: str = "utf-8") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    path.write_bytes(text.getvalue().encode(encoding))
    return path


def write_kind(folder: Path, kind: Kind, rows: Iterable[Sequence[str]] | None = None) -> Path:
    return write(folder / f"{kind}.csv", [COLUMNS[kind], *(WORLD[kind] if rows is None else rows)])


def write_world(folder: Path) -> list[Path]:
    return [write_kind(folder, kind) for kind in WORLD]


def dump(database: Database) -> dict[Kind, list[tuple[Any, ...]]]:
    with database.read() as connection:
        tables = {kind: [Base.metadata.tables[kind].columns[name] for name in COLUMNS[kind]] for kind in KINDS}
        return {kind: sorted(map(tuple, connection.execute(select(*table))), key=str) for kind, table in tables.items()}


def counts(report: ImportReport) -> dict[Kind, tuple[int, int, int]]:
    return {file.kind: (file.added, file.updated, file.unchanged) for file in report.files}


def refused(database: Database, files: Sequence[Path]) -> list[str]:
    """The problems of an import that must be refused; nothing of it may be stored."""
    before = dump(database)
    with pytest.raises(InputError) as caught:
        load_records(database, files, TODAY)
    assert dump(database) == before
    assert all("\n" not in problem for problem in caught.value.problems)
    return caught.value.problems


# What is loaded


def test_the_sample_loads_and_a_second_time_changes_nothing(database: Database) -> None:
    files = sorted(SAMPLE.glob("*.csv"))
    rows = {path.stem: len(path.read_text().splitlines()) - 1 for path in files}
    first = load_records(database, files, TODAY)
    assert [file.file for file in first.files] == [path.name for path in files]
    assert counts(first) == {kind: (count, 0, 0) for kind, count in rows.items()}
    assert {file.kind: file.rows for file in first.files} == rows
    assert not any(file.warnings for file in first.files)
    held = dump(database)
    assert {kind: len(held[kind]) for kind in held} == rows
    assert counts(load_records(database, files, TODAY)) == {kind: (0, 0, count) for kind, count in rows.items()}
    assert dump(database) == held


def test_values_are_exact(loaded: Database) -> None:
    held = dump(loaded)
    assert [row[5] for row in held["credits"]] == [450, 1, 1200]
    assert held["credits"][1][6:] == (date(2023, 3, 7), "已驳回", "缺少结业证书")
    assert held["credits"][0][8] is None
    assert (SCHOOL, 2023, 320000000, 34560050, None, None) in held["budgets"]
    assert (TOWN, 2023, None, None, 18600000005, 0) in held["budgets"]
    assert held["teachers"][1] == ("T2", "陈静", OTHER, "小学", "数学", date(2003, 8, 1), date(2023, 7, 31))
    assert ("town", "town_admin", None, TOWN, None) in held["accounts"]


def test_hundredths_add_up(loaded: Database, tmp_path: Path) -> None:
    texts = ["0.01", "0.1", "0.10", "1.29", "2.3", "33.33", "999999.99"]
    rows = [
        [f"H{place}", "T1", "课", "公需科目", "省级", text, "2023-01-01", "已审核", ""]
        for place, text in enumerate(texts)
    ]
    load_records(loaded, [write_kind(tmp_path, "credits", rows)], TODAY)
    stored = [row[5] for row in dump(loaded)["credits"] if row[0].startswith("H")]
    assert stored == [1, 10, 10, 129, 230, 3333, 99999999]


def test_a_report_is_plain_json(database: Database, tmp_path: Path) -> None:
    report = load_records(database, write_world(tmp_path), TODAY)
    numbers = {"rows": 5, "added": 5, "updated": 0, "unchanged": 0, "moved": 0, "left": 0}
    first = {"file": "units.csv", "kind": "units", **numbers, "warnings": []}
    told = json.loads(report.model_dump_json())
    assert told["files"][0] == first == FileReport(**first).model_dump()
    assert told["import_id"] == report.import_id == 1


def test_updates_are_told_from_additions_and_the_rest(loaded: Database, tmp_path: Path) -> None:
    first, second, third = WORLD["credits"]
    changed = [first, [*second[:7], "已审核", ""], third, ["R4", *first[1:]]]
    budgets = [[SCHOOL, "2023", "3200000.00", "345600.5", "", ""], [TOWN, "2022", "", "", "1", "1"]]
    files = [write_kind(tmp_path, "credits", changed), write_kind(tmp_path, "budgets", budgets)]
    assert counts(load_records(loaded, files, TODAY)) == {"credits": (1, 1, 2), "budgets": (1, 0, 1)}
    held = dump(loaded)
    assert held["credits"][1][7:] == ("已审核", None)
    assert len(held["credits"]) == 4
    assert len(held["budgets"]) == 3


def test_a_file_without_an_optional_column_says_that_it_is_empty(loaded: Database, tmp_path: Path) -> None:
    rows = [row[:6] for row in WORLD["teachers"]]
    path = write(tmp_path / "t.csv", [COLUMNS["teachers"][:6], *rows])
    assert counts(load_records(loaded, [path], TODAY)) == {"teachers": (0, 1, 1)}
    admins = write(tmp_path / "a.csv", [["account", "role", "unit"], ["new", "city_admin", "粤/莞"]])
    teachers = write(tmp_path / "b.csv", [["role", "teacher_id", "account"], ["teacher", "T2", "t2"]])
    report = load_records(loaded, [admins, teachers], TODAY)
    assert [(file.kind, file.added) for file in report.files] == [("accounts", 1), ("accounts", 1)]


def test_files_in_any_order_and_under_any_name(database: Database, tmp_path: Path) -> None:
    files = write_world(tmp_path)
    for seed in range(3):
        random.Random(seed).shuffle(files)
        database = Database(f"sqlite:///{tmp_path}/{seed}.db")
        names = [path.rename(tmp_path / f"{seed}-{place}.txt") for place, path in enumerate(files)]
        report = load_records(database, names, TODAY)
        assert [file.file for file in report.files] == [path.name for path in names]
        assert counts(report) == {kind: (len(rows), 0, 0) for kind, rows in WORLD.items()}
        database.close()
        files = names


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("chinese", [True, False])
def test_encodings_and_chinese_headers(database: Database, tmp_path: Path, encoding: str, chinese: bool) -> None:
    files = []
    for kind, rows in WORLD.items():
        header = [CHINESE.get(name, name) if chinese else name for name in COLUMNS[kind]]
        files.append(write(tmp_path / f"{kind}.csv", [header, *rows], encoding))
    assert counts(load_records(database, files, TODAY)) == {kind: (len(rows), 0, 0) for kind, rows in WORLD.items()}
    assert dump(database)["teachers"][0][1] == "林晓"


def test_columns_in_any_order_white_space_and_empty_rows(loaded: Database, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes('level ,"unit"\r\n\r\n school, 粤/莞/莞城/三小　\r\n,\r\ntown,粤/莞/虎门\r\n'.encode())
    report = load_records(loaded, [path], TODAY)
    assert (report.files[0].kind, report.files[0].rows) == ("units", 2)
    assert {("粤/莞/莞城/三小", "school"), ("粤/莞/虎门", "town")} <= set(dump(loaded)["units"])


def test_dates_with_slashes(loaded: Database, tmp_path: Path) -> None:
    path = write_kind(tmp_path, "credits", [[*WORLD["credits"][0][:6], "2023/3/6", "已审核", ""]])
    assert counts(load_records(loaded, [path], TODAY)) == {"credits": (0, 0, 1)}


def test_today_is_not_the_future(loaded: Database, tmp_path: Path) -> None:
    path = write_kind(tmp_path, "credits", [[*WORLD["credits"][0][:6], "2023-11-15", "已审核", ""]])
    assert counts(load_records(loaded, [path], TODAY)) == {"credits": (0, 1, 0)}


def test_unknown_and_nameless_columns_are_warned_of(loaded: Database, tmp_path: Path) -> None:
    path = write(tmp_path / "u.csv", [["unit", "备注", "level", ""], ["粤/莞/虎门", "新", "town", ""]])
    report = load_records(loaded, [path], TODAY)
    assert report.files[0].warnings == ["不认识的列「备注」，已忽略。", "第 4 列没有列名，已忽略。"]
    assert report.files[0].added == 1


def test_the_kind_is_that_of_most_columns(loaded: Database, tmp_path: Path) -> None:
    # With its two extra columns this file also has all that units need.
    rows = [[*row, "school", "x"] for row in WORLD["teachers"]]
    report = load_records(loaded, [write(tmp_path / "t.csv", [[*COLUMNS["teachers"], "level", "y"], *rows])], TODAY)
    assert (report.files[0].kind, report.files[0].unchanged, len(report.files[0].warnings)) == ("teachers", 2, 2)


def test_a_header_alone_is_warned_of(loaded: Database, tmp_path: Path) -> None:
    report = load_records(loaded, [write_kind(tmp_path, "units", [])], TODAY)
    assert (report.files[0].rows, report.files[0].warnings) == (0, ["没有数据行。"])


def test_two_files_of_one_kind_and_one_name(database: Database, tmp_path: Path) -> None:
    one = write_kind(tmp_path / "one", "units", WORLD["units"][:2])
    two = write_kind(tmp_path / "two", "units", WORLD["units"][2:])
    report = load_records(database, [two, one], TODAY)
    assert [(file.file, file.added) for file in report.files] == [(str(two), 3), (str(one), 2)]


def test_a_dry_run_reports_the_same_and_writes_nothing(database: Database, tmp_path: Path) -> None:
    files = write_world(tmp_path)
    before = dump(database)
    dry = load_records(database, files, TODAY, dry_run=True)
    assert dump(database) == before
    assert dry.import_id is None
    assert load_records(database, files, TODAY).files == dry.files
    held = dump(database)
    changed = [write_kind(tmp_path, "credits", [[*row[:3], "公需科目", *row[4:]] for row in WORLD["credits"]])]
    assert counts(load_records(database, changed, TODAY, dry_run=True)) == {"credits": (0, 2, 1)}
    assert dump(database) == held
    with pytest.raises(InputError):
        load_records(database, [write_kind(tmp_path, "units", [["粤", "x"]])], TODAY, dry_run=True)


def test_rows_by_the_thousand_with_progress(loaded: Database, tmp_path: Path) -> None:
    first = WORLD["credits"][0]
    path = write_kind(tmp_path, "credits", [[f"N{number}", *first[1:]] for number in range(1201)])
    told: list[int] = []
    assert counts(load_records(loaded, [path], TODAY, progress=told.append)) == {"credits": (1201, 0, 0)}
    assert told == sorted(told)
    assert told[-1] == 1201
    rows = [[f"N{number}", *first[1:5], "5" if number % 3 else "4.5", *first[6:]] for number in range(1300)]
    write_kind(tmp_path, "credits", rows)
    assert counts(load_records(loaded, [path], TODAY)) == {"credits": (99, 800, 401)}


def test_what_the_database_refuses_is_told_as_that_and_loads_nothing(database: Database) -> None:
    row = ("广东省", "province")
    with pytest.raises(Unavailable), database.write() as connection:
        Stored(connection, write=True).put("units", [row, row])
    with database.read() as connection:
        assert Stored(connection, write=False).is_empty("units")


def test_an_error_of_the_caller_loads_nothing(database: Database, tmp_path: Path) -> None:
    def stop(done: int) -> None:
        if done > 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load_records(database, write_world(tmp_path), TODAY, progress=stop)
    assert not any(dump(database).values())


# What is refused: kind, column, bad value, a part of what is said about it. The bad cell stands in row 2.

_CREDIT_DAY, _AMOUNTS = "completed_on", ("public_funds", "training_spend", "payroll", "training_appropriation")
LONGEST: Sequence[tuple[Kind, str, int]] = [
    ("units", "unit", 300),
    ("teachers", "teacher_id", 100),
    ("teachers", "name", 100),
    ("teachers", "unit", 300),
    ("teachers", "stage", 100),
    ("teachers", "subject", 100),
    ("credits", "record_id", 100),
    ("credits", "teacher_id", 100),
    ("budgets", "unit", 300),
    ("accounts", "account", 100),
    ("accounts", "unit", 300),
    ("accounts", "wecom_userid", 100),
]
BAD_CELLS: Sequence[tuple[Kind, str, str, str]] = [
    *[("credits", "hours", value, "学时必须大于 0") for value in ("-2", "0", "0.00", "-0.5")],
    *[
        ("credits", "hours", value, "最多两位小数")
        for value in ("abc", "4.555", "1e3", "4,5", "4学时", "NaN", "+4", ".5")
    ],
    *[(kind, COLUMNS[kind][0], "", "不能为空") for kind in WORLD],
    *[("credits", name, "", "不能为空") for name in COLUMNS["credits"][1:8]],
    *[("teachers", name, "", "不能为空") for name in COLUMNS["teachers"][1:6]],
    ("budgets", "year", "", "不能为空"),
    ("accounts", "role", "", "不能为空"),
    ("units", "level", "School", "只能是：province"),
    ("credits", "category", "公需", "只能是：公需科目"),
    ("credits", "organiser", "区级", "只能是：国家级"),
    ("credits", "status", "通过", "只能是：已审核"),
    ("accounts", "role", "root", "只能是：teacher"),
    *[("credits", _CREDIT_DAY, value, "没有这一天") for value in ("2023-02-29", "2023/13/1", "0000-01-01")],
    *[("credits", _CREDIT_DAY, value, "日期应写成") for value in ("2023.3.6", "2023-3-6", "45000", "3月6日", "23/3/6")],
    ("credits", _CREDIT_DAY, "2023-11-16", "在今天（2023-11-15）之后"),
    ("credits", _CREDIT_DAY, "1969-12-31", "早于 1970-01-01"),
    ("teachers", "employed_from", "2024/1/1", "之后"),
    ("teachers", "employed_from", "0203-08-01", "早于"),
    ("teachers", "employed_to", "1999-12-31", "不能早于入职日期（2000-08-01）"),
    ("teachers", "employed_to", "x", "日期应写成"),
    ("teachers", "unit", "粤/没有", "没有这个单位"),
    ("teachers", "unit", TOWN, "必须是学校"),
    ("credits", "teacher_id", "T9", "没有这个教师"),
    ("accounts", "teacher_id", "T9", "没有这个教师"),
    ("accounts", "unit", "粤/没有", "没有这个单位"),
    ("budgets", "unit", "粤/没有", "没有这个单位"),
    ("accounts", "teacher_id", "", "必须填写教师编号"),
    ("accounts", "role", "city_admin", "必须填写单位"),
    *[("budgets", name, "-1", "不能小于 0") for name in _AMOUNTS],
    *[("budgets", name, value, "最多两位小数") for name in _AMOUNTS for value in ("1.005", "3,200", "一万", "1" * 16)],
    *[("budgets", "year", value, "年度应是") for value in ("1969", "2025", "23", "2023.0", "二〇二三")],
    *[("units", "unit", value, "路径") for value in ("/粤", "粤/", "粤//莞", "粤/ /莞", "粤 /莞", "/")],
    *[(kind, name, "=1+1", "公式") for kind in WORLD for name in COLUMNS[kind]],
    *[(kind, name, "甲\x00乙", "控制字符") for kind in WORLD for name in COLUMNS[kind]],
    *[("credits", "title", f"甲{char}乙", "控制字符") for char in "\n\r\t\x1b\x7f\x85\x9f\u200b\u202e\ufeff"],
    ("credits", "title", "题" * 301, "300"),
    *[(kind, name, "长" * (longest + 1), f"最多 {longest} 个") for kind, name, longest in LONGEST],
]


def _as_said(value: str) -> str:
    value = value if len(value) <= 40 else value[:40] + "…"
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in value) or "空"


@pytest.mark.parametrize(("kind", "column", "value", "says"), BAD_CELLS)
def test_a_bad_cell(shared: Database, tmp_path: Path, kind: Kind, column: str, value: str, says: str) -> None:
    place = COLUMNS[kind].index(column)
    row = list(WORLD[kind][0])
    row[place] = value
    # A new row in order: it isn't loaded either.
    fine = [TOWN, "2021", "", "", "", ""] if kind == "budgets" else ["新", *WORLD[kind][0][1:]]
    problems = refused(shared, [write_kind(tmp_path, kind, [row, fine])])
    if (column, value) == ("role", "city_admin"):  # the cell at fault is the empty one
        column, value = "unit", ""
    assert len(problems) == 1
    assert problems[0].startswith(f"{kind}.csv 第 2 行「{column}」（{_as_said(value)}）：")
    assert says in problems[0]


def test_the_example_word_for_word(loaded: Database, tmp_path: Path) -> None:
    rows = [[*row[:5], "-2", *row[6:]] if row[0] == "R2" else row for row in WORLD["credits"]]
    path = write(tmp_path / "credits.csv", [[CHINESE[name] for name in COLUMNS["credits"]], *rows])
    assert refused(loaded, [path]) == ["credits.csv 第 3 行「学时」（-2）：学时必须大于 0。"]


def test_every_bad_row_of_every_file_is_listed(loaded: Database, tmp_path: Path) -> None:
    first = WORLD["credits"][0]
    rows = [
        first,
        ["R7", "T9", *first[2:5], "-2", *first[6:]],
        ["R8", *first[1:6], "2024-01-01", "好", ""],
        ["R8", *first[1:]],
        first[:5],
        ["R9", *first[1:]],
    ]
    files = [
        write_kind(tmp_path, "credits", rows),
        write_kind(tmp_path, "units", [["粤/", "town"], ["粤", "x"]]),
        write(tmp_path / "empty.csv", []),
        tmp_path / "missing.csv",
    ]
    where = [line.split("（")[0].split("：")[0] for line in refused(loaded, files)]
    # What is unknown is not judged while a file of the call can't be read: it may stand there.
    assert where == [
        "credits.csv 第 3 行「hours」",
        "credits.csv 第 4 行「completed_on」",
        "credits.csv 第 4 行「status」",
        "credits.csv 第 5 行「record_id」",
        "credits.csv 第 6 行",
        "units.csv 第 2 行「unit」",
        "units.csv 第 3 行「level」",
        "empty.csv",
        "missing.csv",
    ]
    assert "T9" in refused(loaded, files[:2])[0]


def test_what_a_bad_row_names_is_not_unknown(database: Database, tmp_path: Path) -> None:
    rows = [[*WORLD["teachers"][0][:5], "昨天", ""], WORLD["teachers"][1]]
    write_world(tmp_path)
    write_kind(tmp_path, "teachers", rows)
    assert len(refused(database, sorted(tmp_path.glob("*.csv")))) == 1


def test_keys_given_twice(loaded: Database, tmp_path: Path) -> None:
    first = WORLD["credits"][0]
    one = write(tmp_path / "one.csv", [COLUMNS["credits"], first, first, ["R5", *first[1:]]])
    two = write(tmp_path / "two.csv", [COLUMNS["credits"], ["R6", *first[1:]], ["R5", *first[1:]]])
    problems = refused(loaded, [one, two])
    assert problems[0].startswith("one.csv 第 3 行「record_id」（R1）：与第 2 行重复")
    assert problems[1].startswith("two.csv 第 3 行「record_id」（R5）：与 one.csv 第 4 行重复")
    assert len(problems) == 2
    budgets = write_kind(
        tmp_path, "budgets", [WORLD["budgets"][0], [SCHOOL, "2022", *"1234"], [SCHOOL, "2022", *"1234"]]
    )
    assert refused(loaded, [budgets]) == [
        f"budgets.csv 第 4 行「unit、year」（{SCHOOL}、2022）：与第 3 行重复，同一项只能出现一次，请删去其一。"
    ]
    assert refused(loaded, [budgets, tmp_path / "x" / ".." / "budgets.csv"]) == [
        "同一个文件给出了不止一次，请只给一次。"
    ]


def test_rows_far_apart(loaded: Database, tmp_path: Path) -> None:
    """Rows are checked and put some thousands at a time; what is wrong is found across them, and told every time."""
    first, last = WORLD["credits"][0], 20_000
    rows = [[f"N{number}", "T2", f"课{number}", *first[3:]] for number in range(last)]
    rows[0][1] = rows[-1][1] = "T1"
    rows[0][2] = rows[-1][2] = "同一门课"
    path = write_kind(tmp_path, "credits", rows)
    [report] = load_records(loaded, [path], TODAY).files
    assert (report.added, report.unchanged) == (last, 0)
    assert report.warnings == [
        "教师、项目名称、完成日期、学时都相同而编号不同，可能是重复的记录，已照常导入：N0 与 N19999。"
    ]
    held = {row[0]: row for row in dump(loaded)["credits"]}
    assert [held[f"N{number}"][1:3] for number in (0, 1, 12_345)] == [
        ("T1", "同一门课"),
        ("T2", "课1"),
        ("T2", "课12345"),
    ]
    for number in (1, last - 1):
        rows[number] = ["N0", *rows[number][1:5], " -2", *rows[number][6:]]
    rows[10_000] = rows[10_000][:4]
    rows[2][1] = rows[-2][1] = "T9"
    problems = refused(loaded, [write_kind(tmp_path, "credits", rows)])
    assert [line.split("：")[0] for line in problems] == [
        "credits.csv 第 3 行「record_id」（N0）",
        "credits.csv 第 3 行「hours」（-2）",
        "credits.csv 第 4 行「teacher_id」（T9）",
        "credits.csv 第 10002 行",
        "credits.csv 第 20000 行「teacher_id」（T9）",
        "credits.csv 第 20001 行「record_id」（N0）",
        "credits.csv 第 20001 行「hours」（-2）",
    ]


def test_a_formula_in_a_column_that_nobody_reads(loaded: Database, tmp_path: Path) -> None:
    path = write(tmp_path / "u.csv", [["unit", "level", "备注"], ["粤/深", "city", " =HYPERLINK(1)"]])
    assert refused(loaded, [path]) == [
        "u.csv 第 2 行「备注」（=HYPERLINK(1)）：以“=”开头，像是公式，请改填公式算出的值。"
    ]


def test_a_school_with_teachers_stays_one(loaded: Database, tmp_path: Path) -> None:
    town = write_kind(tmp_path, "units", [[OTHER, "town"]])
    assert "已有教师属于" in refused(loaded, [town])[0]
    moved = write_kind(tmp_path, "teachers", [["T2", "陈静", SCHOOL, "小学", "数学", "2003-08-01", ""]])
    assert counts(load_records(loaded, [moved, town], TODAY)) == {"units": (0, 1, 0), "teachers": (0, 1, 0)}
    # The level that the call gives holds, not the one that was stored.
    assert "必须是学校" in refused(loaded, [town, write_kind(tmp_path, "teachers")])[0]


_UNITS = b"unit,level\r\n"
BAD_FILES = [
    (b"", "a.csv：文件为空"),
    (b"\xef\xbb\xbf", "a.csv：文件为空"),
    (b"\r\n,\r\n", "a.csv：文件为空"),
    (b"\xff\xfeu\x00n\x00i\x00t\x00", "a.csv：编码既不是 UTF-8 也不是 GB18030"),
    (_UNITS + "粤/坏".encode() + b"\xff,city", "a.csv：编码既不是 UTF-8 也不是 GB18030"),
    (b"unit\r\n", "a.csv 第 1 行：从列名看不出是哪种表"),
    (b"unit;level\r\n", "a.csv 第 1 行：从列名看不出是哪种表"),
    ("记录编号,学时,教师编号".encode(), "a.csv 第 1 行：credits 表缺少列「title」（项目名称）"),
    ("level,单　位".encode(), "a.csv 第 1 行：units 表缺少列「unit」（单位），不认识的列：单\\u3000位"),
    (b"unit,level,unit\r\n", "a.csv 第 1 行「unit、unit」：同一列出现了不止一次"),
    ("unit,level,单位\r\n".encode(), "a.csv 第 1 行「unit、单位」：同一列出现了不止一次"),
    (b"unit,level,=1\r\n", "a.csv 第 1 行「=1」：以“=”开头"),
    (b'unit,level,"a\x00b"\r\n', "a.csv 第 1 行「a\\x00b」：含有"),
    (b'"unit"x,level\r\n', "a.csv 第 1 行：双引号没有成对"),
    (_UNITS + b'a,city\r\n\r\n"b"x,city\r\n', "a.csv 第 4 行：双引号没有成对"),
    (_UNITS + b'a,city\r\n"b,city\r\nc,city\r\n', "a.csv 第 3 行：双引号没有成对"),
    (_UNITS + b'"' + b"b\n" * 100_000, "a.csv 第 2 行：单元格过长"),
    (_UNITS + b"a,city\r\nb\r\n", "a.csv 第 3 行：有 1 个单元格，应与列名一样是 2 个"),
    (_UNITS + b"a,city,\r\n", "a.csv 第 2 行：有 3 个单元格，应与列名一样是 2 个"),
]


@pytest.mark.parametrize(("content", "says"), BAD_FILES)
def test_a_bad_file(shared: Database, tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    assert refused(shared, [write_kind(tmp_path, "teachers"), path])[0].startswith(says)


def test_a_file_that_is_none(loaded: Database, tmp_path: Path) -> None:
    problems = refused(loaded, [tmp_path / "no.csv", tmp_path])
    assert problems[0] == "no.csv：文件不存在，请核对路径。"
    assert problems[1].startswith(f"{tmp_path.name}：无法读取")


# Any text in any cell, and any bytes for a file


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> tuple[Database, Path]:
    folder = tmp_path_factory.mktemp("scratch")
    database = Database(f"sqlite:///{folder}/xueshi.db")
    load_records(database, write_world(folder), TODAY)
    return database, folder


_PLACES = [(kind, place) for kind in KINDS for place in range(len(COLUMNS[kind]))]
_LIKELY = "=-+/.,\"'\n\r\t\x00\u3000\ufeff0123456789粤莞Tt"
_anything = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def _loads_or_is_refused(database: Database, path: Path) -> None:
    before = dump(database)
    refusal: InputError | None = None
    try:
        (file,) = load_records(database, [path], TODAY).files
    except InputError as error:
        refusal = error
    after = dump(database)
    if refusal:
        assert refusal.problems
        assert all(problem.isprintable() for problem in refusal.problems)
        assert after == before
    else:
        assert file.rows == file.added + file.updated + file.unchanged
        assert sum(map(len, after.values())) == sum(map(len, before.values())) + file.added


@_anything
@given(place=st.sampled_from(_PLACES), text=st.text() | st.text(_LIKELY, max_size=12))
def test_any_text_in_any_cell(scratch: tuple[Database, Path], place: tuple[Kind, int], text: str) -> None:
    database, folder = scratch
    kind, column = place
    row = list(WORLD[kind][0])
    row[column] = text
    _loads_or_is_refused(database, write_kind(folder, kind, [row, WORLD[kind][1]]))


@_anything
@given(content=st.binary() | st.binary(max_size=60).map(lambda tail: _UNITS + tail))
def test_any_bytes(scratch: tuple[Database, Path], content: bytes) -> None:
    database, folder = scratch
    path = folder / "any.csv"
    path.write_bytes(content)
    _loads_or_is_refused(database, path)


@_anything
@given(header=st.lists(st.sampled_from([*CHINESE, *CHINESE.values(), ""]) | st.text(max_size=5), max_size=9))
def test_any_header(scratch: tuple[Database, Path], header: list[str]) -> None:
    database, folder = scratch
    _loads_or_is_refused(database, write(folder / "any.csv", [header, ["1"] * len(header)]))


# A kill

_KILLED = """
import os, signal, sys
from datetime import date
from pathlib import Path
from assistant.store.database import Database
from ingest.records import load_records

def stop(done):
    if done > 12_000:
        os.kill(os.getpid(), signal.SIGKILL)

load_records(Database(sys.argv[1]), [Path(name) for name in sys.argv[2:]], date(2023, 11, 15), progress=stop)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL here")
def test_killed_in_the_middle_and_run_again(tmp_path: Path) -> None:
    first = WORLD["credits"][0]
    files = write_world(tmp_path)
    write_kind(tmp_path, "credits", [[f"K{number}", *first[1:]] for number in range(20_000)])
    address = f"sqlite:///{tmp_path}/state/xueshi.db"
    killed = subprocess.run(
        [sys.executable, "-c", _KILLED, address, *map(str, files)], cwd=SAMPLE.parents[1], capture_output=True
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    database = Database(address)
    assert not any(dump(database).values())
    assert counts(load_records(database, files, TODAY))["credits"] == (20_000, 0, 0)
    assert len(dump(database)["credits"]) == 20_000
    database.close()


def test_a_member_of_wecom_has_one_account(loaded: Database, tmp_path: Path) -> None:
    """Whatever the case; an account that is given again, or gives its member away, is no second one."""
    teacher = WORLD["accounts"][0][2]
    first, second = ["n1", "teacher", teacher, "", "NewMember"], ["n2", "teacher", teacher, "", "newmember"]
    [line] = refused(loaded, [write_kind(tmp_path, "accounts", [first, second])])
    assert "第 3 行" in line
    assert "wecom_userid" in line
    load_records(loaded, [write_kind(tmp_path, "accounts", [first])], TODAY)
    [line] = refused(loaded, [write_kind(tmp_path, "accounts", [second])])
    assert "newmember" in line
    load_records(loaded, [write_kind(tmp_path, "accounts", [[*first[:4], ""], second])], TODAY)
    load_records(loaded, [write_kind(tmp_path, "accounts", [second])], TODAY)
