"""Everyone's hours on Apache Spark, in local mode: equal, to the last hundredth, to what the databases say."""

import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as limits
from hypothesis import strategies as st
from sqlalchemy import insert
from typer.testing import CliRunner

from api.cli import app
from assistant.errors import InputError, NotFound
from assistant.rules.calculate import Record
from assistant.rules.find import RuleSet, territories
from assistant.rules.schema import RuleFile, Version
from assistant.settings import Settings
from assistant.store import rollup
from assistant.store.database import Database
from assistant.store.policies import rule_sets
from assistant.store.population import FIGURES, SHORT
from assistant.store.spark import export, verdicts
from assistant.store.tables import Credit, Teacher, Unit
from tests.conftest import TODAY
from tests.rules.strategies import records, versions

pytestmark = pytest.mark.usefixtures("java")

MASTER = "local[2]"
COLUMNS = ("rule_set", "unit", "teacher_id", *FIGURES)
Verdicts = dict[str, tuple[Any, ...]]  # by teacher


def on_spark(database: Database, known: Sequence[RuleSet], folder: Path, unit: str, year: int, today: date) -> Verdicts:
    """What `verdicts` writes, of what `export` wrote."""
    export(database, str(folder / "records"), MASTER)
    teachers = verdicts(known, str(folder / "records"), str(folder / "out"), unit, year, today, MASTER)
    found = read(folder / "out")
    assert teachers == len(found)
    return {row[2]: row for row in found}


def read(folder: Path) -> list[tuple[Any, ...]]:
    from pyspark.sql import SparkSession

    spark = SparkSession.builder.master(MASTER).getOrCreate()
    try:
        table = spark.read.parquet(str(folder))
        assert tuple(table.columns) == COLUMNS
        return [tuple(row) for row in table.collect()]
    finally:
        spark.stop()


def columns(folder: Path) -> set[str]:
    """The columns of a Parquet table, as its files name them in plain words."""
    named = (re.findall(rb'"name":"(\w+)"', file.read_bytes()) for file in folder.glob("part-*"))
    return {name.decode() for names in named for name in names}


def in_the_database(database: Database, known: Sequence[RuleSet], unit: str, year: int, today: date) -> Verdicts:
    found = Verdicts()
    with database.read() as connection:
        for part in territories(known, unit, year):
            day = part.membership(year, today)
            for one in rollup.by_teacher(connection, part, year, day, from_store=False) or []:
                short = one.short if part.applied else [None] * len(SHORT)
                figures = (one.records, one.counted, one.remaining, one.pending, *short)
                rule_set = part.applied.policy_id if part.applied else None
                found[one.teacher_id] = (rule_set, one.unit, one.teacher_id, *figures)
    return found


