"""`python -m evals.bench [questions | web | wecom | corpus | population [TEACHERS] | load [MINUTES]]`: Markdown tables.

`questions`: what an answer takes, in one process and over HTTP; `web`: and in a browser; `wecom`: how soon WeCom's
callbacks are acknowledged; `corpus`: the questions over large corpora; `population`: the rules at scale, over 100,000
teachers if not told otherwise; `load`: mixed requests to two workers, half an hour's if not told otherwise, exit 1 at
one error.
"""

import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from assistant.identity import Scope
from assistant.rules.calculate import calculate
from assistant.rules.find import find
from assistant.store import people, policies
from assistant.store.database import Database
from evals.bench import corpus, load, make_up, population, questions, web, wecom
from evals.bench.home import (
    ACCOUNT,
    QUESTION,
    TEACHER,
    TODAY,
    XUESHI,
    environment,
    filled,
    free_port,
    resident,
    run,
    serving,
)
from evals.bench.measure import row, side_by_side, table


def main() -> None:
    """Run every benchmark, or only those that are named, in homes of their own."""
    match sys.argv[1:]:
        case ["questions"]:
            questions.main()
        case ["web"]:
            web.main()
        case ["wecom"]:
            wecom.main()
        case ["corpus"]:
            corpus.main()
        case ["population", *size]:
            population.main(*map(int, size))
        case ["load", *minutes]:
            sys.exit(bool(load.main(*map(float, minutes)).errors))
        case _:
            sample()
            questions.main()
            web.main()
            wecom.main()
            make_up.main()
            corpus.main()
            population.main()
            load.main()


def sample() -> None:
    """The benchmarks over the sample records."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        filled(home)
        calculation(home)
        starts(home)


def calculation(home: Path) -> None:
    """One teacher's calculation with its steps, against the bare indexed lookup of the same records."""
    path = home / "xueshi.db"
    bare = sqlite3.connect(path)
    query = (
        "SELECT record_id, title, category, organiser, hours, completed_on, status, reason FROM credits"
        " WHERE teacher_id = ? ORDER BY completed_on, record_id"
    )
    database, scope = Database(f"sqlite:///{path}"), Scope(TEACHER, None)
    with database.read() as connection:
        applied = find(policies.rule_sets(connection), "广东省/东莞市/莞城街道/莞城中心小学", TODAY.year)
        assert applied is not None
        records = people.records(connection, scope, TEACHER)

        def looked_up() -> object:
            return bare.execute(query, (TEACHER,)).fetchall()

        def through_the_store() -> object:
            return people.records(connection, scope, TEACHER)

        def calculated() -> object:
            return calculate(applied, records)

        def whole() -> object:
            return calculate(applied, people.records(connection, scope, TEACHER))

        times = side_by_side([looked_up, through_the_store, calculated, whole])
    table("One teacher", f"{len(records)} records", ["median", "÷ bare lookup"])
    names = [
        "bare lookup (sqlite3, indexed)",
        "lookup by the store",
        "calculation with steps",
        "lookup and calculation",
    ]
    for name, seconds in zip(names, times, strict=True):
        row(name, f"{seconds * 1e6:.0f} µs", f"{seconds / times[0]:.1f}")


def starts(home: Path) -> None:
    """Cold starts, from the start of the process to the first line it says, against a bare interpreter's."""
    env = environment(home)
    commands = {
        "python -c 'print()'": [sys.executable, "-c", "print()"],
        "xueshi token": [XUESHI, "token", "--as", ACCOUNT],
        f"xueshi ask {QUESTION}": [XUESHI, "ask", QUESTION, "--as", ACCOUNT],
        "xueshi ask 培训费用谁出？": [XUESHI, "ask", "培训费用谁出？", "--as", ACCOUNT],
    }

    taken: list[list[float]] = [[] for _ in commands]
    for _ in range(9):
        for number, command in enumerate(commands.values()):
            taken[number].append(first_line(command, env))
    times = [statistics.median(seconds) for seconds in taken]
    table("Cold start", "from process start to the first line said", ["median", "÷ bare Python"])
    for name, seconds in zip(commands, times, strict=True):
        row(name, f"{seconds:.2f} s", f"{seconds / times[0]:.0f}")
    ready, memory = zip(*(serve(home) for _ in range(5)), strict=True)
    row("xueshi serve, to ready", f"{statistics.median(ready):.2f} s", f"{statistics.median(ready) / times[0]:.0f}")
    table("Memory", "resident, after 20 questions", ["median"])
    row("one worker", f"{statistics.median(memory):.0f} MB")
    table("Where the time of a cold question goes", "imports, self and below", ["seconds"])
    for name, seconds in imports(env):
        row(name, f"{seconds:.2f}")


def first_line(command: list[str], env: dict[str, str]) -> float:
    """Seconds from the start of a process to its first line on standard output."""
    start = time.perf_counter()
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        process.stdout.readline()
        seconds = time.perf_counter() - start
        process.stdout.read()
    assert process.returncode == 0
    return seconds


def serve(home: Path) -> tuple[float, float]:
    """Seconds from the start of the server to ready, and its resident memory in MB after some questions."""
    port = free_port()
    token = run(home, "token", "--as", ACCOUNT).strip()
    start = time.perf_counter()
    with serving(
        [XUESHI, "serve", "--port", str(port)], f"http://127.0.0.1:{port}/readyz", environment(home)
    ) as server:
        ready = time.perf_counter() - start
        for question in [QUESTION, "培训费用谁出？"] * 10:
            body = f'{{"question": "{question}"}}'.encode()
            headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
            urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}/v1/ask", body, headers)).read()
        return ready, resident(server.pid)


def imports(env: dict[str, str]) -> list[tuple[str, float]]:
    """The dearest imports of a cold question, by Python's own -X importtime."""
    command = [sys.executable, "-X", "importtime", XUESHI, "ask", QUESTION, "--as", ACCOUNT]
    told = subprocess.run(command, env=env, check=True, capture_output=True, text=True).stderr
    wanted = (
        "langchain.agents",
        "langchain_core.language_models",
        "sqlalchemy.orm",
        "sqlalchemy",
        "pydantic",
        "typer",
        "tokenizers",
        "numpy",
        "yaml",
        "rich.console",
        "pydantic_settings",
    )
    found = {}
    for line in told.splitlines():
        parts = [part.strip() for part in line.removeprefix("import time:").split("|")]
        if len(parts) == 3 and parts[2] in wanted:
            found[parts[2]] = int(parts[1]) / 1e6
    return sorted(found.items(), key=lambda pair: -pair[1])


if __name__ == "__main__":
    main()
