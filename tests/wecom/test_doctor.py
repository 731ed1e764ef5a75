"""`xueshi doctor`: everything that is right is told so, and everything wrong in one line with how to mend it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import typer
from fastapi.testclient import TestClient
from pydantic import SecretStr
from sqlalchemy import update
from typer.testing import CliRunner

from api.cli_doctor import command
from assistant.store.database import Database
from assistant.store.tables import AccountRow
from tests.conftest import settings_at
from tests.wecom.conftest import AUTH, Serve, app_settings
from tests.wecom.fake import FakeWeCom

URL = "https://xueshi.example.cn"


@pytest.fixture
def public(web: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Has the public address lead to the application, as a reverse proxy would."""
    outside = TestClient(web.app, URL)
    monkeypatch.setattr("httpx.get", lambda url, params, timeout: outside.get(url, params=params))


@contextmanager
def settings(monkeypatch: pytest.MonkeyPatch, given: Any) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setattr("assistant.settings.load", lambda: given)
        yield


def examined(monkeypatch: pytest.MonkeyPatch, given: Any, code: int) -> dict[str, str]:
    """What is said of each thing that is looked at, with its mark."""
    app = typer.Typer()
    app.command()(command)
    with settings(monkeypatch, given):
        result = CliRunner().invoke(app)
    assert result.exit_code == code, result.output
    *lines, last = result.output.splitlines()
    assert last == ("全部正常。" if code == 0 else f"有 {sum(line.startswith('✗') for line in lines)} 处需要处理。")
    assert not re.search(r"Traceback|\.py|SELECT", result.output)
    found = dict(re.fullmatch(r"([✓✗] [^：]+)：(.+)", line).groups() for line in lines)  # type: ignore[union-attr]
    return {name[2:]: name[0] + told for name, told in found.items()}


@pytest.mark.usefixtures("public")
def test_all_is_well(monkeypatch: pytest.MonkeyPatch, home: Path, wecom: FakeWeCom) -> None:
    said = examined(monkeypatch, app_settings(home, wecom), 0)
    assert "xueshi serve 使用" in said["向量库"]  # which is no fault
    assert "学时通" in said["企业微信应用"]
    assert f"{URL}/wecom/app 通过 URL 验证" in said["企业微信应用的回调"]
    assert "不启用" in said["智能机器人的长连接"]


def test_without_wecom_that_is_no_fault(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    said = examined(monkeypatch, settings_at(home).model_copy(update={"auth_secret": AUTH}), 0)
    assert "不启用" in said["企业微信应用"]
    assert "规划器" in said["语言模型"]


def test_an_empty_home_without_a_secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    said = examined(monkeypatch, settings_at(tmp_path / "new"), 1)
    assert "XUESHI_AUTH_SECRET" in said["身份核验"]
    assert "xueshi ingest records" in said["数据库"]
    assert "xueshi ingest policies" in said["政策"]


@pytest.mark.sqlite("about a file that is no database")
def test_a_database_that_does_not_open(monkeypatch: pytest.MonkeyPatch, home: Path, wecom: FakeWeCom) -> None:
    (home / "broken.db").write_text("not a database" * 100)
    given = app_settings(home, wecom, database_url=f"sqlite:///{home / 'broken.db'}")
    assert "XUESHI_DATABASE_URL" in examined(monkeypatch, given, 1)["数据库"]


def test_a_model_that_does_not_answer(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    model = {
        "model": "openai:any",
        "model_base_url": "http://127.0.0.1:9/v1",
        "model_api_key": SecretStr("a-secret-key"),
        "auth_secret": AUTH,
    }
    said = examined(monkeypatch, settings_at(home).model_copy(update=model), 1)["语言模型"]
    assert "XUESHI_MODEL_BASE_URL" in said
    assert "a-secret-key" not in said


@pytest.mark.usefixtures("public")
@pytest.mark.parametrize(
    ("path", "code", "step", "told"),
    [
        ("gettoken", 40001, "企业微信应用", "XUESHI_WECOM_SECRET"),
        ("gettoken", 40013, "企业微信应用", "XUESHI_WECOM_CORP_ID"),
        ("agent/get", 60020, "企业微信应用", "203.0.113.7"),
        ("agent/get", 301002, "企业微信应用", "XUESHI_WECOM_AGENT_ID"),
    ],
)
def test_what_wecom_refuses_is_told_in_words(
    monkeypatch: pytest.MonkeyPatch, home: Path, wecom: FakeWeCom, path: str, code: int, step: str, told: str
) -> None:
    wecom.fail(path, code)
    said = examined(monkeypatch, app_settings(home, wecom), 1)
    assert told in said[step]
    assert said["企业微信应用的回调"].startswith("✓")
    assert examined(monkeypatch, app_settings(home, wecom), 0)  # once it is mended, whatever was remembered


@pytest.mark.usefixtures("public")
def test_a_domain_that_is_not_trusted(monkeypatch: pytest.MonkeyPatch, home: Path, wecom: FakeWeCom) -> None:
    wecom.redirect_domain = "other.example.cn"
    said = examined(monkeypatch, app_settings(home, wecom), 1)["企业微信登录"]
    assert "other.example.cn" in said
    assert "xueshi.example.cn" in said


@pytest.mark.usefixtures("public")
def test_keys_that_the_running_service_does_not_have(
    monkeypatch: pytest.MonkeyPatch, home: Path, wecom: FakeWeCom
) -> None:
    given = app_settings(home, wecom, wecom_token=SecretStr("another"))
    assert "重启 xueshi serve" in examined(monkeypatch, given, 1)["企业微信应用的回调"]


def test_an_address_that_leads_nowhere(
    monkeypatch: pytest.MonkeyPatch, home: Path, wecom: FakeWeCom, serve: Serve
) -> None:
    given = app_settings(home, wecom, public_url="http://127.0.0.1:9")
    said = examined(monkeypatch, given, 1)
    assert "xueshi serve" in said["企业微信应用的回调"]
    assert "https" in said["企业微信登录"]


@pytest.mark.usefixtures("public")
def test_nobody_registered_as_a_member(monkeypatch: pytest.MonkeyPatch, home: Path, wecom: FakeWeCom) -> None:
    database = Database(f"sqlite:///{home / 'xueshi.db'}")
    with database.write() as connection:
        connection.execute(update(AccountRow).values(wecom_userid=None))
    database.close()
    assert "wecom_userid" in examined(monkeypatch, app_settings(home, wecom), 1)["企业微信成员"]
