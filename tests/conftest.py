"""One installation with the shipped corpus and the sample records, made once; its today is 2023-11-15.

`installation` and `ask` are shared by all tests and only ever asked. A test that changes anything takes `settings`: a
copy of the stores that is its own.

`--database postgresql` runs the tests that open a database once more, on a server that is started for them.
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
from tests.postgres import NoServer, Server, started, told_or_skipped

TODAY = date(2023, 11, 15)
SAMPLE = sorted(Path(evals.sample.__file__).parent.glob("*.csv"))

# No test is about time.
hypothesis.settings.register_profile("xueshi", deadline=None)
hypothesis.settings.load_profile("xueshi")

Ask = Callable[[str, str], Answer]


def settings_at(home: Path) -> Settings:
    """Settings that nothing outside the tests has a say in."""
    return Settings(_env_file=None, home=home, today=TODAY, rate_limit=1_000_000)  # type: ignore[call-arg]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--database", choices=("sqlite", "postgresql"), default="sqlite", help="what homes are kept in")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "sqlite(why): run on SQLite alone")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--database") == "sqlite":
        return
    config.hook.pytest_deselected(items=[item for item in items if not _opens_a_database(item)])
    items[:] = [item for item in items if _opens_a_database(item)]
    for item in items:
        for mark in item.iter_markers("sqlite"):
            item.add_marker(pytest.mark.skip(reason=mark.args[0]))


def _opens_a_database(item: pytest.Item) -> bool:
    assert isinstance(item, pytest.Function)
    return "made_home" in item.fixturenames or bool({"Database", "open_stores"} & vars(item.module).keys())


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL server. Where none can start, tests that need one are skipped, or fail if one was promised."""
    try:
        with started() as server:
            yield server
    except NoServer as error:
        told_or_skipped(error)


@pytest.fixture
def postgres_address(postgres: Server) -> Iterator[str]:
    """The SQLAlchemy URL of an empty PostgreSQL database that is this test's own."""
    name = postgres.create()
    yield postgres.address(name)
    postgres.run(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def java() -> None:
    """Java, which Spark needs. Without it tests that need one are skipped, or fail if it was promised."""
    if not (os.environ.get("JAVA_HOME") or shutil.which("java")):
        why = "no Java here: install one (Debian: apt-get install default-jre-headless)"
        (pytest.fail if os.environ.get("JAVA_REQUIRED") else pytest.skip)(why)


@pytest.fixture(scope="session", autouse=True)
def _own_environment(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("XUESHI_")]:
            patch.delenv(name)
        if request.config.getoption("--database") == "postgresql":
            server: Server = request.getfixturevalue("postgres")
            server.stand_in()
            server.stand_in_below(tmp_path_factory.mktemp("hook"))
        yield


@pytest.fixture(autouse=True)
def _no_databases_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """Databases of a test's own go with it: a thousand would fill the disk."""
    if request.config.getoption("--database") == "sqlite" or "tmp_path" not in request.fixturenames:
        yield
        return
    server, folder = request.getfixturevalue("postgres"), request.getfixturevalue("tmp_path")
    yield
    server.drop_below(folder)


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
