"""Calls to WeCom: one token for all processes, renewed when it must be, and failures in words that tell how to mend."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from pydantic import SecretStr

from api.wecom import client as clients
from api.wecom.client import Client, WeComError
from assistant.errors import SettingsError, Unavailable
from assistant.settings import load
from assistant.store.database import Database
from tests.wecom import fake
from tests.wecom.conftest import app_settings
from tests.wecom.fake import FakeWeCom

HELLO = {"msgtype": "text", "text": {"content": "您好"}}
Open = Callable[..., Client]


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "_PAUSE", 0)


@pytest.fixture
def opened(tmp_path: Path, wecom: FakeWeCom) -> Iterator[Open]:
    """Clients over one database, each as another process has its own."""
    with ExitStack() as stack:

        def make(**others: object) -> Client:
            settings = app_settings(tmp_path / "home", wecom, **others)
            database = Database(settings.database)
            stack.callback(database.close)
            made = Client(settings, database)
            stack.callback(made.close)
            return made

        yield make


def test_processes_share_one_token_and_a_restart_keeps_it(opened: Open, wecom: FakeWeCom) -> None:
    for made in (opened(), opened(), opened()):
        made.send("LinXiaoLan", HELLO)
        made.send("ChenJing", HELLO)
    assert wecom.calls == {"gettoken": 1, "message/send": 6}
    assert wecom.texts("LinXiaoLan") == ["您好"] * 3


def test_a_token_is_renewed_ahead_of_its_end(opened: Open, wecom: FakeWeCom, monkeypatch: pytest.MonkeyPatch) -> None:
    made = opened()
    made.send("LinXiaoLan", HELLO)
    now = clients.time.time()
    monkeypatch.setattr(clients.time, "time", lambda: now + 7200 - 299)
    made.send("LinXiaoLan", HELLO)
    assert wecom.calls == {"gettoken": 2, "message/send": 2}


@pytest.mark.parametrize("gone", ["revoked", "expired"])
def test_a_token_that_is_refused_is_renewed_once(opened: Open, wecom: FakeWeCom, gone: str) -> None:
    first, second = opened(), opened()
    first.send("LinXiaoLan", HELLO)
    if gone == "revoked":
        wecom.revoke()
    else:
        wecom.skew = 7300
    first.send("LinXiaoLan", HELLO)
    second.send("LinXiaoLan", HELLO)
    assert wecom.calls == {"gettoken": 2, "message/send": 4}
    assert len(wecom.sent) == 3


def test_a_new_token_that_is_refused_too_is_not_renewed_again(opened: Open, wecom: FakeWeCom) -> None:
    wecom.fail("message/send", 40014, 40014)
    with pytest.raises(WeComError, match="XUESHI_WECOM_SECRET") as refused:
        opened().send("LinXiaoLan", HELLO)
    assert refused.value.code == 40014
    assert wecom.calls == {"gettoken": 2, "message/send": 2}


def test_a_wrong_secret_is_remembered_by_all_until_it_is_another(
    opened: Open, wecom: FakeWeCom, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = {"wecom_secret": SecretStr("another")}
    for made in (opened(**wrong), opened(**wrong)):
        with pytest.raises(WeComError, match="XUESHI_WECOM_SECRET") as refused:
            made.send("LinXiaoLan", HELLO)
        assert refused.value.code == 40001
        assert "another" not in str(refused.value)
    assert wecom.calls == {"gettoken": 1}
    opened().send("LinXiaoLan", HELLO)
    now = clients.time.time()
    monkeypatch.setattr(clients.time, "time", lambda: now + 301)
    with pytest.raises(WeComError):
        opened(**wrong).send("LinXiaoLan", HELLO)
    assert wecom.calls["gettoken"] == 3


def test_an_address_that_is_not_trusted_is_remembered_and_told_until_it_is_checked_anew(
    opened: Open, wecom: FakeWeCom
) -> None:
    wecom.fail("message/send", 60020)
    for made in (opened(), opened()):
        with pytest.raises(WeComError, match=r"203\.0\.113\.7.*企业可信IP"):
            made.send("LinXiaoLan", HELLO)
    assert wecom.calls == {"gettoken": 1, "message/send": 1}
    assert opened().check()["redirect_domain"] == "xueshi.example.cn"
    opened().send("LinXiaoLan", HELLO)


def test_what_the_check_finds_is_told(opened: Open, wecom: FakeWeCom) -> None:
    wecom.fail("agent/get", 301002)
    with pytest.raises(WeComError, match="XUESHI_WECOM_AGENT_ID"):
        opened().check()
    with pytest.raises(WeComError, match="XUESHI_WECOM_CORP_ID"):
        opened(wecom_corp_id="ww0").check()


@pytest.mark.parametrize("faults", [(-1,), (-1, -1)])
def test_a_busy_wecom_is_asked_again(opened: Open, wecom: FakeWeCom, faults: tuple[int, ...]) -> None:
    wecom.fail("message/send", *faults)
    opened().send("LinXiaoLan", HELLO)
    assert len(wecom.sent) == 1


def test_a_wecom_that_stays_busy_is_let_be(opened: Open, wecom: FakeWeCom) -> None:
    wecom.fail("message/send", -1, -1, -1)
    with pytest.raises(WeComError, match="繁忙"):
        opened().send("LinXiaoLan", HELLO)
    assert wecom.calls["message/send"] == 3


@pytest.mark.parametrize("fault", ["silent", "page"])
def test_without_an_answer_nothing_is_sent_again(opened: Open, wecom: FakeWeCom, fault: str) -> None:
    wecom.fail("message/send", fault)
    with pytest.raises(WeComError, match=r"127\.0\.0\.1.*XUESHI_WECOM_API_BASE"):
        opened().send("LinXiaoLan", HELLO)
    assert wecom.calls["message/send"] == 1
    opened().send("LinXiaoLan", HELLO)


def test_where_nobody_listens_it_is_said(opened: Open) -> None:
    with pytest.raises(WeComError, match="连不上企业微信"):
        opened(wecom_api_base="http://127.0.0.1:9").send("LinXiaoLan", HELLO)


def test_an_unknown_code_is_told(opened: Open, wecom: FakeWeCom) -> None:
    wecom.fail("message/send", 99999)
    with pytest.raises(WeComError, match=r"99999.*90313"):
        opened().send("LinXiaoLan", HELLO)


@pytest.mark.parametrize("userid", ["@all", "LinXiaoLan|ChenJing", "", "a" * 65, "林", "x\n", "wo mA"])
def test_a_message_goes_to_one_member_or_nowhere(opened: Open, wecom: FakeWeCom, userid: str) -> None:
    with pytest.raises(WeComError, match="userid"):
        opened().send(userid, HELLO)
    assert wecom.calls == {}


@pytest.mark.parametrize("userid", ["Elsewhere", "gone"])
def test_a_member_who_cannot_be_sent_to_is_told(opened: Open, wecom: FakeWeCom, userid: str) -> None:
    with pytest.raises(WeComError, match="可见范围") as refused:
        opened().send(userid, HELLO)
    assert refused.value.code == 81013
    assert wecom.sent == []


def test_without_the_database_a_process_goes_on_with_what_it_knows(
    opened: Open, wecom: FakeWeCom, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = opened()
    made.send("LinXiaoLan", HELLO)

    def away(_: Database) -> None:
        raise Unavailable("数据库暂时无法读取，请稍后再试。")

    monkeypatch.setattr(Database, "read", away)
    monkeypatch.setattr(Database, "write", away)
    made.send("LinXiaoLan", HELLO)
    wecom.revoke()
    made.send("LinXiaoLan", HELLO)
    assert len(wecom.sent) == 3


# The settings.

APP = {
    "XUESHI_WECOM_CORP_ID": fake.CORP,
    "XUESHI_WECOM_AGENT_ID": str(fake.AGENT),
    "XUESHI_WECOM_SECRET": fake.SECRET,
    "XUESHI_WECOM_TOKEN": fake.TOKEN,
    "XUESHI_WECOM_AES_KEY": fake.AES_KEY,
}
BOT = {"XUESHI_WECOM_BOT_TOKEN": fake.TOKEN, "XUESHI_WECOM_BOT_AES_KEY": fake.AES_KEY}
LINE = {"XUESHI_WECOM_BOT_ID": "aib1", "XUESHI_WECOM_BOT_SECRET": "hush"}


@pytest.mark.parametrize("groups", [[], [APP], [BOT], [LINE], [BOT, LINE], [APP, BOT, LINE]])
def test_whole_groups_of_settings_are_taken(
    groups: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in [pair for group in groups for pair in group.items()]:
        monkeypatch.setenv(name, value)
    settings = load()
    assert settings.wecom_api_base == "https://qyapi.weixin.qq.com"
    assert settings.wecom_ws_url == "wss://openws.work.weixin.qq.com"
    assert not any(told in f"{settings!r}" for told in (fake.SECRET, fake.TOKEN, fake.AES_KEY, "hush"))


@pytest.mark.parametrize(("group", "missing"), [(group, name) for group in (APP, BOT, LINE) for name in group])
def test_a_half_set_group_stops_the_start_with_what_is_missing(
    group: dict[str, str], missing: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in group.items():
        monkeypatch.setenv(name, "" if name == missing else value)
    with pytest.raises(SettingsError, match=missing) as refused:
        load()
    assert len(str(refused.value).splitlines()) == 1
    assert not any(name in str(refused.value) for name in group if name != missing)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("XUESHI_WECOM_CORP_ID", "企业"),
        ("XUESHI_WECOM_AGENT_ID", "1000002a"),
        ("XUESHI_WECOM_AGENT_ID", "0"),
        ("XUESHI_WECOM_SECRET", "hunter 2"),
        ("XUESHI_WECOM_TOKEN", "hunter\u3000"),
        ("XUESHI_WECOM_AES_KEY", "hunter2"),
        ("XUESHI_WECOM_AES_KEY", fake.AES_KEY + "="),
        ("XUESHI_WECOM_API_BASE", "qyapi.weixin.qq.com"),
        ("XUESHI_WECOM_WS_URL", "https://openws.work.weixin.qq.com"),
    ],
)
def test_a_wrong_setting_is_named_and_no_secret_told(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for other, good in APP.items():
        monkeypatch.setenv(other, good)
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=name) as refused:
        load()
    assert len(str(refused.value).splitlines()) == 1
    assert not any(told in str(refused.value) for told in ("hunter", fake.SECRET, fake.TOKEN, fake.AES_KEY))
