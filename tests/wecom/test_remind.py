"""Reminders: who gets them, what they say, and that nobody gets one too many, whatever happens in between."""

import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, update

from assistant.store.database import Database
from assistant.store.tables import AccountRow, ReminderRow
from tests.wecom.conftest import environment
from tests.wecom.fake import FakeWeCom

CITY, SCHOOL = "广东省/东莞市", "广东省/东莞市/莞城街道/莞城中心小学"
ADMIN, SCHOOL_ADMIN = "admin-dongguan", "admin-gczx"
# Of SCHOOL, those who are short; and one who isn't.
LIN, OTHER, MET = "T0001", "T0032", "T0003"
DAY = 86_400.0
PROGRAM = "import typer; from api.cli_remind import command; typer.run(command)"


def bearer(web: TestClient, account: str) -> dict[str, str]:
    token = web.app.state.tokens.make(account, 10)  # type: ignore[attr-defined]
    return {"Authorization": f"Bearer {token}"}


def remind(web: TestClient, account: str = SCHOOL_ADMIN, **order: Any) -> dict[str, Any]:
    """What the API reports of reminding, for real unless the order says something else."""
    response = web.post("/v1/reminders", json={"dry_run": False, **order}, headers=bearer(web, account))
    assert response.status_code == 200, response.text
    report: dict[str, Any] = response.json()
    return report


def ids(people: list[dict[str, str]]) -> set[str]:
    return {one["teacher_id"] for one in people}


def register(database: Database, wecom: FakeWeCom, members: Mapping[str, str]) -> None:
    """Have these teachers, and of the sample's nobody else, be members of WeCom."""
    with database.write() as connection:
        connection.execute(update(AccountRow).values(wecom_userid=None))
        for teacher, userid in members.items():
            mine = update(AccountRow).where(AccountRow.account == teacher.lower())
            connection.execute(mine.values(wecom_userid=userid))
    wecom.members |= set(members.values())


@pytest.fixture
def database(web: TestClient) -> Database:
    found: Database = web.app.state.installation.database  # type: ignore[attr-defined]
    return found


@pytest.fixture(autouse=True)
def _members(request: pytest.FixtureRequest, wecom: FakeWeCom) -> None:
    if "web" in request.fixturenames:
        register(request.getfixturevalue("database"), wecom, {LIN: "Lin", OTHER: "Other", MET: "Met"})


# What they say, to whom.


def test_two_members_are_told_what_each_is_told_on_the_web(web: TestClient, wecom: FakeWeCom) -> None:
    report = remind(web)
    assert (report["sent"], report["failed"], report["stopped"], report["next"]) == (2, [], None, None)
    assert [one.userid for one in wecom.sent] == ["Lin", "Other"]
    told = {}
    for userid, account in (("Lin", "t0001"), ("Other", "t0032")):
        (text,) = wecom.texts(userid)
        told[account] = text
        made = web.get("/v1/me", headers=bearer(web, account)).json()["calculation"]
        assert f"还差 {made['remaining']} 学时" in text
        assert made["to"] in text  # by when
        for line in made["categories"]:
            if line["shortfall"] != "0":
                assert re.search(rf"{line['category']}：.*还差 {line['shortfall']}(?!\d)", text)
        assert "最少还要取得" in text  # how to close it
        assert f"目前已计入 {made['counted']} / {made['required']} 学时" in text
        assert "https://xueshi.example.cn/reminders" in text  # how to have no more of it
        assert len(text.encode()) <= 2048
    assert told["t0001"] != told["t0032"]


def test_it_is_text_which_the_wechat_plug_in_shows_too(web: TestClient, wecom: FakeWeCom) -> None:
    remind(web)
    assert {one.message["msgtype"] for one in wecom.sent} == {"text"}
    assert not re.search(r"\[\^|\*\*|\]\(", wecom.sent[0].text)


def test_a_dry_run_counts_and_sends_nothing(web: TestClient, wecom: FakeWeCom) -> None:
    for order in ({}, {"dry_run": True}):
        report = web.post("/v1/reminders", json=order, headers=bearer(web, SCHOOL_ADMIN)).json()
        assert report["dry_run"]
        assert (report["short"], report["due"], report["sent"]) == (8, 2, 0)
    assert wecom.sent == []
    assert remind(web)["sent"] == 2


def test_those_without_a_wecom_account_are_listed(web: TestClient) -> None:
    report = remind(web)
    assert ids(report["unregistered"]) == {"T0011", "T0013", "T0023", "T0043", "T0044", "T0045"}
    assert {one["unit"] for one in report["unregistered"]} == {SCHOOL}


def test_a_member_of_two_accounts_is_written_to_about_neither(
    web: TestClient, wecom: FakeWeCom, database: Database
) -> None:
    register(database, wecom, {LIN: "Lin", OTHER: "lIN", "T0043": "Third"})
    report = remind(web)
    assert [one.userid for one in wecom.sent] == ["Third"]
    assert {LIN, OTHER} <= ids(report["unregistered"])