def test_the_sample_by_the_command_line(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XUESHI_HOME", str(settings.home))
    monkeypatch.setenv("XUESHI_TODAY", str(TODAY))
    records, out = str(tmp_path / "records"), str(tmp_path / "out")
    unknown = CliRunner().invoke(app, ["spark", "verdicts", records, out, "--unit", "某省", "--master", MASTER])
    assert isinstance(unknown.exception, NotFound)
    said = CliRunner().invoke(app, ["spark", "export", records, "--master", MASTER])
    assert said.exit_code == 0, said.output
    said = CliRunner().invoke(app, ["spark", "verdicts", records, out, "--unit", "广东省", "--master", MASTER])
    database = Database(settings.database)
    with database.read() as connection:
        known = rule_sets(connection)
    expected = in_the_database(database, known, "广东省", 2023, TODAY)
    database.close()
    assert said.output == f"已核算 {len(expected)} 名教师，结果在 {out}。\n"
    assert {row[2]: row for row in read(tmp_path / "out")} == expected
    assert len(expected) > 20


CITIES = ["某省/甲市", "某省/乙'市", "某省/丙%市", "某省/丁\\市"]
REST = "某省/戊市/一校"  # no rules hold here


@limits(max_examples=2, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rules=st.tuples(*(versions() for _ in CITIES)),
    everyone=st.lists(records(), min_size=3 * (len(CITIES) + 1), max_size=3 * (len(CITIES) + 1)),
)
def test_random_rules_and_records(tmp_path: Path, rules: Sequence[Version], everyone: list[list[Record]]) -> None:
    """A city a rule set, three teachers in each; the places' names are such as end a text too early."""
    folder = tmp_path / str(len(list(tmp_path.iterdir())))
    database = Database(f"sqlite:///{folder / 'xueshi.db'}")
    schools = [*(f"{city}/一校" for city in CITIES), REST]
    staff = {"stage": "小学", "subject": "语文", "employed_from": date(2010, 8, 1)}
    with database.write() as connection:
        connection.execute(insert(Unit), [{"unit": school, "level": "school"} for school in schools])
        places = [schools[n % len(schools)] for n in range(len(everyone))]
        people = [{"teacher_id": f"T{n}", "name": "某", "unit": unit, **staff} for n, unit in enumerate(places)]
        connection.execute(insert(Teacher), people)
        for n, one in enumerate(everyone):
            rows = [
                {**record._asdict(), "record_id": f"{n}-{i}", "teacher_id": f"T{n}"} for i, record in enumerate(one)
            ]
            if rows:
                connection.execute(insert(Credit), rows)
    known = [RuleSet(city, city, RuleFile(versions=[one])) for city, one in zip(CITIES, rules, strict=True)]
    found = on_spark(database, known, folder, "某省", 2023, date(2025, 6, 30))
    assert found == in_the_database(database, known, "某省", 2023, date(2025, 6, 30))
    assert found.keys() == {f"T{n}" for n in range(len(everyone))}
    database.close()


def test_sums_beyond_a_machine_word_of_32_bits(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'xueshi.db'}")
    with database.write() as connection:
        connection.execute(insert(Unit), {"unit": "某省/某市/一校", "level": "school"})
        staff = {"name": "某", "unit": "某省/某市/一校", "stage": "小学", "subject": "语文"}
        connection.execute(insert(Teacher), {"teacher_id": "T", **staff, "employed_from": date(2010, 8, 1)})
        training = {"title": "培训", "category": "公需科目", "organiser": "省级", "status": "待审核"}
        day = {"teacher_id": "T", "hours": 99_999_999, "completed_on": date(2023, 5, 1)}
        connection.execute(insert(Credit), [{"record_id": f"R{n}", **day, **training} for n in range(60)])
    found = on_spark(database, [], tmp_path, "某省", 2023, TODAY)
    assert found == {"T": (None, "某省/某市/一校", "T", 60, None, None, 60 * 99_999_999, None, None, None)}
    database.close()


def test_an_export_is_whole_and_nothing_is_written_over(settings: Settings, tmp_path: Path) -> None:
    database, records, out = Database(settings.database), str(tmp_path / "records"), str(tmp_path / "out")
    counts = export(database, records, MASTER)
    assert counts["teachers"] > 20
    assert columns(tmp_path / "records" / "teachers") == {"teacher_id", "unit", "employed_from", "employed_to"}
    figures = {"teacher_id", "completed_on", "status", "category", "organiser", "hours"}
    assert columns(tmp_path / "records" / "credits") == figures
    with pytest.raises(InputError, match="已经有内容"):
        export(database, records, MASTER)
    database.close()
    with pytest.raises(InputError, match="没有完整的导出"):
        verdicts([], str(tmp_path / "nothing"), out, "广东省", 2023, TODAY, MASTER)
    assert verdicts([], records, out, "广东省", 2023, TODAY, MASTER) > 20
    with pytest.raises(InputError, match="已经有内容"):
        verdicts([], records, out, "广东省", 2023, TODAY, MASTER)
    for file in (tmp_path / "records" / "credits").glob("part-*"):
        if file.stat().st_size > 2000:
            file.unlink()
    with pytest.raises(InputError, match="不完整"):
        verdicts([], records, str(tmp_path / "other"), "广东省", 2023, TODAY, MASTER)
    assert not (tmp_path / "other").exists()
