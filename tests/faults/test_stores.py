"""Stores that go away while questions are asked: no wrong answer, nothing acknowledged lost, and nobody mends it."""

import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from evals.bench.home import XUESHI, environment, free_port, run, serving
from evals.bench.questions import chroma
from tests.postgres import cluster, running

HOURS = "我今年还差多少学时？"
COSTS, CAP = "培训费用谁出？", "镇级培训最多能计多少学时？"
PEOPLE = {"t0001": "T0001", "t0002": "T0002"}


class Site:
    """A server over HTTP, asked by two people."""

    def __init__(self, address: str, tokens: dict[str, str]) -> None:
        self.address, self._tokens = address, tokens

    def call(self, account: str, method: str, path: str, body: Any = None) -> httpx.Response:
        """One request of an account's."""
        headers = {"Authorization": f"Bearer {self._tokens[account]}"}
        with httpx.Client(trust_env=False, timeout=60) as client:
            return client.request(method, self.address + path, headers=headers, json=body)

    def ask(self, account: str, question: str) -> httpx.Response:
        """One question."""
        return self.call(account, "POST", "/v1/ask", {"question": question})

    def ready(self) -> dict[str, Any]:
        """What `/readyz` says."""
        found: dict[str, Any] = httpx.get(f"{self.address}/readyz", trust_env=False, timeout=60).json()
        return found


@contextmanager
def served(home: Path, **settings: str) -> Iterator[Site]:
    """`xueshi serve` on a home."""
    port, given = free_port(), {"no_proxy": "*", **settings}
    tokens = {account: run(home, "token", "--as", account, **given).strip() for account in PEOPLE}
    site = Site(f"http://127.0.0.1:{port}", tokens)
    with serving([XUESHI, "serve", "--port", str(port)], f"{site.address}/healthz", environment(home, **given)):
        yield site


def until(ready: Any) -> None:
    """Wait for something, a minute at most."""
    for _ in range(600):
        if ready():
            return
        time.sleep(0.1)
    pytest.fail("it didn't come")


class Load:
    """Both people asking at once, without pause; whatever they are told is held against what is true."""

    def __init__(self, site: Site) -> None:
        self.site, self.kept, self.refused, self.wrong = site, dict[str, tuple[str, Any]](), 0, list[str]()
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(who,)) for who in PEOPLE for _ in range(2)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, account: str) -> None:
        while not self._over.is_set():
            response = self.site.ask(account, HOURS)
            answer = response.json()
            if response.status_code == 503 and "暂时" in answer["detail"]:
                self.refused += 1
            elif response.status_code == 200 and answer["outcome"] == "unavailable":
                self.kept[answer["id"]] = account, answer
                self.refused += 1
            elif response.status_code == 200 and answer["calculation"]["teacher_id"] == PEOPLE[account]:
                self.kept[answer["id"]] = account, answer
            else:
                self.wrong.append(response.text)

    def answered(self) -> int:
        """How many were answered until now."""
        return sum(answer["outcome"] == "answered" for _, answer in [*self.kept.values()])


@pytest.mark.sqlite("its own PostgreSQL server is the one that goes away")
def test_a_database_that_restarts_under_load(made_home: Path, tmp_path: Path, postgres: object) -> None:
    home = shutil.copytree(made_home, tmp_path / "home")
    with cluster() as (programs, data), ExitStack() as first:
        address = f"postgresql+psycopg://postgres@/postgres?host={data}"
        # What is acknowledged must survive a crash.
        process = first.enter_context(running(programs, data, synchronous_commit="on", full_page_writes="on"))
        run(home, "move", address)
        with served(home, XUESHI_DATABASE_URL=address) as site:
            right = {account: site.ask(account, HOURS).json() for account in PEOPLE}
            with Load(site) as load:
                until(lambda: load.answered() > 8)
                process.send_signal(signal.SIGQUIT)  # as if it had crashed
                process.wait(60)
                refused = load.refused
                until(lambda: load.refused > refused + 4)
                told = site.ready()
                assert (told["ready"], told["parts"]["vectors"]) == (False, "ok")
                assert "数据库" in told["parts"]["database"]
                with running(programs, data):
                    before = load.answered()
                    until(lambda: load.answered() > before + 8)
                    load.__exit__()
                    assert site.ready()["ready"]
                    check(site, load, right)


def check(site: Site, load: Load, right: dict[str, Any]) -> None:
    """Every acknowledged answer is kept as it was told, right, and nobody else's."""
    assert load.wrong == []
    for name, (account, answer) in load.kept.items():
        receipt = site.call(account, "GET", f"/v1/answers/{name}")
        assert receipt.status_code == 200
        assert receipt.json()["answer"] == answer
        if answer["outcome"] == "answered":
            assert answer["calculation"] == right[account]["calculation"]
    other = {"t0001": "t0002", "t0002": "t0001"}
    name, (account, _) = next(iter(load.kept.items()))
    assert site.call(other[account], "GET", f"/v1/answers/{name}").status_code == 404


def test_a_chroma_server_that_stops_and_comes_back(made_home: Path, tmp_path: Path) -> None:
    home = shutil.copytree(made_home, tmp_path / "home")
    with ExitStack() as first:
        vectors = first.enter_context(chroma(home, port := free_port()))
        settings = {"XUESHI_VECTOR_URL": vectors}
        run(home, "ingest", "policies", **settings)
        with served(home, **settings) as site:
            first.close()
            for account in PEOPLE:
                refused, sure = site.ask(account, COSTS), site.ask(account, HOURS)
                assert (refused.status_code, refused.json()["outcome"]) == (200, "unavailable")
                assert refused.json()["citations"] == []
                assert "向量库" in refused.json()["text"]
                # What needs no clause to be found is answered all the same.
                assert sure.json()["calculation"]["teacher_id"] == PEOPLE[account]
            found = site.call("t0001", "GET", f"/v1/search?q={COSTS}")
            assert (found.status_code, found.headers["Content-Type"]) == (503, "application/problem+json")
            assert "向量库" in site.ready()["parts"]["vectors"]
            done = subprocess.run(
                [XUESHI, "ingest", "policies"], env=environment(home, **settings), capture_output=True, encoding="utf-8"
            )
            assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
            with chroma(home, port):
                for account in PEOPLE:
                    assert site.ask(account, COSTS).json()["outcome"] == "answered"
                    assert site.ask(account, CAP).json()["citations"]
                assert site.ready()["ready"]

            # Back without what it held: nothing is found worse than before, and one command makes it anew.
            shutil.rmtree(home / "vectors")
            with chroma(home, port), served(home, **settings) as fresh:
                assert "xueshi ingest policies" in fresh.ready()["parts"]["vectors"]
                assert fresh.ask("t0001", COSTS).json()["outcome"] == "unavailable"
                assert "xueshi ingest policies" in fresh.ask("t0002", CAP).json()["text"]
                run(home, "ingest", "policies", **settings)
                assert fresh.ready()["ready"]
                assert fresh.ask("t0001", COSTS).json()["outcome"] == "answered"
