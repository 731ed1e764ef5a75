"""What goes into the audit trail by HTTP and on the command line, and how it is read; erasing on the command line."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from api.cli import app
from assistant.errors import Unavailable, XueshiError
from assistant.store import audit
from assistant.store.audit import Line
from assistant.store.database import Database

Headers = Callable[..., dict[str, str]]
SCHOOL = "广东省/东莞市/莞城街道/莞城中心小学"
TEACHERS = "teacher_id,name,unit,stage,subject,employed_from,employed_to\n"
NEW = f"T8888,谢安琪,{SCHOOL},小学,数学,2020-09-01,\n"


def trail(web: Any) -> list[tuple[str, str | None, str | None, str | None]]:
    with web.app.state.installation.database.read() as connection:
        found: list[Line] = audit.lines(connection)
    assert all(line.request for line in found if line.account and line.act != "token")
    return [(line.act, line.account, line.unit, line.subject) for line in reversed(found) if line.account]


def test_what_administrators_see_and_do_is_noted(make_web: Any, bearer: Headers) -> None:
    web, me = make_web(), bearer("admin-gczx")
    for path in ("/v1/compliance?level=school", "/v1/imports", "/v1/me"):
        assert web.get(path, headers=me).status_code == 200
    assert trail(web) == [], "nobody's in particular"
    assert web.get("/v1/compliance?level=teacher", headers=me).status_code == 200
    assert web.get("/v1/compliance.csv?level=teacher", headers=me).status_code == 200
    assert web.get("/v1/compliance.xlsx?level=teacher", headers=me).status_code == 200
    assert web.get("/v1/feedback", headers=me).status_code == 200
    assert web.get("/v1/questions?kind=down", headers=me).status_code == 200
    files = {"files": ("teachers.csv", (TEACHERS + NEW).encode())}
    made = web.post("/v1/imports", files=files, headers=me).json()["import_id"]
    assert web.post(f"/v1/imports/{made}/undo", headers=me).status_code == 200
    seen = [(act, "admin-gczx", SCHOOL, None) for act in ("roster", "export", "export", "feedback", "feedback")]
    assert trail(web) == [*seen, *((act, "admin-gczx", None, str(made)) for act in ("import", "undo"))]


def test_what_is_refused_is_not(make_web: Any, bearer: Headers) -> None:
    web = make_web()
    web.get(f"/v1/compliance?level=teacher&unit={SCHOOL}", headers=bearer("t0001"))
    web.get("/v1/feedback", headers=bearer("t0001"))
    web.post("/v1/imports", files={"files": ("x.csv", b"teacher_id\n")}, headers=bearer("admin-gczx"))
    dry = {"files": ("teachers.csv", (TEACHERS + NEW).encode())}
    assert web.post("/v1/imports?dry_run=true", files=dry, headers=bearer("admin-gczx")).status_code == 200
    assert trail(web) == []


def test_where_nothing_can_be_noted_nothing_is_shown_or_changed(
    make_web: Any, bearer: Headers, problem: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    web, me = make_web(), bearer("admin-gczx")

    def broken(*_: Any, **__: Any) -> None:
        raise Unavailable("数据库暂时无法写入。")

    monkeypatch.setattr(audit, "note", broken)
    for path in ("/v1/compliance", "/v1/compliance.csv", "/v1/compliance.xlsx"):
        problem(web.get(f"{path}?level=teacher", headers=me), 503)
    problem(web.get("/v1/feedback", headers=me), 503)
    problem(web.get("/v1/questions?kind=down", headers=me), 503)
    problem(web.post("/v1/imports", files={"files": ("t.csv", (TEACHERS + NEW).encode())}, headers=me), 503)
    monkeypatch.undo()
    said = web.post("/v1/ask", json={"question": "T8888今年还差多少学时？"}, headers=me).json()
    assert said["outcome"] == "not_permitted", "nothing of the import was kept"


@pytest.fixture
def xueshi(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """The command line over stores of one's own; what it prints."""
    monkeypatch.setenv("XUESHI_HOME", str(settings.home))
    monkeypatch.setenv("XUESHI_TODAY", "2023-11-15")
    monkeypatch.setenv("XUESHI_AUTH_SECRET", "s" * 40)

    def run(*arguments: str) -> str:
        done = CliRunner().invoke(app, arguments)
        if isinstance(done.exception, XueshiError):
            raise done.exception
        assert done.exit_code == 0, done.output
        return done.stdout

    return run


def test_the_trail_is_read_by_account_teacher_and_day(xueshi: Callable[..., str], tmp_path: Path) -> None:
    xueshi("ask", "T0001今年还差多少学时？", "--as", "admin-gczx")
    xueshi("ask", "我们学校还有谁没达标？", "--as", "admin-gczx")
    xueshi("ask", "T0101今年还差多少学时？", "--as", "admin-dongguan")
    xueshi("compliance", "--unit", SCHOOL, "--level", "teacher")
    xueshi("token", "--as", "t0001")

    def told(*arguments: str) -> list[tuple[str, str | None, str | None]]:
        lines = json.loads(xueshi("audit", "--json", *arguments))
        return [(line["act"], line["account"], line["teacher_id"]) for line in lines if line["act"] != "import"]

    one, whole, other = (
        ("question", "admin-gczx", "T0001"),
        ("question", "admin-gczx", None),
        ("question", "admin-dongguan", "T0101"),
    )
    by_hand = ("roster", None, None)
    assert told() == [("token", "t0001", None), by_hand, other, whole, one]
    assert told("--account", "admin-gczx") == [whole, one]
    assert told("--about", "T0001") == [by_hand, whole, one]
    assert told("--about", "T0101") == [other]
    assert told("--since", "2999-01-01") == []
    rows = list(csv.reader(io.StringIO(xueshi("audit", "--csv", "--account", "admin-dongguan"))))
    assert rows[1][1:5] == ["admin-dongguan", "提问中查看他人记录", "T0101", rows[1][4]]
    assert "提问中查看他人记录" in xueshi("audit")
    assert "没有符合条件" in xueshi("audit", "--account", "nobody")


def test_a_person_is_erased_by_one_command(xueshi: Callable[..., str], settings: Any) -> None:
    xueshi("ask", "我今年还差多少学时？", "--as", "t0001")
    xueshi("ask", "T0001今年还差多少学时？", "--as", "admin-gczx")
    tried = json.loads(xueshi("erase", "T0001", "--dry-run", "--json"))
    assert (tried["dry_run"], tried["rows"]["teachers"], tried["others"]) == (True, 1, 1)
    assert "试运行，没有删除" in xueshi("erase", "T0001", "--dry-run")
    done = xueshi("erase", "T0001")
    assert "教师 1" in done
    assert "1 条问答是其他人的" in done
    with pytest.raises(XueshiError, match="没有编号或账号为 T0001 的人"):
        xueshi("erase", "T0001")
    with pytest.raises(XueshiError, match="没有登记"):
        xueshi("ask", "我今年还差多少学时？", "--as", "t0001")
    assert json.loads(xueshi("erase", "--older-than", "1", "--json"))["rows"] == {}
    assert CliRunner().invoke(app, ["erase"]).exit_code == 2
    assert CliRunner().invoke(app, ["erase", "T0002", "--older-than", "3"]).exit_code == 2
    with Database(settings.database).read() as connection:
        assert [line.act for line in audit.lines(connection)][:2] == ["erase", "erase"]
