"""Compliance: rows that add up, figures that are the teachers' own, data that is missing, and whose it is to see."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import update

from api.exports import as_csv, as_xlsx
from assistant.bootstrap import Installation, install
from assistant.compliance import Report, Row, compliance, verify
from assistant.errors import NotFound
from assistant.identity import Level
from assistant.rules.find import territories
from assistant.settings import Settings
from assistant.store import people, policies
from assistant.store.population import of
from assistant.store.standings import differing
from assistant.store.tables import Standing
from ingest.policies import ingest_policies
from ingest.records import load_records
from tests.conftest import TODAY, settings_at

CITY = "广东省/东莞市"
TOWN = f"{CITY}/莞城街道"
SCHOOL = f"{TOWN}/莞城中心小学"
LEVELS: list[Level] = ["teacher", "school", "town", "county", "city"]


def report(installation: Installation, unit: str = CITY, level: Level = "school", year: int = 2023) -> Report:
    return compliance(installation.database, unit, year, level, TODAY)


def number(said: str | None) -> Decimal:
    return Decimal(said or 0)


def add_up(rows: list[Row], totals: Row) -> None:
    for name in ("teachers", "met", "short", "no_records"):
        assert sum(getattr(row, name) or 0 for row in rows) == (getattr(totals, name) or 0)
    assert sum(number(row.remaining) for row in rows) == number(totals.remaining)
    for category, short in totals.shortfall.items():
        assert sum(number(row.shortfall.get(category)) for row in rows) == number(short)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("unit", ["广东省", CITY, TOWN, SCHOOL])
def test_rows_add_up_to_the_totals(installation: Installation, unit: str, level: Level) -> None:
    made = report(installation, unit, level)
    add_up(made.rows, made.totals)
    assert made.totals.unit == unit
    assert made.totals.teachers > 0


def test_every_teacher_is_told_the_same_figures(installation: Installation) -> None:
    made = report(installation, level="teacher")
    assert len(made.teachers) == made.totals.teachers
    assert sum(number(one.remaining) for one in made.teachers) == number(made.totals.remaining)
    with installation.database.read() as connection:
        accounts = {one[0]: people.account(connection, one[0]) for one in people.accounts(connection)}
    own = {one.teacher_id: one for one in accounts.values() if one and one.teacher_id}
    told = 0
    for row in made.teachers:
        answer = installation.assistant.me(own[row.teacher_id])
        assert answer is not None
        assert answer.calculation is not None
        state = answer.calculation
        assert (row.counted, row.remaining, row.met) == (state.counted, state.remaining, state.met)
        assert row.pending == state.pending
        assert row.shortfall == {one.category: one.shortfall for one in state.categories if one.required}
        told += 1
    assert told > 100


@pytest.fixture
def own(settings: Settings) -> Iterator[Installation]:
    made = install(settings)
    yield made
    made.close()


def credit_file(folder: Path, *lines: str) -> list[Path]:
    path = folder / "credits.csv"
    head = "record_id,teacher_id,title,category,organiser,hours,completed_on,status,reason"
    path.write_text("\n".join([head, *lines]) + "\n", "utf-8")
    return [path]


def test_what_is_stored_follows_every_import(own: Installation, tmp_path: Path) -> None:
    before = report(own, level="teacher")
    assert report(own, level="teacher") == before  # the second look reads what the first one stored
    one = next(row for row in before.teachers if row.teacher_id == "T0001")
    assert one.remaining == "12"
    load_records(own.database, credit_file(tmp_path, "NEW1,T0001,研修,专业科目,市级,2.5,2023-11-01,已审核,"), TODAY)
    after = report(own, level="teacher")
    changed = {row.teacher_id for row in after.teachers} - {
        row.teacher_id for row in after.teachers if row in before.teachers
    }
    assert changed == {"T0001"}
    assert number(after.totals.remaining) == number(before.totals.remaining) - Decimal("2.5")
    with own.database.read() as connection:
        [part] = territories(policies.rule_sets(connection), CITY, 2023)
        assert part.applied is not None
        assert differing(connection, part.applied, 2023, of(part)) == []


@pytest.mark.parametrize("column", ["remaining", "in_year", "by_town"])
def test_a_stored_figure_that_the_records_do_not_make_is_found(own: Installation, column: str) -> None:
    report(own)
    assert verify(own.database, CITY, 2023) == (106, [])
    with own.database.write() as connection:
        one = Standing.teacher_id == "T0002"
        connection.execute(update(Standing).where(one).values({column: getattr(Standing, column) + 1}))
    assert verify(own.database, CITY, 2023) == (106, ["T0002"])


def test_who_left_or_has_not_come_yet_is_not_counted(own: Installation, tmp_path: Path) -> None:
    before = report(own, SCHOOL)
    rows = [
        f"T0001,林晓岚,{SCHOOL},小学,语文,2000-08-01,2023-11-01",  # left before today
        f"T0002,莫国栋,{SCHOOL},小学,数学,1997-08-01,2023-12-01",  # leaves later
    ]
    path = tmp_path / "teachers.csv"
    path.write_text("\n".join(["teacher_id,name,unit,stage,subject,employed_from,employed_to", *rows]), "utf-8")
    load_records(own.database, [path], TODAY)
    after = report(own, SCHOOL)
    assert after.totals.teachers == before.totals.teachers - 1


def test_without_a_rule_counts_are_null_and_checks_are_made_all_the_same(installation: Installation) -> None:
    made = report(installation, SCHOOL, "teacher", 2022)
    assert (made.rule_set, made.totals.met, made.totals.short, made.totals.rate) == (None, None, None, None)
    assert made.totals.shortfall == {}
    assert made.totals.teachers > 0
    assert all(one.counted is None and one.met is None for one in made.teachers)


def test_after_a_rule_has_ended_it_is_carried_forward_and_so_are_its_checks(installation: Installation) -> None:
    made = compliance(installation.database, SCHOOL, 2024, "school", date(2024, 11, 15))
    assert made.carried_forward
    assert made.rules[0].carried_forward
    assert made.totals.checks
    assert all(check.carried_forward for check in made.totals.checks)


def test_missing_data_is_no_zero(installation: Installation) -> None:
    """A school without a budget, and a year without a record."""
    made = report(installation)
    checks = {(row.unit, check.rule): check for row in made.rows for check in row.checks}
    assert {check.status for check in checks.values()} == {"met", "short", "no_data"}
    for check in checks.values():
        assert (check.value is None) == (check.status == "no_data")
    empty = compliance(installation.database, SCHOOL, 2026, "school", date(2026, 3, 1))
    assert {(check.rule, check.status, check.value) for check in empty.totals.checks} == {
        ("F1", "no_data", None),
        ("V2", "no_data", None),
    }


def test_ratios_are_compared_exactly_and_shown_cut(installation: Installation) -> None:
    made = report(installation, level="town")
    found = {row.unit: {check.rule: check for check in row.checks} for row in made.rows}
    assert (found[TOWN]["F2"].value, found[TOWN]["F2"].status) == ("0.021", "met")
    other = found[f"{CITY}/虎门镇"]["F2"]
    assert (other.value, other.minimum, other.status, other.locator) == ("0.018", "0.02", "short", "附件1/四/(四)")


def test_no_such_unit(installation: Installation) -> None:
    with pytest.raises(NotFound):
        report(installation, "广东省/东莞")


def more_units(folder: Path, *rows: str) -> Path:
    path = folder / "units.csv"
    path.write_text("\n".join(["unit,level", *rows]) + "\n", "utf-8")
    return path


def test_units_inside_each_other_count_nobody_twice(own: Installation, tmp_path: Path) -> None:
    """A part of a school that is a school itself, and a town within a town."""
    people_file = tmp_path / "teachers.csv"
    people_file.write_text(
        "teacher_id,name,unit,stage,subject,employed_from,employed_to\n"
        f"N1,温一,{SCHOOL}/东校区,小学,语文,2010-08-01,\nN2,温二,{TOWN}/片区/三小,小学,语文,2010-08-01,\n",
        "utf-8",
    )
    units = more_units(tmp_path, f"{SCHOOL}/东校区,school", f"{TOWN}/片区,town", f"{TOWN}/片区/三小,school")
    load_records(own.database, [units, people_file], TODAY)
    for level in LEVELS:
        made = report(own, level=level)
        add_up(made.rows, made.totals)
        assert made.totals.teachers == 108
    staff = {row.unit: row.teachers for row in (*report(own).rows, *report(own, level="town").rows)}
    assert (staff[f"{SCHOOL}/东校区"], staff[f"{TOWN}/片区"], staff[f"{TOWN}/片区/三小"]) == (1, 1, 1)


def test_a_school_without_teachers_has_empty_columns(own: Installation, tmp_path: Path) -> None:
    load_records(own.database, [more_units(tmp_path, f"{TOWN}/空小学,school")], TODAY)
    made = report(own)
    head, *rows = as_csv(made).decode("utf-8-sig").splitlines()
    [empty] = [row for row in rows if row.startswith(f"{TOWN}/空小学")]
    assert empty.count(",") == head.count(",")
    assert empty.endswith(f"{TODAY},dongguan-2023（2023-01-01 起的版本）")
    assert as_xlsx(made).startswith(b"PK")


# Exports.


def read_workbook(content: bytes, tmp_path: Path) -> Mapping[str, Sequence[Sequence[object]]]:
    path = tmp_path / "made.xlsx"
    path.write_bytes(content)
    book = CalamineWorkbook.from_path(str(path))
    return {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}


def test_a_city_s_roster_of_the_short_by_school_adds_up_to_the_teachers_own_answers(
    installation: Installation, tmp_path: Path
) -> None:
    made = report(installation, level="teacher")
    sheets = read_workbook(as_xlsx(made), tmp_path)
    assert list(sheets) == ["未达标教师", "按学校", "全部教师", "汇总", "经费与覆盖", "说明"]
    head, *short = sheets["未达标教师"]
    remaining = head.index("还差学时")
    told = {row[1]: Decimal(str(row[remaining])) for row in short}
    assert told == {one.teacher_id: number(one.remaining) for one in made.teachers if not one.met}
    head, *schools, total = sheets["按学校"]
    assert total[0] == "合计"
    for school in [*schools, total]:
        rows = [row for row in short if school[0] in (row[0], "合计")]
        assert Decimal(str(school[3])) == sum(Decimal(str(row[remaining])) for row in rows)
        assert school[2] == len(rows)
    assert ["截至日期", "2023-11-15"] in sheets["说明"]


def test_csv_says_the_day_and_the_rules_in_every_row(installation: Installation) -> None:
    head, *rows = as_csv(report(installation, level="town")).decode("utf-8-sig").splitlines()
    assert head.startswith("单位,层级,教师数,达标,未达标")
    assert head.endswith("截至日期,规则")
    assert rows[-1].startswith(f"合计：{CITY},市,106,66,40")
    assert all(row.endswith("2023-11-15,dongguan-2023（2023-01-01 起的版本）") for row in rows)


@pytest.mark.parametrize("name", ["=1+1", "+8613800000000", "-2", "@SUM(A1)"])
def test_no_cell_is_run_by_a_spreadsheet(installation: Installation, tmp_path: Path, name: str) -> None:
    made = report(installation, level="teacher")
    made.teachers[0].name = name
    assert f",'{name}," in as_csv(made).decode("utf-8-sig")
    assert name in [row[2] for row in read_workbook(as_xlsx(made), tmp_path)["全部教师"]]


# A new city is a folder.


NEW = "云江省/澜川市"
SCHOOL_OF_NEW = f"{NEW}/一小"
RULES = """
versions:
- from: 2023-01-05
  cycle: {id: P1, years: 1, first: 2023, clause: 一}
  admit: [{id: A1, status: [已审核], clause: 一}]
  count: [{id: C1, clause: 一}]
  require: [{id: R1, at_least: 24, clause: 一}]
  ratio:
  - {id: F1, name: 经费占比, per: [school], top: training_spend, bottom: public_funds, at_least: 5/100, clause: 二}
