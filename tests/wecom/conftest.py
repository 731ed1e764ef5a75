"""The application with a self-built app, and a fake WeCom beside it."""

import os
import shutil
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from api.app import create_app
from assistant.ask import Asked, Assistant, Happening
from assistant.bootstrap import Installation
from assistant.events import Waiting, doing
from assistant.identity import Account
from assistant.settings import Settings
from assistant.store import feedback, people, turns
from tests.conftest import TODAY
from tests.wecom import fake, fake_bot
from tests.wecom.fake import Caller, FakeWeCom
from tests.wecom.fake_bot import FakeBot, LateAnswers, late_answers

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


def environment(home: Path, wecom: FakeWeCom, **others: str) -> dict[str, str]:
    """The environment of a process of its own on a home."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("XUESHI_")}
    given = {
        "HOME": str(home),
        "TODAY": TODAY.isoformat(),
        "AUTH_SECRET": AUTH,
        "PUBLIC_URL": "https://xueshi.example.cn",
        "WECOM_CORP_ID": fake.CORP,
        "WECOM_AGENT_ID": str(fake.AGENT),
        "WECOM_SECRET": fake.SECRET,
        "WECOM_TOKEN": fake.TOKEN,
        "WECOM_AES_KEY": fake.AES_KEY,
        "WECOM_API_BASE": wecom.address,
    }
    return plain | {f"XUESHI_{name}": value for name, value in (given | others).items()}


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


# The intelligent bot.

NO_APP = dict.fromkeys(("wecom_corp_id", "wecom_agent_id"), "") | {
    name: SecretStr("") for name in ("wecom_secret", "wecom_token", "wecom_aes_key")
}


class Site(NamedTuple):
    """An application with a bot, and WeCom's side of it."""

    installation: Installation
    bot: FakeBot

    def account(self, name: str = "t0001") -> Account:
        with self.installation.database.read() as connection:
            found = people.account(connection, name)
        assert found is not None
        return found

    def asked(self, name: str = "t0001") -> list[str]:
        """The questions of an account, thread by thread."""
        with self.installation.database.read() as connection:
            threads = turns.threads(connection, name, 100)
            return [turn.question for one in threads for turn in turns.turns(connection, name, one.id)]

    def opinions(self) -> list[tuple[str, str, str | None]]:
        """What was said of answers: account, rating, comment."""
        with self.installation.database.read() as connection:
            return [
                (one.opinion.account, one.opinion.rating, one.opinion.comment) for one in feedback.every(connection)
            ]


Open = Callable[..., Site]


def address(site: Site) -> str:
    """The URL of a site's database, for another process."""
    return site.installation.database._engine.url.render_as_string(hide_password=False)


@pytest.fixture
def late() -> Iterator[LateAnswers]:
    with late_answers() as made:
        yield made


@pytest.fixture
def site(home: Path, wecom: FakeWeCom, late: LateAnswers) -> Iterator[Open]:
    """Opens applications of a test's own, with a bot and, unless told otherwise, its companion app."""
    with ExitStack() as opened:

        def start(home: Path = home, **others: Any) -> Site:
            keys = {"wecom_bot_token": SecretStr(fake_bot.TOKEN), "wecom_bot_aes_key": SecretStr(fake_bot.AES_KEY)}
            app = create_app(app_settings(home, wecom, **keys, **others))
            http = opened.enter_context(TestClient(app, raise_server_exceptions=False))
            return Site(app.state.installation, FakeBot(http, late))

        yield start


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Answers stall, after saying what is being done, until this is set."""
    go, real = threading.Event(), Assistant.answer

    def answer(self: Assistant, asked: Asked) -> Generator[Happening]:
        yield doing("calculate_hours")
        while not go.wait(0.01):
            yield Waiting()
        yield from real(self, asked)

    monkeypatch.setattr(Assistant, "answer", answer)
    yield go
    go.set()
