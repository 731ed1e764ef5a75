"""What a start costs: heavy packages are imported by what needs them and by nothing else. And one schema, not two."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

import assistant.store.database
from assistant.store.database import SCHEMA, Database
from assistant.store.tables import Base

MIGRATIONS = Path(assistant.store.database.__file__).parent / "migrations"
HEAVY = {"torch", "sentence_transformers", "chromadb", "fastapi", "alembic", "langchain", "langchain_core", "langgraph"}
STEPS = """
import json, sys
from pathlib import Path

told, questions = Path(sys.argv[1]), sys.argv[2:]
import api.cli
seen = [sorted(sys.modules)]
for question in questions:
    sys.argv = ["xueshi", "ask", question, "--as", "t0001"]
    try:
        api.cli.main()
    except SystemExit as end:
        assert not end.code
    seen.append(sorted(sys.modules))
told.write_text(json.dumps(seen))
"""


@pytest.fixture(scope="module")
def imported(made_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, set[str]]:
    """The modules there are after importing the command line, then asking for hours, then about a policy."""
    folder = tmp_path_factory.mktemp("imports")
    home = shutil.copytree(made_home, folder / "home")
    plain = {name: value for name, value in os.environ.items() if not name.startswith("XUESHI_")}
    given = {"XUESHI_HOME": str(home), "XUESHI_TODAY": "2023-11-15"}
    told = folder / "modules.json"
    questions = ["我今年还差多少学时？", "学校安排的教师培训经费不低于多少？"]
    command = [sys.executable, "-c", STEPS, str(told), *questions]
    done = subprocess.run(command, env=plain | given, cwd=folder, capture_output=True, encoding="utf-8", timeout=120)
    assert done.returncode == 0, done.stderr
    assert "还差 12 学时" in done.stdout
    assert "10%" in done.stdout
    steps = ("nothing", "hours", "policy")
    return dict(zip(steps, map(set, json.loads(told.read_text())), strict=True))


@pytest.mark.sqlite("standing in for SQLite imports more than a start does")
def test_the_command_line_starts_light(imported: Mapping[str, set[str]]) -> None:
    assert "api.cli" in imported["nothing"]
    assert not imported["nothing"] & {*HEAVY, "sqlalchemy", "uvicorn", "numpy"}


@pytest.mark.sqlite("standing in for SQLite imports more than a start does")
def test_hours_need_no_vectors_and_no_server(imported: Mapping[str, set[str]]) -> None:
    assert "sqlalchemy" in imported["hours"]
    assert not imported["hours"] & {*HEAVY, "uvicorn"}


@pytest.mark.sqlite("standing in for SQLite imports more than a start does")
def test_a_policy_question_needs_vectors_and_no_torch(imported: Mapping[str, set[str]]) -> None:
    assert "chromadb" in imported["policy"]
    assert not imported["policy"] & (HEAVY - {"chromadb"})


def test_the_newest_migration_is_the_schema_that_a_start_expects() -> None:
    assert ScriptDirectory(str(MIGRATIONS)).get_heads() == [SCHEMA]


def test_the_models_match_the_migrations(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'xueshi.db'}")
    with database.read() as connection:
        # PostgreSQL reckons a record's kind as a number for this index: no column that the models have.
        own = {"kind", "ix_credits_verdict"} if connection.dialect.name == "postgresql" else set[str]()
        options: dict[str, Any] = {"compare_type": True, "compare_server_default": True}
        options["include_object"] = lambda _, name, *rest: name not in own
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, Base.metadata) == []
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all() == [SCHEMA]
        there = inspect(connection)
        assert set(there.get_table_names()) == {*Base.metadata.tables, "alembic_version"}
        for name, table in Base.metadata.tables.items():
            key = there.get_pk_constraint(name)["constrained_columns"]
            assert key == [column.name for column in table.primary_key]
    database.close()
