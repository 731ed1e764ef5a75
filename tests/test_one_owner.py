"""One home, several processes: one owns the vectors, a kill leaves a whole policy, a first start migrates once."""

import os
import re
import shutil
import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import ProxyHandler, Request, build_opener

import pytest
from sqlalchemy import text

from assistant.bootstrap import Installation, install
from assistant.policy import Policy
from assistant.retrieval.search import entry
from assistant.settings import SHIPPED_CORPUS, Settings
from assistant.store import policies
from assistant.store.database import SCHEMA, Database
from ingest.corpus import read_entry
from ingest.policies import ingest_policies

XUESHI = Path(sysconfig.get_path("scripts")) / "xueshi"
TODAY = date(2023, 11, 15)
SECRET = "a shared secret that is long enough for HS256"
HOURS, CAP = "我今年还差多少学时？", "镇级培训最多能计多少学时？"
POLICY = "dongguan-2023"


def environment(home: Path, **settings: str) -> dict[str, str]:
    """The environment of a process on this home: these settings and no others."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("XUESHI_")}
    return plain | {"XUESHI_HOME": str(home), "XUESHI_TODAY": TODAY.isoformat(), **settings}


def run(home: Path, *command: str, **settings: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        command, env=environment(home, **settings), cwd=home.parent, capture_output=True, encoding="utf-8", timeout=120
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus with another text of one policy: 96 hours a year in place of 90, of 镇级 15 in place of 12."""
    corpus = tmp_path_factory.mktemp("changed")
    folder = shutil.copytree(SHIPPED_CORPUS / POLICY, corpus / POLICY)
    for name, old, new in (
        ("policy.md", "全年累计不少于90学时", "全年累计不少于96学时"),
        ("policy.md", "一年最多登记12学时", "一年最多登记15学时"),
        ("rules.yaml", "at_least: 90,", "at_least: 96,"),
        ("rules.yaml", "at_most: 12,", "at_most: 15,"),
    ):
        content = (folder / name).read_text()
        assert content.count(old) == 1
        # The examples say what the old figures make.
        (folder / name).write_text(content.replace(old, new).split("  examples:\n")[0])
    return corpus


@contextmanager
def opened(home: Path) -> Iterator[Installation]:
    """The home, opened by this process."""
    installation = install(Settings.model_construct(home=home, today=TODAY, rate_limit=100))
    yield installation
    installation.close()


def figures(installation: Installation, account: str = "t0001") -> tuple[str, str, str]:
    """What the policy requires, what of it counts for the account, and what it still owes."""
    asker = installation.assistant.account(account)
    made = installation.assistant.ask(HOURS, asker).calculation
    assert made is not None
    return made.required, made.counted, made.remaining


OLD, NEW = ("90", "78", "12"), ("96", "81", "15")


# A process that serves.


@dataclass
class Story:
    """What came of other commands while a server held the home, and after it had ended."""

    home: Path
    beside: Mapping[str, subprocess.CompletedProcess[str]]
    me: str
    figures_beside: tuple[str, str, str]
    after: subprocess.CompletedProcess[str]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def fetch(address: str, token: str = "") -> str:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with build_opener(ProxyHandler({})).open(Request(address, headers=headers), timeout=10) as response:
        content: bytes = response.read()
        return content.decode()


@contextmanager
def serving(home: Path, log: Path) -> Iterator[str]:
    """A server on this home; its address, once it is ready. Ended as a process manager ends it."""
    address = f"http://127.0.0.1:{(port := free_port())}"
    command = [str(XUESHI), "serve", "--port", str(port)]
    with log.open("w") as output:
        server = subprocess.Popen(
            command,
            env=environment(home, XUESHI_AUTH_SECRET=SECRET),
            cwd=home.parent,
            stdout=output,
            stderr=output,
        )
    try:
        for _ in range(600):
            assert server.poll() is None, log.read_text()
            try:
                fetch(f"{address}/readyz")
                break
            except (URLError, ConnectionError):
                time.sleep(0.1)
        yield address
    finally:
        server.terminate()
        server.wait(60)


@pytest.fixture(scope="module")
def story(made_home: Path, changed: Path, tmp_path_factory: pytest.TempPathFactory) -> Story:
    home = shutil.copytree(made_home, tmp_path_factory.mktemp("served") / "home")
    commands: Mapping[str, tuple[tuple[str, ...], dict[str, str]]] = {
        "serve": (("serve", "--port", str(free_port())), {"XUESHI_AUTH_SECRET": SECRET}),
        "ingest": (("ingest", "policies"), {"XUESHI_CORPUS": str(changed)}),
        "hours": (("ask", HOURS, "--as", "t0001"), {}),
        "policy": (("ask", CAP, "--as", "t0002"), {}),
        "token": (("token", "--as", "t0001"), {"XUESHI_AUTH_SECRET": SECRET}),
    }
    with serving(home, home.parent / "server.log") as address, ThreadPoolExecutor(2) as pool:
        running = {
            name: pool.submit(run, home, str(XUESHI), *args, **settings) for name, (args, settings) in commands.items()
        }
        beside = {name: future.result() for name, future in running.items()}
        me = fetch(f"{address}/v1/me", beside["token"].stdout.strip())
    assert "Traceback" not in (home.parent / "server.log").read_text()
    with opened(home) as installation:
        found = figures(installation)
    after = run(home, str(XUESHI), "ingest", "policies", XUESHI_CORPUS=str(changed))
    return Story(home, beside, me, found, after)


@pytest.mark.parametrize("name", ["serve", "ingest", "policy"])
def test_what_needs_the_vectors_is_refused_beside_a_server(story: Story, name: str) -> None:
    done = story.beside[name]
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1
    assert str(story.home) in done.stderr
    assert "xueshi serve" in done.stderr


