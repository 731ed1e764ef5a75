"""The audit trail: who saw whose records; where it can't be written, nobody is shown any; nobody rewrites it."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import delete, insert, update

from assistant.bootstrap import Installation, install
from assistant.errors import Unavailable
from assistant.settings import Settings
from assistant.store import audit
from assistant.store.audit import Act, Line
from assistant.store.database import Database
from assistant.store.tables import AuditRow

SCHOOL = "广东省/东莞市/莞城街道/莞城中心小学"


@pytest.fixture
def made(settings: Settings) -> Iterator[Installation]:
    installation = install(settings)
    yield installation
    installation.close()


def ask(installation: Installation, account: str, question: str) -> Any:
    assistant = installation.assistant
    return assistant.ask(question, assistant.account(account), limited=False)


def trail(installation: Installation, **which: Any) -> list[Line]:
    with installation.database.read() as connection:
        return [line for line in audit.lines(connection, **which) if line.act == Act.QUESTION]


def test_an_administrator_who_sees_a_teachers_records_is_noted(made: Installation) -> None:
    assert ask(made, "admin-gczx", "T0001今年还差多少学时？").outcome == "answered"
    [line] = trail(made)
    assert (line.account, line.teacher_id, line.unit) == ("admin-gczx", "T0001", SCHOOL)
    assert trail(made, about="T0001") == trail(made, account="admin-gczx") == [line]
    assert trail(made, about="T0003") == trail(made, account="admin-dongguan") == []
    assert trail(made, since=line.at + 1) == []


def test_whoever_sees_only_their_own_is_not(made: Installation) -> None:
    for account, question in (
        ("t0001", "我今年还差多少学时？"),
        ("t0001", "列出我的记录"),
        ("admin-gczx", "我今年还差多少学时？"),  # of T0002, herself
        ("admin-gczx", "我们学校达标率是多少？"),  # nobody's in particular
        ("t0001", "陈静还差多少学时？"),  # refused
    ):
        ask(made, account, question)
    assert trail(made) == []


def test_a_roster_is_about_everybody_of_the_unit(made: Installation) -> None:
    assert ask(made, "admin-gczx", "我们学校还有谁没达标？").tables
    [line] = trail(made)
    assert (line.account, line.teacher_id, line.unit) == ("admin-gczx", None, SCHOOL)
    assert trail(made, about="T0001") == [line]
    assert trail(made, about="T0101") == [], "of another place"


def test_where_it_cannot_be_noted_nothing_is_shown(made: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise Unavailable("数据库暂时无法写入。")

    monkeypatch.setattr(audit, "note", broken)
    for question in ("T0001今年还差多少学时？", "列出林晓岚的记录", "我们学校还有谁没达标？"):
        answer = ask(made, "admin-gczx", question)
        assert answer.outcome == "unavailable"
        assert answer.calculation is None
        assert not answer.tables
        assert "林晓岚" not in answer.text
    assert ask(made, "t0001", "我今年还差多少学时？").outcome == "answered", "one's own need no line"


@pytest.mark.parametrize(
    "change",
    [
        update(AuditRow).values(account="somebody"),
        update(AuditRow).values(at=0.0),
        update(AuditRow).values(unit=None),
        update(AuditRow).values(teacher_id=None),
        delete(AuditRow),
    ],
)
def test_a_line_stays_as_it_is(settings: Settings, change: Any) -> None:
    database = Database(settings.database)
    with database.write() as connection:
        audit.note(connection, Act.QUESTION, "admin-gczx", teacher_id="T0001", unit=SCHOOL)
    with database.read() as connection:
        before = audit.lines(connection)
    with pytest.raises(Unavailable), database.write() as connection:
        connection.execute(change)
    with database.read() as connection:
        assert audit.lines(connection) == before
    database.close()


def test_a_line_goes_after_half_a_year(settings: Settings) -> None:
    database = Database(settings.database)
    with database.write() as connection:
        connection.execute(insert(AuditRow).values(at=0.0, act="token", account="t0001"))
        assert connection.execute(delete(AuditRow).where(AuditRow.at == 0.0)).rowcount == 1
    database.close()
