"""Erasing: of whoever is erased nothing is found in any table afterwards; of everybody else nothing is missing."""

import csv
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from api import cli_keeping
from assistant.ask import Assistant
from assistant.bootstrap import Installation, install
from assistant.errors import InputError
from assistant.settings import Settings
from assistant.store import erasure, feedback, post, reminders, runs, sessions, wecom
from assistant.store.database import Database
from assistant.store.tables import AuditRow, Base, Turn
from ingest.records import load_records
from tests.conftest import SAMPLE, TODAY

GAP = "我今年还差多少学时？"
# 林晓岚, T0001, t0001: her number, name, account, userid; her records are added.
HERS = {"T0001", "林晓岚", "t0001", "LinXiaoLan"}


@pytest.fixture
def made(settings: Settings) -> Iterator[Installation]:
    installation = install(settings)
    yield installation
    installation.close()


def every_row(database: Database) -> dict[str, list[str]]:
    """All that is kept, row by row, as it could be read."""
    with database.read() as connection:
        return {
            table.name: [
                json.dumps([*row], ensure_ascii=False, default=str) for row in connection.execute(select(table)).all()
            ]
            for table in Base.metadata.sorted_tables
        }


def found(database: Database, words: set[str]) -> list[str]:
    """Where any of some words stands."""
    pattern = re.compile("|".join(rf"(?<![A-Za-z0-9]){re.escape(word)}(?![A-Za-z0-9])" for word in words))
    return [f"{name}: {row}" for name, rows in every_row(database).items() for row in rows if pattern.search(row)]


def hers() -> set[str]:
    sample = next(path for path in SAMPLE if path.stem == "credits")
    with sample.open(encoding="utf-8-sig") as file:
        return HERS | {row["record_id"] for row in csv.DictReader(file) if row["teacher_id"] == "T0001"}


def leave_traces(installation: Installation, tmp_path: Path) -> None:
    """Have her in every table that may hold her."""
    assistant, database = installation.assistant, installation.database

    def ask(who: str, question: str) -> str:
        return assistant.ask(question, assistant.account(who), limited=False).id

    mine = ask("t0001", GAP)
    ask("t0002", "林晓岚今年还差多少学时？")  # refused, but her name is in it
    for question in ("T0001今年还差多少学时？", "列出林晓岚的记录", "我们学校还有谁没达标？"):
        ask("admin-gczx", question)
    ask("t0002", GAP)
    # What an import changes stays behind as it was.
    changed = tmp_path / "林晓岚.csv"
    row = "T0001,林晓岚,广东省/东莞市/莞城街道/莞城中心小学,小学,数学,2010-09-01,"
    changed.write_text("teacher_id,name,unit,stage,subject,employed_from,employed_to\n" + row, "utf-8")
    load_records(database, [changed], TODAY)
    with database.write() as connection:
        feedback.rate(connection, "t0001", mine, "up", "好")
        feedback.rate(connection, "t0002", ask_id(connection, "t0002"), "down", "林晓岚说不对")
        runs.keep(connection, runs.open_run(connection, "t0001", mine, "key-1"), [(1, "林晓岚")], over=True)
        sessions.open_session(connection, "t0001")
        post.take(connection, "msg", "app", "", "LinXiaolan", {"text": "我还差多少？"})
        post.post(connection, "app", "linxiaolan", {"text": "还差 12 学时"}, repeatable=True, sending=False)
        post.take(connection, "bot-msg", "bot", "", "wo-LinXiaolan", {"key": "k", "to": ["bot", "chat-1"]})
        post.take(connection, "other-msg", "app", "", "mogd", {"text": "林晓岚还差多少？"})
        post.post(connection, "bot", "https://reply/1", {"text": f"/answers/{mine}"}, repeatable=True, sending=False)
        post.post(connection, "app", "mogd", {"text": "2023年林晓岚还差 12 学时"}, repeatable=True, sending=False)
        post.post(connection, "app", "mogd", {"text": "莫国栋已达到"}, repeatable=True, sending=False)
        wecom.keep_userid(connection, "wo-LinXiaolan", "linxiaolan")
        wecom.keep_thread(connection, "t0001", "app", "t-gone")
        reminders.claim(connection, "T0001")


def ask_id(connection: Any, account: str) -> str:
    return str(connection.execute(select(Turn.id).where(Turn.account == account).limit(1)).scalar_one())


@pytest.mark.parametrize("who", ["T0001", "t0001"])
def test_nothing_of_a_person_is_left_in_any_table(made: Installation, tmp_path: Path, who: str) -> None:
    leave_traces(made, tmp_path)
    words = hers()
    before = found(made.database, words)
    tables = {line.partition(":")[0] for line in before}
    assert tables >= {"teachers", "credits", "accounts", "formers", "imports", "threads", "turns", "runs", "feedback"}
    assert tables >= {"sessions", "reminders", "wecom_talks", "audit", "run_events"}
    done = erasure.erase_person(made.database, who, dry_run=False)
    assert found(made.database, words | {"linxiaolan", "wo-LinXiaolan"}) == []
    assert (done.rows["wecom_inbox"], done.rows["wecom_outbox"], done.rows["wecom_ids"]) == (3, 3, 1)
    assert (done.rows["teachers"], done.rows["accounts"], done.others) == (1, 1, 4)
    [line] = [row for row in every_row(made.database)["audit"] if '"erase"' in row]
    assert '"erase", null, null, null, null' in line