"""
HEADS = {
    "teachers": "teacher_id,name,unit,stage,subject,employed_from,employed_to",
    "credits": "record_id,teacher_id,title,category,organiser,hours,completed_on,status,reason",
    "accounts": "account,role,teacher_id,unit,wecom_userid",
    "budgets": "unit,year,public_funds,training_spend,payroll,training_appropriation",
}


def new_city(made_home: Path, tmp_path: Path, rules: str, **files: list[str]) -> Installation:
    """The shared home and a city of its own, with a school; `files`: the rows of more record files."""
    folder = tmp_path / "corpus" / "lanchuan-2023"
    folder.mkdir(parents=True)
    (folder / "policy.md").write_text(
        "---\nid: lanchuan-2023\ntitle: 澜川市教师培训办法\nnumber: 澜教发〔2023〕1号\nissuer: 澜川市教育局\n"
        f"unit: {NEW}\nissued_on: 2022-01-01\neffective_from: 2022-01-01\neffective_to: null\ntext: digest\n"
        "source: 自拟\n---\n\n## 一、学时\n\n教师每年不少于24学时。\n\n"
        "## 二、经费\n\n学校教师培训经费不低于年度公用经费的5%。\n\n"
        "## 三、覆盖\n\n校本培训覆盖全体教师，每2年为一个周期。\n",
        "utf-8",
    )
    (folder / "rules.yaml").write_text(rules, "utf-8")
    units = more_units(tmp_path, "云江省,province", f"{NEW},city", f"{SCHOOL_OF_NEW},school")
    for name, rows in files.items():
        (tmp_path / f"{name}.csv").write_text("\n".join([HEADS[name], *rows]) + "\n", "utf-8")
    home = shutil.copytree(made_home, tmp_path / "home")
    settings = settings_at(home).model_copy(update={"corpus": [tmp_path / "corpus"]})
    installation = install(settings)
    ingest_policies(installation.database, installation.index, settings.corpora)
    load_records(installation.database, [units, *(tmp_path / f"{name}.csv" for name in files)], TODAY)
    return installation


def test_a_new_city_needs_a_folder_and_no_code(made_home: Path, tmp_path: Path) -> None:
    installation = new_city(
        made_home,
        tmp_path,
        RULES,
        teachers=[f"L1,温一,{SCHOOL_OF_NEW},小学,语文,2010-08-01,", f"L2,温二,{SCHOOL_OF_NEW},小学,数学,2010-08-01,"],
        credits=["LR1,L1,研修,公需科目,市级,20,2023-03-01,已审核,", "LR2,L2,研修,专业科目,省级,24,2023-03-01,已审核,"],
        accounts=["l1,teacher,L1,,"],
        budgets=[f"{SCHOOL_OF_NEW},2023,1000000,49999.99,,"],
    )
    made = report(installation, NEW)
    assert (made.rule_set, made.totals.met, made.totals.short, made.totals.remaining) == ("lanchuan-2023", 1, 1, "4")
    [check] = made.rows[0].checks
    assert (check.value, check.status) == ("0.0499", "short")
    answer = installation.assistant.ask("我今年还差多少学时？", installation.assistant.account("l1"))
    assert answer.calculation is not None
    assert answer.calculation.remaining == "4"
    assert "4" in answer.text
    # The whole province and another place know nothing of each other.
    assert report(installation, "云江省").totals.teachers == 2
    assert report(installation, CITY).totals.teachers == 106
    installation.close()


def test_coverage_is_the_calendar_year_s_in_a_cycle_of_several_years(made_home: Path, tmp_path: Path) -> None:
    """Whoever left after the year belongs to it, and records of the cycle's other year don't."""
    rules = """
