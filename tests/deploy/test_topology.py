"""What `deploy/compose.yaml` starts, without containers: two API processes that share PostgreSQL and a Chroma server.

Each has a home of its own, as on two machines, and is started as `deploy/xueshi@.service` starts it; a third home is
the operator's.
"""

import json
import os
import shutil
import subprocess
import sysconfig
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from assistant.settings import SHIPPED_CORPUS
from tests.chroma import chroma_server, free_port
from tests.conftest import SAMPLE, TODAY
from tests.postgres import Server

XUESHI = Path(sysconfig.get_path("scripts")) / "xueshi"
DEPLOY = Path(__file__).parents[2] / "deploy"
# As systemd starts it.
UNIT = next(
    line.removeprefix("ExecStart=")
    for line in (DEPLOY / "xueshi@.service").read_text().splitlines()
    if line.startswith("ExecStart=")
)
LIMIT = 20
HOURS, CAP = "我今年还差多少学时？", "镇级培训最多能计多少学时？"


class Api:
    """One API process of the installation."""

    def __init__(self, home: Path, environment: Mapping[str, str], *options: str) -> None:
        """`options`: further ones of `xueshi serve`."""
        self.home, self.port, self._options = home, free_port(), options
        self.address = f"http://127.0.0.1:{self.port}"
        self._environment, self._log = {**environment, "XUESHI_HOME": str(home)}, home.with_suffix(".log")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = UNIT.replace("/opt/xueshi/bin/xueshi", str(XUESHI)).replace("%i", str(self.port)).split()
        with self._log.open("a") as log:
            self._process = subprocess.Popen(
                [*command, *self._options], env=self._environment, cwd="/", stdout=log, stderr=log
            )

    def wait(self) -> None:
        """Return when it serves."""
        assert self._process
        for _ in range(600):
            assert self._process.poll() is None, self._log.read_text()
            try:
                httpx.get(f"{self.address}/healthz")
                return
            except httpx.TransportError:
                time.sleep(0.1)
        raise AssertionError(self._log.read_text())

    def end(self, *, kill: bool = False) -> None:
        if self._process:
            (self._process.kill if kill else self._process.terminate)()
            self._process.wait(60)