def test_a_refused_ingest_changes_nothing(story: Story) -> None:
    assert story.figures_beside == OLD


def test_hours_are_told_beside_a_server(story: Story) -> None:
    done = story.beside["hours"]
    assert (done.returncode, done.stderr) == (0, "")
    assert "还差 12 学时" in done.stdout


def test_a_token_made_beside_a_server_is_taken_by_it(story: Story) -> None:
    assert (story.beside["token"].returncode, story.beside["token"].stderr) == (0, "")
    assert '"account":"t0001"' in story.me


def test_after_the_server_the_home_is_free(story: Story) -> None:
    assert (story.after.returncode, story.after.stderr) == (0, "")
    with opened(story.home) as installation:
        assert figures(installation) == NEW


# A process that is killed.

KILLED = """
import os, signal, sys
from pathlib import Path

import chromadb
from assistant.retrieval.index import open_stores
from assistant.retrieval.index import Index
from assistant.settings import Settings
from assistant.store import policies
from ingest.policies import ingest_policies


def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)


def dying_after(owner, name, part=lambda *arguments: arguments):
    real = getattr(owner, name)

    def called(*arguments):
        real(*part(*arguments))
        die()

    setattr(owner, name, called)


POINTS = {
    "half of the vectors added": lambda: dying_after(Index, "add", lambda index, all: (index, all[: len(all) // 2])),
    "all vectors added": lambda: setattr(policies, "replace", die),
    "text written, not committed": lambda: dying_after(policies, "replace"),
    "text committed": lambda: setattr(Index, "keep_only", die),
    "old vectors gone": lambda: dying_after(Index, "keep_only"),
    "end written, not committed": lambda: dying_after(policies, "mark_indexed"),
}
corpus = Path(sys.argv[1])
for home, point in zip(sys.argv[2::2], sys.argv[3::2], strict=True):
    child = os.fork()
    if child == 0:
        POINTS[point]()
        database, index = open_stores(Settings.model_construct(home=Path(home)))
        ingest_policies(database, index, [corpus])
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL, point
"""
LEFT = {
    "half of the vectors added": OLD,
    "all vectors added": OLD,
    "text written, not committed": OLD,
    "text committed": NEW,
    "old vectors gone": NEW,
    "end written, not committed": NEW,
}


@pytest.fixture(scope="module")
def killed(made_home: Path, changed: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """A home for each point at which ingesting the changed corpus was killed."""
    folder = tmp_path_factory.mktemp("killed")
    homes = {point: shutil.copytree(made_home, folder / str(number)) for number, point in enumerate(LEFT)}
    where = [part for point, home in homes.items() for part in (str(home), point)]
    done = run(folder / "home", sys.executable, "-c", KILLED, str(changed), *where)
    assert done.returncode == 0, done.stderr
    return homes


def stored(installation: Installation) -> Policy | None:
    with installation.database.read() as connection:
        return policies.policy(connection, POLICY)


def check_whole(installation: Installation, expected: tuple[str, str, str], text_of: Policy) -> None:
    """Rules, calculation, clauses and search are all of one text."""
    assert stored(installation) == text_of
    assert figures(installation) == expected
    assert figures(installation, "t0002")[0] == expected[0]
    found = installation.assistant.ask(CAP, installation.assistant.account("t0002"))
    quotes = [citation.quote for citation in found.citations if citation.locator == "附件1/四/(二)"]
    assert quotes
    assert re.findall(r"一年最多登记(\d+)学时", quotes[0]) == [{"90": "12", "96": "15"}[expected[0]]]
    for citation in found.citations:
        clause = text_of.clause(citation.locator)
        assert clause is not None
        assert citation.quote in clause.text


@pytest.mark.parametrize("point", LEFT)
def test_a_kill_leaves_a_whole_policy_and_the_next_run_ends_the_work(
    killed: Mapping[str, Path], changed: Path, point: str
) -> None:
    old, new = read_entry(SHIPPED_CORPUS / POLICY).policy, read_entry(changed / POLICY).policy
    with opened(killed[point]) as installation:
        check_whole(installation, LEFT[point], old if LEFT[point] == OLD else new)
        database, index = installation.database, installation.index
        assert [report.changed for report in ingest_policies(database, index, [changed])] == [True]
        check_whole(installation, NEW, new)
        there = index.nearest("学时", [new.meta.id], 1000)
        assert set(there) == {entry(new.meta, clause).key for clause in new.clauses if clause.text}
        assert [report.changed for report in ingest_policies(database, index, [changed])] == [False]


# Processes that start together.

TOGETHER = """
import os, sys
import alembic.command
from assistant.store.database import Database

faults = 0
for address in sys.argv[1:]:
    hold, release = os.pipe()
    children = []
    for _ in range(4):
        children.append(os.fork())
        if children[-1] == 0:
            os.close(release)
            os.read(hold, 1)
            try:
                with Database(address).read():
                    os._exit(0)
            except BaseException as error:
                print(repr(error), repr(error.__context__), file=sys.stderr, flush=True)
                os._exit(1)
    os.close(release)
    os.close(hold)
    faults += sum(os.waitpid(child, 0)[1] != 0 for child in children)
sys.exit(faults)
"""


def test_processes_that_start_together_migrate_once(tmp_path: Path) -> None:
    addresses: list[Any] = [f"sqlite:///{tmp_path / str(number) / 'xueshi.db'}" for number in range(5)]
    done = run(tmp_path / "home", sys.executable, "-c", TOGETHER, *addresses)
    assert (done.returncode, done.stderr) == (0, "")
    for address in addresses:
        with Database(address).read() as connection:
            assert connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all() == [SCHEMA]
