"""Everything at once for a long time: mixed requests to two workers, eight at a time, each held against what is true.

They are those of a district that makes four a second, put as fast as they are answered, by a process of their own.
Whatever isn't as it must be is an error: a status, another's figures, a stream without its end, a changed answer.
The database is SQLite, or the empty one that XUESHI_DATABASE_URL names.
"""

import random
import statistics
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import jwt

from evals.bench.home import SECRET, XUESHI, environment, filled, free_port, resident, serving
from evals.bench.measure import row, table
from evals.bench.questions import CLIENTS, WORKERS, chroma, workers

MINUTES, A_SECOND = 30, 4
PEOPLE = {"t0001": "T0001", "t0002": "T0002"}
ADMINS = {"admin-gczx": "广东省/东莞市/莞城街道/莞城中心小学", "admin-humen": "广东省/东莞市/虎门镇"}
OWN = (
    "我今年还差多少学时？",
    "为什么我的镇级培训只算了12学时？",
    "我有哪些待审核的记录？",
    "如果我再修4学时专业科目呢？",
    "我怎么补最省？",
)
POLICY = ("培训费用谁出？", "镇级培训最多能计多少学时？")
UNIT = ("我们学校还有谁没达标？", "达标率是多少？", "经费比例达标吗？")
_HEAD = "record_id,teacher_id,title,category,organiser,hours,completed_on,status,reason\n"


class Wrong(Exception):
    """An answer isn't as it must be."""


class Told(NamedTuple):
    """What came of the requests: seconds by kind, and errors by what they say."""

    seconds: Mapping[str, Sequence[float]]
    errors: Mapping[str, int]


