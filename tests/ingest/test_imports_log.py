"""The log of imports: what it keeps, what undoing puts back, and when it is refused."""

import shutil
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, insert, select

from assistant.errors import InputError, NotFound
from assistant.identity import Account, Role
from assistant.store.database import Database
from assistant.store.imports import imports, undo
from assistant.store.loading import COLUMNS, KINDS, Kind
from assistant.store.tables import Base, Former, Standing
from ingest.records import FileReport, ImportReport, load_records

TODAY = date(2023, 11, 15)
TOWN, SCHOOL, OTHER = "粤/莞/莞城", "粤/莞/莞城/一小", "粤/莞/莞城/二小"
WORLD: dict[Kind, list[str]] = {
    "units": ["粤,province", "粤/莞,city", f"{TOWN},town", f"{SCHOOL},school", f"{OTHER},school"],
    "teachers": [f"T1,林晓,{SCHOOL},小学,语文,2000-08-01,", f"T2,陈静,{OTHER},小学,数学,2003-08-01,"],
    "credits": [
        "R1,T1,课堂观察,个人选修科目,校级,4.5,2023-03-06,已审核,",
        "R2,T2,公需课,公需科目,国家级,12,2023-03-08,待审核,",
    ],
    "budgets": [f"{SCHOOL},2023,3200000,345600.5,,"],
    "accounts": ["t1,teacher,T1,,", f"one,school_admin,,{SCHOOL},", f"town,town_admin,,{TOWN},"],
}
ONE, TWO, HEAD = (
    Account("one", Role.SCHOOL_ADMIN, None, SCHOOL, SCHOOL),
    Account("two", Role.SCHOOL_ADMIN, None, OTHER, OTHER),
    Account("town", Role.TOWN_ADMIN, None, TOWN, TOWN),
)
Load = Callable[..., ImportReport]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database that holds WORLD, as import 1."""
    folder = tmp_path_factory.mktemp("template")
    database = Database(f"sqlite:///{folder}/xueshi.db")
    load_records(database, [write(folder, kind, rows) for kind, rows in WORLD.items()], TODAY)
    database.close()
    return folder / "xueshi.db"


@pytest.fixture
def database(template: Path, tmp_path: Path) -> Iterable[Database]:
    shutil.copy(template, tmp_path / "xueshi.db")
    database = Database(f"sqlite:///{tmp_path}/xueshi.db")
    yield database
    database.close()


@pytest.fixture
def load(database: Database, tmp_path: Path) -> Load:
    """Loads rows: kind → lines."""

    def loaded(account: Account | None = None, dry_run: bool = False, **kinds: Sequence[str]) -> ImportReport:
        files = [write(tmp_path, kind, rows) for kind, rows in kinds.items()]
        return load_records(database, files, TODAY, dry_run, account=account)

    return loaded


def write(folder: Path, kind: Any, rows: Sequence[str]) -> Path:
    path = folder / f"{kind}.csv"
    path.write_text("\n".join([",".join(COLUMNS[kind]), *rows]))
    return path


def dump(database: Database, name: str = "") -> dict[str, list[tuple[Any, ...]]]:
    """All rows of the record tables, with the imports that they name."""
    with database.read() as connection:
        tables = {kind: Base.metadata.tables[kind] for kind in [name or kind for kind in KINDS]}
        return {kind: sorted(map(tuple, connection.execute(select(table))), key=str) for kind, table in tables.items()}


def count(database: Database, table: Any) -> int:
    with database.read() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def refused(database: Database, number: int, account: Account | None = None) -> str:
    before = dump(database)
    with pytest.raises(InputError) as caught:
        undo(database, number, account)
    assert dump(database) == before
    (problem,) = caught.value.problems
    return problem


CHANGED = "R1,T1,课堂观察,个人选修科目,校级,5,2023-03-06,已审核,"
ADDED = "R3,T1,命题研修,专业科目,市教研室,2,2023-03-07,已审核,"


# The log


def test_an_import_is_kept_with_who_and_what(database: Database, load: Load) -> None:
    report = load(ONE, credits=[CHANGED, ADDED])
    assert report.import_id == 2
    with database.read() as connection:
        second, first = imports(connection)
    assert (second.id, second.account, second.undone_at, second.undone_by) == (2, "one", None, None)
    assert (first.id, first.account) == (1, None)
    assert first.made_at <= second.made_at
    assert [FileReport.model_validate(file) for file in second.files] == report.files


def test_rows_name_the_import_that_wrote_them(database: Database, load: Load) -> None:
    load(credits=[CHANGED, ADDED, WORLD["credits"][1]])
    assert [(row[0], row[-1]) for row in dump(database)["credits"]] == [("R1", 2), ("R2", 1), ("R3", 2)]


@pytest.mark.parametrize("dry_run", [True, False])
def test_what_changes_nothing_is_not_kept(database: Database, load: Load, dry_run: bool) -> None:
    report = load(dry_run=dry_run, credits=[CHANGED] if dry_run else WORLD["credits"])
    assert report.import_id is None
    with database.read() as connection:
        assert [info.id for info in imports(connection)] == [1]
    assert count(database, Former) == 0


def test_a_refused_import_is_not_kept(database: Database, load: Load) -> None:
    with pytest.raises(InputError):
        load(credits=[CHANGED, ADDED.replace("2023", "2024")])
    with database.read() as connection:
        assert [info.id for info in imports(connection)] == [1]


def test_teachers_who_move_and_leave_are_counted(load: Load) -> None:
    moved, left = WORLD["teachers"][0].replace("一小", "二小"), WORLD["teachers"][1] + "2023-07-31"
    (file,) = load(teachers=[moved, left, f"T3,何平,{SCHOOL},小学,语文,2020-08-01,2023-07-31"]).files
    assert (file.added, file.updated, file.moved, file.left) == (1, 2, 1, 1)
    (file,) = load(teachers=[WORLD["teachers"][0], left.replace("07-31", "08-31")]).files
    assert (file.updated, file.moved, file.left) == (2, 1, 0)


def test_standings_of_the_teachers_concerned_are_forgotten(database: Database, load: Load) -> None:
    def stand() -> None:
        keys = {"teacher_id", "year", "stamp"}
        figures = dict.fromkeys(set(Base.metadata.tables["standings"].columns.keys()) - keys, 0)
        with database.write() as connection:
            connection.execute(Base.metadata.tables["standings"].delete())
            rows = [{"teacher_id": teacher, "year": 2023, "stamp": "x", **figures} for teacher in ("T1", "T2")]
            connection.execute(insert(Standing), rows)

    def left() -> list[str]:
        return [row[0] for row in dump(database, "standings")["standings"]]

    stand()
    load(budgets=[f"{SCHOOL},2023,1,1,,"], accounts=["t2,teacher,T2,,"])
    assert left() == ["T1", "T2"]
    load(credits=[ADDED])
    assert left() == ["T2"]
    stand()
    undo(database, 3)
    assert left() == ["T2"]
    stand()
    load(credits=[WORLD["credits"][0].replace("T1", "T2")])  # both teachers' records change
    assert left() == []
    stand()
    load(teachers=[WORLD["teachers"][1].replace("数学", "科学")])
    assert left() == ["T1"]


# Records that came twice


def test_the_same_training_under_two_numbers_is_told(load: Load) -> None:
    again = WORLD["credits"][0].replace("R1", "X1")
    (file,) = load(credits=[again, again.replace("X1", "X2"), again.replace("X1,T1", "X3,T2")]).files
    assert file.added == 3
    (warning,) = file.warnings
    assert warning.endswith("：R1 与 X1；R1 与 X2。")
    # What the call itself gives counts as it stands there: these two are alike no more.
    (file,) = load(credits=[again.replace("4.5", "4"), again.replace("X1", "X2").replace("4.5", "3")]).files
    assert file.warnings == []


def test_rejected_records_are_nobodys_twins(load: Load) -> None:
    rejected = WORLD["credits"][0].replace("R1", "X1").replace("已审核,", "已驳回,与已登记项目重复申报")
    (file,) = load(credits=[rejected]).files
    assert file.warnings == []


def test_very_many_twins_are_counted(load: Load) -> None:
    rows = [WORLD["credits"][0].replace("R1", f"X{number:02}") for number in range(30)]
    dry, wet = load(dry_run=True, credits=rows), load(credits=rows)
    assert dry.files == wet.files
    (warning,) = wet.files[0].warnings
    assert warning.count("与 X") == 20
    assert warning.endswith("等，共 30 对。")


# Undoing


def test_undoing_puts_everything_back(database: Database, load: Load) -> None:
    before = dump(database)
    load(
        units=[f"{TOWN}/三小,school", f"{OTHER},school"],
        teachers=[WORLD["teachers"][1].replace("二小", "三小"), f"T3,何平,{TOWN}/三小,小学,语文,2020-08-01,2023-07-31"],
        credits=[CHANGED, ADDED, ADDED.replace("R3,T1", "R4,T3")],
        budgets=[f"{SCHOOL},2023,1,,,", f"{OTHER},2023,1.01,,,"],
        accounts=["t1,teacher,T2,,WeCom", "t3,teacher,T3,,"],
    )
    report = undo(database, 2)
    assert (report.import_id, report.removed, report.restored) == (2, 6, 4)
    assert dump(database) == before
    assert count(database, Former) == 0
    with database.read() as connection:
        second = imports(connection)[0]
    assert second.undone_at is not None
    assert second.undone_by is None


def test_all_of_it_can_be_undone(database: Database) -> None:
    assert undo(database, 1).removed == sum(map(len, WORLD.values()))
    assert not any(dump(database).values())


def test_an_import_is_undone_once(database: Database, load: Load) -> None:
    load(credits=[ADDED])
    undo(database, 2)
    assert refused(database, 2) == "第 2 次导入已经撤销过了。"
    with pytest.raises(NotFound):
        undo(database, 3)


def test_rows_that_changed_later_stay(database: Database, load: Load) -> None:
    load(credits=[CHANGED, ADDED])
    load(credits=[ADDED.replace(",2,", ",3,")])
    load(credits=[CHANGED.replace(",5,", ",6,")])
    assert refused(database, 2) == "第 2 次导入的一些行后来又改过，请先撤销第 4 次、第 3 次导入。"
    undo(database, 4)
    undo(database, 3)
    undo(database, 2)
    assert [row[5] for row in dump(database)["credits"]] == [450, 1200]


def test_rows_that_others_belong_to_stay(database: Database, load: Load) -> None:
    load(teachers=[f"T3,何平,{SCHOOL},小学,语文,2020-08-01,"])
    load(credits=[ADDED.replace("T1", "T3")])
    assert refused(database, 2) == "credits 表还有行属于第 2 次导入的 teachers，请先撤销第 3 次导入。"
    undo(database, 3)
    undo(database, 2)


def test_what_rows_go_back_to_must_be_there(database: Database, load: Load) -> None:
    load(units=[f"{TOWN}/三小,school"])
    load(teachers=[f"T3,何平,{TOWN}/三小,小学,语文,2020-08-01,"])
    load(teachers=[f"T3,何平,{SCHOOL},小学,语文,2020-08-01,"])
    undo(database, 2)
    assert refused(database, 4) == f"teachers 表的一些行原来属于 {TOWN}/三小，现在已经没有了，请先把它导入，再撤销。"
    load(units=[f"{TOWN}/三小,school"])
    undo(database, 4)
    assert dump(database)["teachers"][2][2] == f"{TOWN}/三小"


def test_a_level_that_later_rows_rely_on_stays(database: Database, load: Load) -> None:
    load(units=[f"{TOWN}/分部,town"])
    load(units=[f"{TOWN}/分部,school"])
    load(teachers=[f"T3,何平,{TOWN}/分部,小学,语文,2020-08-01,"])
    assert "请先撤销第 4 次导入" in refused(database, 3)
    undo(database, 4)
    undo(database, 3)


def test_an_administrator_undoes_what_their_unit_imported(database: Database, load: Load) -> None:
    load(ONE, credits=[ADDED])
    load(credits=[ADDED.replace("R3", "R4")])
    with database.read() as connection:
        assert [info.id for info in imports(connection, ONE)] == [2]
        assert [info.id for info in imports(connection, HEAD)] == [2]
        assert imports(connection, TWO) == []
    before = dump(database)
    for account, number in ((TWO, 2), (TWO, 9), (ONE, 3), (HEAD, 1)):
        with pytest.raises(NotFound) as caught:
            undo(database, number, account)
        assert str(caught.value) == "没有这次导入，或者它不在您可以维护的范围内。"
    assert dump(database) == before
    undo(database, 2, HEAD)
    with database.read() as connection:
        assert imports(connection)[1].undone_by == "town"


def test_an_import_of_what_is_now_elsewhere_is_not_undone(database: Database, load: Load) -> None:
    load(ONE, credits=[ADDED])
    load(teachers=[WORLD["teachers"][0].replace("一小", "二小")])
    with pytest.raises(NotFound):
        undo(database, 2, ONE)
    undo(database, 2, HEAD)


# Any imports, undone in turn

_UNITS = st.sampled_from([SCHOOL, OTHER, f"{TOWN}/三小"])
_TEACHERS = st.sampled_from(["T1", "T2", "T3"])
_BATCH = st.fixed_dictionaries(
    {},
    optional={
        "units": st.just([f"{TOWN}/三小,school"]),
        "teachers": st.dictionaries(_TEACHERS, st.tuples(_UNITS, st.sampled_from(["", "2023-07-31"])), min_size=1).map(
            lambda rows: [f"{who},某人,{unit},小学,语文,2000-08-01,{end}" for who, (unit, end) in rows.items()]
        ),
        "credits": st.dictionaries(
            st.sampled_from(["R1", "R2", "R3", "R4"]), st.tuples(_TEACHERS, st.integers(1, 9)), min_size=1
        ).map(lambda rows: [f"{r},{t},课,公需科目,省级,{h},2023-01-01,已审核," for r, (t, h) in rows.items()]),
        "accounts": st.dictionaries(st.sampled_from(["t1", "x"]), _TEACHERS, min_size=1).map(
            lambda rows: [f"{name},teacher,{teacher},," for name, teacher in rows.items()]
        ),
    },
)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(_BATCH, min_size=1, max_size=6), data=st.data())
def test_undoing_in_any_order_is_right_or_refused(
    template: Path, tmp_path: Path, batches: list[dict[Kind, list[str]]], data: st.DataObject
) -> None:
    shutil.copy(template, tmp_path / "any.db")
    database = Database(f"sqlite:///{tmp_path}/any.db")
    states, made = [dump(database)], list[int]()
    for batch in batches:
        try:
            files = [write(tmp_path, kind, rows) for kind, rows in batch.items()]
            report = load_records(database, files, TODAY)
        except InputError:
            continue
        if report.import_id is not None:
            made.append(report.import_id)
            states.append(dump(database))
    if made:
        # Out of turn: undone without a trace in other imports' rows, or refused without any.
        number = data.draw(st.sampled_from(made))
        before = dump(database)
        others = {row for rows in before.values() for row in rows if row[-1] != number}
        try:
            undo(database, number)
        except InputError:
            assert dump(database) == before
        else:
            assert others <= {row for rows in dump(database).values() for row in rows}
            made.remove(number)
            states = []
    for number in reversed(made):
        if states:
            assert dump(database) == states.pop()
            undo(database, number)
    if states:
        assert dump(database) == states[0]
    database.close()