def test_where_no_rule_holds_nobody_is_reminded(web: TestClient, wecom: FakeWeCom) -> None:
    assert remind(web, "admin-qtxx")["short"] == 0
    assert wecom.sent == []


# Once a week.


def test_nobody_is_reminded_twice_within_a_week(web: TestClient, wecom: FakeWeCom, database: Database) -> None:
    remind(web)
    again = remind(web, ADMIN)
    assert (again["sent"], again["recent"]) == (0, 2)
    assert len(wecom.sent) == 2
    with database.write() as connection:
        for teacher, days in ((LIN, 7.01), (OTHER, 6.99)):
            mine = update(ReminderRow).where(ReminderRow.teacher_id == teacher)
            connection.execute(mine.values(sent_at=time.time() - days * DAY))
    assert remind(web)["sent"] == 1
    assert (len(wecom.texts("Lin")), len(wecom.texts("Other"))) == (2, 1)


def test_two_runs_at_once_remind_everybody_once(web: TestClient, wecom: FakeWeCom) -> None:
    reports = list[dict[str, Any]]()
    runs = [threading.Thread(target=lambda: reports.append(remind(web))) for _ in range(3)]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert sum(report["sent"] for report in reports) == 2
    assert sorted(one.userid for one in wecom.sent) == ["Lin", "Other"]


def test_a_request_does_a_part_and_says_where_to_go_on(
    web: TestClient, wecom: FakeWeCom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.reminders._AT_ONCE", 1)
    first = remind(web)
    assert (first["sent"], first["due"], first["next"]) == (1, 2, LIN)
    last = remind(web, after=LIN)
    assert (last["sent"], last["due"], last["next"]) == (1, 1, None)
    assert len(wecom.sent) == 2


# Who doesn't want any.


def test_opting_out_is_ones_own_and_can_be_taken_back(web: TestClient, wecom: FakeWeCom) -> None:
    def turn(enabled: bool) -> None:
        response = web.put("/v1/me/reminders", json={"enabled": enabled}, headers=bearer(web, "t0001"))
        assert response.json() == {"enabled": enabled}

    turn(False)
    assert web.get("/v1/me/reminders", headers=bearer(web, "t0001")).json() == {"enabled": False}
    assert web.get("/v1/me/reminders", headers=bearer(web, "t0032")).json() == {"enabled": True}
    report = remind(web)
    assert (report["sent"], report["opted_out"]) == (1, 1)
    assert [one.userid for one in wecom.sent] == ["Other"]
    turn(True)
    assert remind(web)["sent"] == 1
    assert wecom.texts("Lin")


@pytest.mark.parametrize("body", [{}, {"enabled": "no"}, {"enabled": 0}, {"enabled": None}, {"enabled": True, "x": 1}])
def test_what_is_no_wish_is_refused(web: TestClient, body: dict[str, Any]) -> None:
    assert web.put("/v1/me/reminders", json=body, headers=bearer(web, "t0001")).status_code == 422


def test_who_is_no_teacher_has_nothing_to_wish(web: TestClient) -> None:
    response = web.put("/v1/me/reminders", json={"enabled": False}, headers=bearer(web, ADMIN))
    assert response.status_code == 422
    assert web.put("/v1/me/reminders", json={"enabled": False}).status_code == 401


# Who may remind.


@pytest.mark.parametrize(
    ("account", "unit"),
    [
        ("t0001", None),
        ("t0001", SCHOOL),
        (SCHOOL_ADMIN, CITY),
        (SCHOOL_ADMIN, "广东省/东莞市/虎门镇/虎门中心小学"),
        (SCHOOL_ADMIN, f"{SCHOOL}2"),
        (ADMIN, f"{CITY}/没有的镇"),
    ],
)
def test_only_administrators_of_the_unit_remind(
    web: TestClient, wecom: FakeWeCom, account: str, unit: str | None
) -> None:
    response = web.post("/v1/reminders", json={"unit": unit, "dry_run": False}, headers=bearer(web, account))
    assert response.status_code == 403
    assert response.json()["detail"] == "没有权限查看或更改：只限本人，管理员限本单位及下级单位。"
    assert wecom.sent == []


def test_an_administrator_above_reminds_those_below(web: TestClient, wecom: FakeWeCom, database: Database) -> None:
    register(database, wecom, {LIN: "Lin", "T0004": "FarAway"})
    assert remind(web, ADMIN, unit=SCHOOL)["sent"] == 1
    assert [one.userid for one in wecom.sent] == ["Lin"]


# What goes wrong at WeCom.


@pytest.mark.parametrize("code", [81013, 60111, 60011])
def test_a_member_who_cannot_be_reached_is_listed_and_the_others_are_reminded(
    web: TestClient, wecom: FakeWeCom, code: int
) -> None:
    wecom.fail("message/send", code)
    report = remind(web)
    assert ids(report["failed"]) == {LIN}
    assert report["failed"][0]["why"]
    assert (report["sent"], report["stopped"]) == (1, None)
    assert remind(web)["sent"] == 1  # once it has been mended
    assert [one.userid for one in wecom.sent] == ["Other", "Lin"]


@pytest.mark.parametrize("code", [60020, 45009])
def test_what_holds_for_everybody_stops_the_run_with_nobody_marked(
    web: TestClient, wecom: FakeWeCom, database: Database, code: int
) -> None:
    wecom.fail("message/send", code)
    report = remind(web)
    assert report["stopped"]
    assert (report["sent"], report["failed"], report["unsure"]) == (0, [], [])
    assert wecom.calls["message/send"] == 1
    with database.read() as connection:
        assert set(connection.execute(select(ReminderRow.sent_at)).scalars()) == {None}


def test_what_may_have_gone_out_is_not_sent_again(web: TestClient, wecom: FakeWeCom) -> None:
    wecom.fail("message/send", "silent")
    report = remind(web)
    assert report["stopped"]
    assert ids(report["unsure"]) == {LIN}
    again = remind(web)
    assert (again["sent"], ids(again["unsure"])) == (1, {LIN})
    assert [one.userid for one in wecom.sent] == ["Other"]


def test_a_token_revoked_on_the_way_is_no_hindrance(web: TestClient, wecom: FakeWeCom) -> None:
    wecom.fail("message/send", 42001)
    assert remind(web)["sent"] == 2
    assert sorted(one.userid for one in wecom.sent) == ["Lin", "Other"]


def test_nothing_is_dropped_for_coming_too_fast(web: TestClient, wecom: FakeWeCom, database: Database) -> None:
    with database.read() as connection:
        teachers = list(connection.execute(select(AccountRow.teacher_id).where(AccountRow.role == "teacher")).scalars())
    register(database, wecom, {one: f"member.{one}" for one in teachers if one})
    report = remind(web, ADMIN)
    assert report["sent"] == report["due"] == report["short"] == 40
    assert wecom.dropped == []
    assert len({one.userid for one in wecom.sent}) == len(wecom.sent) == 40


# The command, and a kill in the middle of it.


def command(home: Path, wecom: FakeWeCom, *args: str) -> "subprocess.Popen[str]":
    started = [sys.executable, "-c", PROGRAM, *args]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "encoding": "utf-8"}
    return subprocess.Popen(started, env=environment(home, wecom), **pipes)