class Site:
    """Both processes, and the operator's command line."""

    def __init__(self, folder: Path, database: str, vectors: str) -> None:
        plain = {name: value for name, value in os.environ.items() if not name.startswith("XUESHI_")}
        self._folder, self._environment = folder, {
            **plain,
            "XUESHI_DATABASE_URL": database,
            "XUESHI_VECTOR_URL": vectors,
            "XUESHI_AUTH_SECRET": "a shared secret that is long enough for HS256",
            "XUESHI_TODAY": TODAY.isoformat(),
            "XUESHI_RATE_LIMIT": str(LIMIT),
        }  # fmt: skip
        self.first, self.second = self.api("first"), self.api("second")
        self._tokens = dict[str, str]()

    def api(self, name: str, *options: str) -> Api:
        """A process with a home of its own."""
        return Api(self._folder / name, self._environment, *options)

    def run(self, *command: str, **settings: str) -> str:
        environment = {**self._environment, "XUESHI_HOME": str(self._folder / "operator"), **settings}
        done = subprocess.run(
            [XUESHI, *command], env=environment, cwd="/", capture_output=True, encoding="utf-8", timeout=120
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    def asker(self, api: Api, account: str = "t0001") -> httpx.Client:
        """An account's client of one of the processes."""
        if account not in self._tokens:
            self._tokens[account] = self.run("token", "--as", account).strip()
        headers = {"Authorization": f"Bearer {self._tokens[account]}"}
        return httpx.Client(base_url=api.address, headers=headers, timeout=60)


pytestmark = pytest.mark.sqlite("brings the PostgreSQL that it runs on")


@pytest.fixture(scope="module")
def site(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Both started at once on an empty database; then policies and records are read in by the operator."""
    folder, name = tmp_path_factory.mktemp("site"), postgres.create()
    with chroma_server(folder / "chroma") as chroma:
        site = Site(folder, postgres.address(name), chroma.url)
        apis = site.first, site.second
        try:
            for api in apis:
                api.start()
            for api in apis:
                api.wait()
            site.run("ingest", "policies")
            site.run("ingest", "records", *map(str, SAMPLE))
            yield site
        finally:
            for api in apis:
                api.end()
    postgres.run(f"DROP DATABASE {name} WITH (FORCE)")


def events(response: httpx.Response) -> Iterator[tuple[str, str]]:
    """The ids and data of a stream's events as they come."""
    name = ""
    for line in response.iter_lines():
        if line.startswith("id: "):
            name = line.removeprefix("id: ")
        elif line.startswith("data: "):
            yield name, line.removeprefix("data: ")


def told(data: list[str]) -> dict[str, Any]:
    """The text that a stream's events make, and the answer's id."""
    parts = [json.loads(one) for one in data if one != "[DONE]"]
    text = "".join(part["delta"] for part in parts if part["type"] == "text-delta")
    return {"id": next(part["messageId"] for part in parts if part["type"] == "start"), "text": text}


def ask(client: httpx.Client, question: str, thread: str | None = None) -> httpx.Response:
    return client.post("/v1/ask", json={"question": question} | ({"thread_id": thread} if thread else {}))


def test_both_are_ready_and_tell_the_same(site: Site) -> None:
    for api in (site.first, site.second):
        assert httpx.get(f"{api.address}/readyz").json()["ready"]
    answers = [ask(site.asker(api), HOURS).json() for api in (site.first, site.second)]
    assert [answer["calculation"]["remaining"] for answer in answers] == ["12", "12"]
    found = [ask(site.asker(api), CAP).json()["citations"] for api in (site.first, site.second)]
    assert found[0] == found[1] != []
    assert not any(api.home.exists() for api in (site.first, site.second))  # so that theirs may be read-only disks


def test_a_stream_lost_at_one_goes_on_at_the_other_with_its_receipt(site: Site) -> None:
    mine, there = site.asker(site.first), site.asker(site.second)
    key = {"Idempotency-Key": "asked-once"}
    with mine.stream("POST", "/v1/threads/new/runs", json={"question": HOURS}, headers=key) as stream:
        run, thread = stream.headers["X-Xueshi-Run"], stream.headers["X-Xueshi-Thread"]
        last, start = next(events(stream))  # and the line is cut
    with there.stream("GET", f"/v1/runs/{run}/events", headers={"Last-Event-ID": last}) as stream:
        rest = [data for _, data in events(stream)]
    assert rest[-1] == "[DONE]"
    answer = told([start, *rest])
    assert "还差 12 学时" in answer["text"]
    receipt = there.get(f"/v1/answers/{answer['id']}").json()
    assert (receipt["thread_id"], receipt["question"]) == (thread, HOURS)
    assert receipt["records"]
    assert receipt["answer"]["text"] == answer["text"]
    with there.stream("POST", "/v1/threads/new/runs", json={"question": HOURS}, headers=key) as stream:
        assert stream.headers["X-Xueshi-Run"] == run  # sent again elsewhere, it isn't asked twice
    follow_up = ask(there, "那去年呢？", thread).json()
    assert follow_up["thread_id"] == thread
    assert [turn["question"] for turn in mine.get(f"/v1/threads/{thread}").json()["turns"]] == [HOURS, "那去年呢？"]
    other = site.asker(site.second, "t0002")
    for path in (f"/v1/threads/{thread}", f"/v1/runs/{run}/events", f"/v1/answers/{answer['id']}"):
        assert other.get(path).status_code == 404
    assert other.post(f"/v1/runs/{run}/stop").status_code == 404


def test_a_limit_holds_for_both_together(site: Site) -> None:
    person = [site.asker(api, "t0003") for api in (site.first, site.second)]
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda number: ask(person[number % 2], "你好").status_code, range(LIMIT + 4)))
    assert sorted(done) == [200] * LIMIT + [429] * 4
    assert [ask(client, "你好").status_code for client in person] == [429, 429]
    assert ask(site.asker(site.first, "t0004"), "你好").status_code == 200