def test_of_everybody_else_nothing_is_missing(made: Installation, tmp_path: Path) -> None:
    leave_traces(made, tmp_path)
    other = {"T0002", "莫国栋", "T0003"}
    kept = [line for line in found(made.database, other) if not re.search("T0001|林晓岚", line)]
    erasure.erase_person(made.database, "T0001", dry_run=False)
    now = found(made.database, other)
    # The one comment that named her is gone from it; all else is as it was.
    assert [line for line in kept if line not in now and not line.startswith("feedback")] == []
    assistant: Assistant = made.assistant
    answer = assistant.ask(GAP, assistant.account("t0002"), limited=False)
    assert answer.outcome == "answered"


def test_whatever_is_erased_has_a_name() -> None:
    never = {"budgets", "clauses", "imports", "originals", "policies", "revisions", "units", "wecom_access"}
    assert set(Base.metadata.tables) - never == set(cli_keeping._TABLES)


def test_a_dry_run_counts_the_same_and_changes_nothing(made: Installation, tmp_path: Path) -> None:
    leave_traces(made, tmp_path)
    before = every_row(made.database)
    tried = erasure.erase_person(made.database, "T0001", dry_run=True)
    assert every_row(made.database) == before
    done = erasure.erase_person(made.database, "T0001", dry_run=False)
    assert tried.model_copy(update={"dry_run": False}) == done


def test_whoever_is_not_there_and_whoever_could_be_two_are_refused(made: Installation) -> None:
    before = every_row(made.database)
    with pytest.raises(InputError, match="没有编号或账号"):
        erasure.erase_person(made.database, "T9999", dry_run=False)
    accounts = Base.metadata.tables["accounts"]
    with made.database.write() as connection:
        connection.execute(insert(accounts).values(account="T0005", role="teacher", teacher_id="T0006"))
    with pytest.raises(InputError, match="另一个人的账号"):
        erasure.erase_person(made.database, "T0005", dry_run=False)
    after = every_row(made.database)
    assert {name: len(rows) for name, rows in after.items() if rows != before[name]} == {
        "accounts": len(before["accounts"]) + 1
    }


def test_a_name_that_others_have_takes_none_of_theirs_along(made: Installation) -> None:
    """陈静 is T0003, and T0004."""
    assistant = made.assistant
    for who in ("T0003", "T0004"):
        assistant.ask(f"{who}今年还差多少学时？", assistant.account("admin-dongguan"), limited=False)
    erasure.erase_person(made.database, "T0003", dry_run=False)
    assert found(made.database, {"T0003", "t0003"}) == []
    assert [line for line in found(made.database, {"T0004"}) if line.startswith("turns")]


def test_an_administrator_who_is_no_teacher_takes_nobody_along(made: Installation, tmp_path: Path) -> None:
    leave_traces(made, tmp_path)
    made.assistant.ask("T0101今年还差多少学时？", made.assistant.account("admin-dongguan"), limited=False)
    before = every_row(made.database)
    done = erasure.erase_person(made.database, "admin-dongguan", dry_run=False)
    assert done == erasure.Erasure(dry_run=False, rows={"accounts": 1, "threads": 1, "turns": 1})
    after = every_row(made.database)
    gone = {name: [row for row in rows if row not in after[name]] for name, rows in before.items()}
    assert all("admin-dongguan" in row for rows in gone.values() for row in rows if rows is not gone["threads"])
    assert {name for name, rows in gone.items() if rows} == {"accounts", "audit", "threads", "turns"}
    assert found(made.database, {"admin-dongguan", "DongguanAdmin"}) == []


def test_what_is_old_goes_and_what_is_new_stays(made: Installation) -> None:
    assistant, database = made.assistant, made.database
    old, new = (assistant.ask(GAP, assistant.account("t0001"), limited=False).id for _ in range(2))
    with database.write() as connection:
        connection.execute(update(Turn).where(Turn.id == old).values(asked_at=time.time() - 31 * 86400))
        values = {"at": time.time() - 400 * 86400, "act": "token", "account": "t0002"}
        connection.execute(insert(AuditRow).values(values))
        connection.execute(insert(AuditRow).values(values | {"at": time.time() - 100 * 86400}))
    done = erasure.erase_older(database, 30, dry_run=False)
    assert done.rows == {"turns": 1, "threads": 1, "audit": 1}
    left = every_row(database)
    assert [row for row in left["turns"] if old in row] == []
    assert len([row for row in left["turns"] if new in row]) == 1
    assert len([row for row in left["audit"] if '"token"' in row]) == 1, "half a year is kept"
    assert left["credits"]