def finished(home: Path, wecom: FakeWeCom, *args: str) -> str:
    run = command(home, wecom, *args)
    out, err = run.communicate(timeout=120)
    assert (run.returncode, err) == (0, "")  # piped: no progress bar
    return out


def test_the_command_tells_what_it_did(home: Path, wecom: FakeWeCom) -> None:
    dry = finished(home, wecom, "--unit", SCHOOL, "--dry-run")
    assert "这次会提醒 1 人" in dry
    assert wecom.sent == []
    done = finished(home, wecom, "--unit", SCHOOL)
    assert "已发送 1 人" in done
    assert "T0011" in done  # has no account in WeCom
    assert [one.userid for one in wecom.sent] == ["LinXiaoLan"]
    assert "一周内提醒过的 1 人" in finished(home, wecom, "--unit", f"{SCHOOL}/")


def test_after_a_kill_it_goes_on_and_nobody_is_written_to_twice(home: Path, wecom: FakeWeCom) -> None:
    database = Database(f"sqlite:///{home / 'xueshi.db'}")
    with database.read() as connection:
        teachers = list(connection.execute(select(AccountRow.teacher_id).where(AccountRow.role == "teacher")).scalars())
    everybody = {one: f"member.{one}" for one in teachers if one}
    register(database, wecom, everybody)
    database.close()
    for messages in (5, 15):  # killed twice
        run = command(home, wecom, "--unit", CITY)
        wecom.wait(messages, 60)
        run.send_signal(signal.SIGKILL)
        run.communicate()
        assert len(wecom.sent) < 40, "it was killed too late to tell anything"
    report = finished(home, wecom, "--unit", CITY)
    unsure = {everybody[one] for one in re.findall(r"^  (T\d+) ", report, re.MULTILINE)}
    assert len(unsure) <= 2  # one in flight a kill
    got = [one.userid for one in wecom.sent]
    assert len(set(got)) == len(got)
    assert len(set(got) | unsure) == 40
    assert "已发送 0 人" in finished(home, wecom, "--unit", CITY)
    assert len(wecom.sent) == len(got)


def test_without_wecom_it_is_said_what_is_missing(home: Path, wecom: FakeWeCom) -> None:
    off = dict.fromkeys(("CORP_ID", "AGENT_ID", "SECRET", "TOKEN", "AES_KEY"), "")
    given = environment(home, wecom, **{f"WECOM_{name}": value for name, value in off.items()})
    program = "from assistant.errors import SettingsError\nfrom api import cli_remind\n" + (
        f"try: cli_remind.command({SCHOOL!r})\nexcept SettingsError as error: print(error)"
    )
    ran = subprocess.run([sys.executable, "-c", program], env=given, capture_output=True, encoding="utf-8", timeout=60)
    assert "XUESHI_WECOM_CORP_ID" in ran.stdout