def test_what_the_operator_reads_in_is_told_by_both(site: Site, tmp_path: Path) -> None:
    folder = shutil.copytree(SHIPPED_CORPUS / "dongguan-2023", tmp_path / "dongguan-2023")
    policy = folder / "policy.md"
    policy.write_text(policy.read_text().replace("一年最多登记12学时", "一年最多登记15学时"))
    rules = folder / "rules.yaml"
    rules.write_text(rules.read_text().replace("at_most: 12,", "at_most: 15,").split("  examples:\n")[0])
    try:
        site.run("ingest", "policies", XUESHI_CORPUS=str(tmp_path))
        for api in (site.first, site.second):
            assert ask(site.asker(api), HOURS).json()["calculation"]["counted"] == "81"
            quotes = [citation["quote"] for citation in ask(site.asker(api), CAP).json()["citations"]]
            assert any("一年最多登记15学时" in quote for quote in quotes)
    finally:
        site.run("ingest", "policies")


@pytest.fixture
def one_port(site: Site, tmp_path: Path) -> Iterator[httpx.Client]:
    """A client of the proxy before both, as `deploy/Caddyfile` sets it up."""
    caddy = shutil.which("caddy")
    if not caddy:
        pytest.skip("no caddy here")
    port, config = free_port(), tmp_path / "Caddyfile"
    config.write_text((DEPLOY / "Caddyfile").read_text().replace(":8000 {", f"http://127.0.0.1:{port} {{"))
    environment = {
        **os.environ,
        "HOME": str(tmp_path),
        "APIS": f"127.0.0.1:{site.first.port} 127.0.0.1:{site.second.port}",
    }
    command = [caddy, "run", "--adapter", "caddyfile", "--config", str(config)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            token = site.asker(site.first, "t0007").headers["Authorization"]
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers={"Authorization": token}) as client:
                for _ in range(100):
                    try:
                        client.get("/healthz")
                        break
                    except httpx.TransportError:
                        time.sleep(0.1)
                yield client
        finally:
            process.terminate()


def test_behind_one_port_nobody_misses_one_that_is_killed(site: Site, one_port: httpx.Client) -> None:
    with one_port.stream("POST", "/v1/threads/new/runs", json={"question": HOURS}) as stream:
        data = [data for _, data in events(stream)]
    assert "还差" in told(data)["text"]
    site.second.end(kill=True)
    assert [one_port.get("/v1/me").status_code for _ in range(6)] == [200] * 6
    site.second.start()
    site.second.wait()


def test_one_that_is_killed_is_missed_by_nobody(site: Site) -> None:
    before = ask(site.asker(site.first, "t0005"), HOURS).json()
    site.first.end(kill=True)
    there = site.asker(site.second, "t0005")
    after = ask(there, HOURS, before["thread_id"]).json()
    assert after["calculation"] == before["calculation"]
    site.first.start()
    site.first.wait()
    back = site.asker(site.first, "t0005")
    turns = back.get(f"/v1/threads/{before['thread_id']}").json()["turns"]
    assert [turn["answer_id"] for turn in turns] == [before["id"], after["id"]]
    assert ask(back, CAP).json()["citations"]


def test_one_machine_may_have_several_processes(site: Site) -> None:
    third = site.api("third", "--workers", "2")
    try:
        third.start()
        third.wait()
        answers = [ask(site.asker(third, "t0008"), question).json() for question in (HOURS, CAP) * 3]
        assert {answer["outcome"] for answer in answers} == {"answered"}
    finally:
        third.end()


def test_both_begin_again_where_they_ended(site: Site) -> None:
    asked = ask(site.asker(site.second, "t0006"), HOURS).json()
    for api in (site.first, site.second):
        api.end()
        api.start()
    for api in (site.first, site.second):
        api.wait()
        assert site.asker(api, "t0006").get(f"/v1/answers/{asked['id']}").json()["answer"] == asked
        assert ask(site.asker(api, "t0006"), HOURS).json()["calculation"] == asked["calculation"]
