"""One installation with the shipped corpus and the sample records, made once; its today is 2023-11-15.

`installation` and `ask` are shared by all tests and only ever asked. A test that changes anything takes `settings`: a
copy of the stores that is its own.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import hypothesis
import pytest

import evals.sample
from assistant.answer import Answer
from assistant.bootstrap import Installation, install
from assistant.retrieval.index import open_stores
from assistant.settings import Settings
from ingest.policies import ingest_policies
from ingest.records import load_records

TODAY = date(2023, 11, 15)
SAMPLE = sorted(Path(evals.sample.__file__).parent.glob("*.csv"))

# No test is about time.
hypothesis.settings.register_profile("xueshi", deadline=None)
hypothesis.settings.load_profile("xueshi")

Ask = Callable[[str, str], Answer]


def settings_at(home: Path) -> Settings:
    """Settings that nothing outside the tests has a say in."""
    return Settings(_env_file=None, home=home, today=TODAY, rate_limit=1_000_000)  # type: ignore[call-arg]


@pytest.fixture(scope="session", autouse=True)
def _own_environment() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("XUESHI_")]:
            patch.delenv(name)
        yield


@pytest.fixture(scope="session")
def made_home(tmp_path_factory: pytest.TempPathFactory, _own_environment: None) -> Path:
    """A home that is ready for questions, its stores closed: to be copied, never opened."""
    home = tmp_path_factory.mktemp("made") / "home"
    settings = settings_at(home)
    database, index = open_stores(settings)
    ingest_policies(database, index, settings.corpora)
    load_records(database, SAMPLE, TODAY)
    index.close()
    database.close()
    return home


@pytest.fixture(scope="session")
def installation(made_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """The installation that all tests share: for questions alone."""
    home = shutil.copytree(made_home, tmp_path_factory.mktemp("shared") / "home")
    made = install(settings_at(home))
    yield made
    made.close()


@pytest.fixture(scope="session")
def ask(installation: Installation) -> Ask:
    """One answer to an account's question, in a thread of its own."""
    assistant = installation.assistant
    return lambda account, question: assistant.ask(question, assistant.account(account))


@pytest.fixture
def settings(made_home: Path, tmp_path: Path) -> Settings:
    """Settings of stores that are this test's own, ready for questions."""
    return settings_at(shutil.copytree(made_home, tmp_path / "home"))