def main(minutes: float = MINUTES) -> Told:
    """Print the table, from a home of its own; what came of all requests."""
    requests = max(1, round(minutes * 60 * A_SECOND))
    with tempfile.TemporaryDirectory() as folder:
        home, port = Path(folder), free_port()
        with chroma(home) as vectors:
            filled(home, XUESHI_VECTOR_URL=vectors)
            command = [XUESHI, "serve", "--port", str(port), "--workers", str(WORKERS)]
            env = environment(home, XUESHI_VECTOR_URL=vectors)
            with (
                serving(command, f"http://127.0.0.1:{port}/readyz", env) as server,
                get_context("spawn").Pool(1) as pool,
            ):
                first = pool.apply(clients, (port, requests // 5, 1))
                before = {pid: resident(pid) for pid in workers(server.pid)}
                start = time.perf_counter()
                rest = pool.apply(clients, (port, requests - requests // 5, 2))
                took = time.perf_counter() - start
                after = {pid: resident(pid) for pid in workers(server.pid)}
    told = Told(_joined(first.seconds, rest.seconds), Counter(first.errors) + Counter(rest.errors))
    show(told, took, before, after)
    return told


def _joined(*parts: Mapping[str, Sequence[float]]) -> dict[str, list[float]]:
    return {kind: [one for part in parts for one in part.get(kind, ())] for kind in MIX}


def show(told: Told, took: float, before: Mapping[int, float], after: Mapping[int, float]) -> None:
    """The tables."""
    table("Mixed traffic", f"{WORKERS} workers, {CLIENTS} clients at a time", ["requests", "p50", "p99"])
    for kind, taken in told.seconds.items():
        if taken:
            last = statistics.quantiles(taken, n=100)[-1] if len(taken) > 1 else taken[0]
            row(kind, str(len(taken)), f"{statistics.median(taken) * 1000:.0f} ms", f"{last * 1000:.0f} ms")
    count = sum(map(len, told.seconds.values()))
    table("All of it", "", ["figure"])
    row("requests", str(count))
    row("errors", str(sum(told.errors.values())))
    row("seconds for the last four fifths", f"{took:.0f}")
    for number, pid in enumerate(before, 1):
        row(f"worker {number}, after the first fifth → at the end", f"{before[pid]:.0f} → {after.get(pid, 0):.0f} MB")
    for error, times in told.errors.items():
        row(error, str(times))


class Client:
    """One client: its connection, its chance, and the answers that it was given."""

    def __init__(self, port: int, seed: int) -> None:
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=120)
        self.chance = random.Random(seed)
        self.given: dict[str, dict[str, Any]] = {}  # by whom
        self.seed = seed

    def call(self, account: str, method: str, path: str, status: int = 200, **more: Any) -> httpx.Response:
        """One request of an account's. Wrong: another status."""
        headers = {"Authorization": f"Bearer {_token(account)}", **more.pop("headers", {})}
        response = self.http.request(method, path, headers=headers, **more)
        _check(response.status_code == status, f"{method} {path.split('?')[0]}: {response.status_code}")
        return response

    def ask(self, account: str, question: str) -> dict[str, Any]:
        """The answer to a question."""
        answer: dict[str, Any] = self.call(account, "POST", "/v1/ask", json={"question": question}).json()
        _check(answer["outcome"] != "unavailable", f"{question}: unavailable")
        return answer


def own_question(client: Client) -> None:
    """A teacher's, of their own hours: nobody else's come."""
    account = client.chance.choice([*PEOPLE])
    answer = client.ask(account, client.chance.choice(OWN))
    made = answer["calculation"]
    _check(made is None or made["teacher_id"] == PEOPLE[account], "somebody else's calculation")
    client.given[account] = answer


def policy_question(client: Client) -> None:
    """A teacher's, of a clause."""
    question = client.chance.choice(POLICY)
    _check(client.ask(client.chance.choice([*PEOPLE]), question)["citations"] != [], f"{question}: no clause")


def unit_question(client: Client) -> None:
    """An administrator's, of their unit."""
    client.ask(client.chance.choice([*ADMINS]), client.chance.choice(UNIT))


def others_question(client: Client) -> None:
    """One that is refused."""
    answer = client.ask("t0001", "莫国栋今年还差多少学时？")
    _check(answer["outcome"] == "not_permitted" and answer["calculation"] is None, "another's hours")


def stream(client: Client) -> None:
    """A question as a stream, its line lost after the first events, taken up again, and once more from the start."""
    account, key = client.chance.choice([*PEOPLE]), str(client.chance.getrandbits(64))
    headers = {"Authorization": f"Bearer {_token(account)}", "Idempotency-Key": key}
    asked = {"json": {"question": OWN[0]}, "headers": headers}
    with client.http.stream("POST", "/v1/threads/new/runs", **asked) as response:  # type: ignore[arg-type]
        _check(response.status_code == 200, f"a run: {response.status_code}")
        run = response.headers["X-Xueshi-Run"]
        seen = [line[4:] for line, _ in zip(_ids(response), range(2), strict=False)]
    path = f"/v1/runs/{run}/events"
    rest = client.call(account, "GET", path, headers={"Last-Event-ID": seen[-1]}).text
    whole = client.call(account, "GET", path).text
    _check(whole.endswith("[DONE]\n\n") and whole.endswith(rest), "a stream without its end")
    again = client.http.post("/v1/threads/new/runs", **asked)  # type: ignore[arg-type]
    _check(again.headers.get("X-Xueshi-Run") == run, "the same sending is another run")
    client.call({"t0001": "t0002", "t0002": "t0001"}[account], "GET", path, 404)


def progress(client: Client) -> None:
    """One's own."""
    account = client.chance.choice([*PEOPLE])
    _check(client.call(account, "GET", "/v1/me").json()["teacher_id"] == PEOPLE[account], "somebody else's progress")


def receipt(client: Client) -> None:
    """Of an answer given before, for whom it was given, and nobody else."""
    if not client.given:
        own_question(client)
    account, answer = client.chance.choice([*client.given.items()])
    path = f"/v1/answers/{answer['id']}"
    _check(client.call(account, "GET", path).json()["answer"] == answer, "a changed answer")
    client.call({"t0001": "t0002", "t0002": "t0001"}[account], "GET", path, 404)


def history(client: Client) -> None:
    """One's own threads."""
    client.call(client.chance.choice([*PEOPLE]), "GET", "/v1/threads")


def policies(client: Client) -> None:
    """The list, and one of them."""
    listed = client.call("t0001", "GET", "/v1/policies").json()["policies"]
    client.call("t0001", "GET", f"/v1/policies/{client.chance.choice(listed)['id']}")


def search(client: Client) -> None:
    """Of clauses."""
    found = client.call("t0002", "GET", "/v1/search", params={"q": client.chance.choice(POLICY)}).json()["results"]
    _check(found != [], "no clause found")


def report(client: Client) -> None:
    """A unit's, in any form; another unit's is refused."""
    account = client.chance.choice([*ADMINS])
    form = client.chance.choice(["", ".csv", ".xlsx"])
    client.call(account, "GET", f"/v1/compliance{form}", params={"unit": ADMINS[account], "year": 2023})
    client.call(account, "GET", f"/v1/compliance{form}", 403, params={"unit": "陕西省/渭南市/临渭区"})


def records(client: Client) -> None:
    """An import of an earlier year's records, sent twice, and one at fault: only the first adds anything."""
    key = f"L{client.seed}-{client.chance.getrandbits(48)}"
    line = f"{key},T0002,负荷,专业科目,市级,1,2019-05-01,已审核,\n"
    for added in (1, 0):
        sent = {"files": ("credits.csv", _HEAD + line, "text/csv")}
        done = client.call("admin-gczx", "POST", "/v1/imports", files=sent).json()
        _check(done["files"][0]["added"] == added, "an import that isn't what was sent")
    bad = {"files": ("credits.csv", _HEAD + line.replace(",1,", ",-1,"), "text/csv")}
    client.call("admin-gczx", "POST", "/v1/imports", 422, files=bad)


def stranger(client: Client) -> None:
    """Tokens of nobody, of another secret, and none."""
    for headers in ({"Authorization": "Bearer nonsense"}, {"Authorization": f"Bearer {_token('t0001', 'x' * 40)}"}, {}):
        response = client.http.get("/v1/me", headers=headers)
        _check(response.status_code == 401, f"a stranger: {response.status_code}")
    client.call("nobody", "GET", "/v1/me", 403)


MIX: dict[str, tuple[Callable[[Client], None], int]] = {
    "a teacher's question": (own_question, 30),
    "a question about a clause": (policy_question, 12),
    "an administrator's question": (unit_question, 8),
    "a question about somebody else": (others_question, 4),
    "a stream, lost, taken up, sent again": (stream, 10),
    "progress": (progress, 10),
    "a receipt": (receipt, 6),
    "history": (history, 4),
    "policies": (policies, 3),
    "search": (search, 4),
    "compliance, csv, xlsx": (report, 5),
    "three imports": (records, 2),
    "four wrong tokens": (stranger, 2),
}


def clients(port: int, requests: int, seed: int) -> Told:
    """Several clients at a time, until so many requests are made; of every kind at least one."""
    chance = random.Random(seed)
    due = [*MIX, *chance.choices([*MIX], [weight for _, weight in MIX.values()], k=max(0, requests - len(MIX)))]
    seconds, errors, lock = defaultdict[str, list[float]](list), Counter[str](), threading.Lock()

    def one(number: int) -> None:
        client = Client(port, seed * 1000 + number)
        while True:
            with lock:
                if not due:
                    return
                kind = due.pop()
            start = time.perf_counter()
            try:
                MIX[kind][0](client)
            except Exception as error:
                with lock:
                    errors[f"{kind}: {error!r}"[:200]] += 1
            with lock:
                seconds[kind].append(time.perf_counter() - start)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Told(dict(seconds), dict(errors))


def _ids(response: httpx.Response) -> Any:
    return (line for line in response.iter_lines() if line.startswith("id: "))


def _token(account: str, secret: str = SECRET) -> str:
    return jwt.encode({"sub": account, "aud": "xueshi", "exp": int(time.time()) + 600}, secret, "HS256")


def _check(right: bool, what: str) -> None:
    if not right:
        raise Wrong(what)
