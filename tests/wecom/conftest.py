"""The application with a self-built app, and a fake WeCom beside it."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from api.app import create_app
from assistant.settings import Settings
from tests.conftest import TODAY
from tests.wecom import fake
from tests.wecom.fake import Caller, FakeWeCom

AUTH = "a shared secret that is long enough for every HMAC that a test signs with"

Serve = Callable[..., AbstractContextManager[TestClient]]


def app_settings(home: Path, wecom: FakeWeCom, **others: Any) -> Settings:
    """Settings with the fake's self-built app, that nothing outside the tests has a say in."""
    given = {
        "home": home,
        "today": TODAY,
        "rate_limit": 1_000_000,
        "auth_secret": AUTH,
        "public_url": "https://xueshi.example.cn",
        "wecom_corp_id": fake.CORP,
        "wecom_agent_id": str(fake.AGENT),
        "wecom_secret": SecretStr(fake.SECRET),
        "wecom_token": SecretStr(fake.TOKEN),
        "wecom_aes_key": SecretStr(fake.AES_KEY),
        "wecom_api_base": wecom.address,
    }
    return Settings(_env_file=None, **{**given, **others})  # type: ignore[call-arg]


@pytest.fixture
def wecom(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeWeCom]:
    """A fake WeCom of the test's own."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with fake.running() as made:
        yield made


@pytest.fixture
def home(made_home: Path, tmp_path: Path) -> Path:
    """A home of the test's own, ready for questions."""
    return shutil.copytree(made_home, tmp_path / "home")


@contextmanager
def running(settings: Settings) -> Iterator[TestClient]:
    """The application, running within `with`, whose end waits for the answers."""
    app = create_app(settings)
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client
    app.state.installation.close()  # a home is let go of by the thread that took it


@pytest.fixture
def serve(home: Path, wecom: FakeWeCom) -> Serve:
    """Runs the application over the home, with other settings."""
    return lambda **others: running(app_settings(home, wecom, **others))


@pytest.fixture
def beside(home: Path, tmp_path: Path, wecom: FakeWeCom) -> Serve:
    """Runs another worker over the same database."""
    database = f"sqlite:///{home / 'xueshi.db'}"
    return lambda **others: running(app_settings(tmp_path / "beside", wecom, database_url=database, **others))


@pytest.fixture
def web(serve: Serve) -> Iterator[TestClient]:
    """The application, running."""
    with serve() as client:
        yield client


@pytest.fixture
def caller(web: TestClient) -> Caller:
    """WeCom's side of the application's callbacks."""
    return Caller(web)