versions:
- from: 2022-01-01
  cycle: {id: P1, years: 2, first: 2022, first_is_setting: true, clause: 三}
  admit: [{id: A1, status: [已审核], clause: 一}]
  count: [{id: C1, clause: 一}]
  require: [{id: R1, at_least: 24, clause: 一}]
  coverage: [{id: V1, name: 校本覆盖, per: [school], organiser: 校级, count: persons, at_least: 1/1, clause: 三}]
"""
    installation = new_city(
        made_home,
        tmp_path,
        rules,
        teachers=[
            f"L1,温一,{SCHOOL_OF_NEW},小学,语文,2010-08-01,2023-05-01",
            f"L2,温二,{SCHOOL_OF_NEW},小学,数学,2010-08-01,",
            f"L3,温三,{SCHOOL_OF_NEW},小学,数学,2023-02-01,",
        ],
        credits=[
            "LR1,L1,研修,公需科目,校级,20,2022-03-01,已审核,",
            "LR2,L2,研修,专业科目,校级,24,2023-03-01,已审核,",
            "LR3,L3,研修,专业科目,校级,24,2023-03-01,待审核,",
        ],
    )
    for _ in range(2):  # computed, then of what is stored
        made = {year: report(installation, SCHOOL_OF_NEW, year=year) for year in (2022, 2023)}
        assert [one.totals.teachers for one in made.values()] == [2, 2]
        assert [one.totals.met for one in made.values()] == [1, 1]
        values = [{check.rule: check.value for check in one.totals.checks}["V1"] for one in made.values()]
        assert values == ["0.5", "0.5"]  # of L1 and L2, L1; of L2 and L3, L2
    assert verify(installation.database, NEW, 2022) == (2, [])
    installation.close()
