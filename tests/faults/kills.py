"""Work killed at some step of its own, in a process forked for it: `python -m tests.faults.kills WORK HOME SEED KILLS`.

Steps are the statements that the database is sent, the ends of transactions and what follows them, and the calls of the
vector store. Each piece of work is first done untouched, on a copy, to count them. Then it is killed KILLS times, each
time at a step drawn at random; what is left is checked, the work done again without a hand, and checked once more, in
forks as well: this process itself holds no database and no thread.
"""

import asyncio
import os
import random
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import chromadb  # noqa: F401  once for all forks
from sqlalchemy import event, func, select
from sqlalchemy.engine import Engine
from sqlalchemy.pool import Pool

from api.running import Running
from assistant.bootstrap import Installation, install
from assistant.planner.read import read
from assistant.retrieval.index import Index, open_stores
from assistant.retrieval.search import entry
from assistant.settings import SHIPPED_CORPUS, Settings
from assistant.store import imports, policies, runs, turns
from assistant.store.database import Database
from assistant.store.tables import Credit, Turn
from ingest.corpus import read_entry
from ingest.policies import ingest_policies
from ingest.records import load_records

TODAY = date(2023, 11, 15)
PEOPLE = ("t0001", "t0002")
HOURS = "我今年还差多少学时？"
ROWS = 40


class Steps:
    """Counts steps, and kills this process at one of them."""

    def __init__(self, last: int | None = None) -> None:
        self.taken, self._last, self._lock = 0, last, threading.Lock()
        for name in ("before_cursor_execute", "after_cursor_execute", "commit", "rollback"):
            event.listen(Engine, name, self._step)
        event.listen(Pool, "checkin", self._step)
        for name in ("add", "keep_only"):
            self._around(name)

    def _around(self, name: str) -> None:
        plain = getattr(Index, name)

        def called(*arguments: Any) -> None:
            self._step()
            plain(*arguments)
            self._step()

        setattr(Index, name, called)

    def _step(self, *_: Any) -> None:
        with self._lock:
            self.taken += 1
            if self.taken == self._last:
                os.kill(os.getpid(), signal.SIGKILL)


def forked(work: Callable[[], object]) -> tuple[int, str]:
    """Do something in a process of its own: its exit status or minus the signal that ended it, and what it told."""
    told, tell = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(told)
        status = 1
        try:
            os.write(tell, str(work()).encode())
            status = 0
        finally:
            os._exit(status)
    os.close(tell)
    with os.fdopen(told) as words:
        said = words.read()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), said


def settings(home: Path) -> Settings:
    """Settings of a home, and no others."""
    return Settings.model_construct(home=home, today=TODAY, rate_limit=1_000_000)


class Importing:
    """Record files of 40 rows each: half of them new, half of them changed from the import before."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def file(self, number: int) -> Path:
        """The file of an import."""
        file = self.home.parent / f"credits-{number}.csv"
        lines = ["record_id,teacher_id,title,category,organiser,hours,completed_on,status,reason"]
        for row in range(ROWS):
            key = f"K{number}-{row}" if row < ROWS // 2 else f"K-{row}"
            hours = number % 7 + 1
            lines.append(f"{key},T000{row % 2 + 1},第{number}次,专业科目,市级,{hours},2022-05-01,已审核,")
        file.write_text("\n".join(lines) + "\n")
        return file

    def do(self, number: int) -> object:
        """Import one."""
        load_records(Database(settings(self.home).database), [self.file(number)], TODAY)
        return "done"

    def left(self, number: int) -> str:
        """Whether an import is there, wholly and once, or nothing of it is; and all before it are."""
        with Database(settings(self.home).database).read() as connection:
            rows = connection.execute(
                select(Credit.title, func.count()).where(Credit.title.like("第%次")).group_by(Credit.title)
            )
            there = dict(map(tuple, rows))
            log = [one.files[0]["file"] for one in imports.imports(connection, None)]
        done = max((one for one in range(number + 1) if f"第{one}次" in there), default=-1)
        expected = {f"第{one}次": ROWS if one == done else ROWS // 2 for one in range(done + 1)}
        assert there == expected, (there, expected)
        assert done in (number, number - 1), done
        logged = sorted(name for name in log if name.startswith("credits-"))
        assert logged == sorted(f"credits-{one}.csv" for one in range(done + 1)), logged
        return "all" if done == number else "nothing"


class Answering:
    """Questions of two people in turn, each sent under its key as a page sends it: again, until it is acknowledged."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def do(self, number: int) -> object:
        """Ask one and wait for its end; the answer's id, once it is acknowledged."""
        installation, name, key = install(settings(self.home)), PEOPLE[number % 2], f"key-{number}"
        with installation.database.read() as connection:
            known = runs.called(connection, name, key)
        running = Running(installation)
        run = running.begin(installation.assistant.account(name), HOURS, None, key)
        assert known is None or run.answer_id == known.answer_id
        if known is None:
            asyncio.run(_heard(running, run.id))
        running.close()
        return run.answer_id

    def left(self, number: int) -> str:
        """Whether a question is kept once, with the right answer or without one, and its asker's alone."""
        name, other = PEOPLE[number % 2], PEOPLE[1 - number % 2]
        with Database(settings(self.home).database).read() as connection:
            run = runs.called(connection, name, f"key-{number}")
            assert runs.called(connection, other, f"key-{number}") is None
            asked = connection.scalar(select(func.count()).select_from(Turn)) or 0
            if run is None:
                assert asked == number, asked
                return "nothing"
            assert asked == number + 1, asked
            found = connection.execute(select(Turn.account, Turn.answer).where(Turn.id == run.answer_id)).one()
            assert found.account == name
            if found.answer is None:
                return "asked"
            assert found.answer["calculation"]["teacher_id"] == name.upper()
            assert found.answer["outcome"] == "answered"
            assert turns.turn(connection, name, run.answer_id).answer == found.answer
            return "all"


async def _heard(running: Running, run_id: str) -> None:
    async for _ in running.follow(run_id, 0):
        pass


class Indexing:
    """Two texts of one policy, each put in the other's place in turn."""

    def __init__(self, home: Path) -> None:
        self.home, self.corpora = home, [home.parent / "changed", SHIPPED_CORPUS]

    def do(self, number: int) -> object:
        """Put one of them in the place of the other."""
        database, index = open_stores(settings(self.home))
        ingest_policies(database, index, [self.corpora[number % 2]])
        index.close()
        return "done"

    def left(self, number: int) -> str:
        """Which text is there, wholly: as read, as calculated with, and, where its indexing is over, as found."""
        new, old = (read_entry(self.corpora[(number + which) % 2] / "dongguan-2023") for which in (0, 1))
        installation: Installation = install(settings(self.home))
        with installation.database.read() as connection:
            there = policies.policy(connection, "dongguan-2023")
            indexed = policies.stamps(connection)["dongguan-2023"][1]
        assert there in (new.policy, old.policy)
        now = new if there == new.policy else old
        required = "96" if "不少于96学时" in str(now.policy.clauses) else "90"
        for name in PEOPLE:
            made = installation.assistant.ask(HOURS, installation.assistant.account(name)).calculation
            assert made is not None
            assert (made.required, made.teacher_id) == (required, name.upper())
        keys = {entry(now.policy.meta, clause).key for clause in now.policy.clauses if clause.text}
        assert installation.index.vectors([*keys]).any(axis=1).all()
        if indexed and now is new:
            assert set(installation.index.nearest("学时", ["dongguan-2023"], 1000)) == keys
        installation.close()
        return "all" if now is new and indexed else "text" if now is new else "nothing"


WORKS = {"importing": Importing, "answering": Answering, "indexing": Indexing}


def main(work: str, home: Path, seed: int, kills: int) -> None:
    """Kill, look, do it again, look; tells how often each state was left."""
    job, chance = WORKS[work](home), random.Random(seed)
    spare = shutil.copytree(home, home.with_name("spare"))

    def counted(number: int) -> int:
        steps = Steps()
        WORKS[work](spare).do(number)
        return steps.taken

    read(HOURS, TODAY)  # what understanding a question needs is read once for all forks
    steps = max(int(forked(lambda number=number: counted(number))[1]) for number in (0, 1))  # type: ignore[misc]
    seen: dict[str, int] = {}
    number = killed = 0
    while killed < kills:
        # Every fourth time about the end: just before it is for good, just after, and when it was acknowledged.
        last = chance.randint(1 if number % 4 else steps - 2, steps + 2)

        def dying(number: int = number, last: int = last) -> object:
            Steps(last)
            return job.do(number)

        def again(number: int = number) -> str:
            before = job.left(number)
            job.do(number)
            return f"{before} {job.left(number)}"

        status, acknowledged = forked(dying)
        assert status in (-signal.SIGKILL, 0), (number, last, status)
        killed += status != 0
        status, told = forked(again)
        assert status == 0, (number, last, "what is left isn't sound")
        before, after = told.split()
        assert before == "all" or not acknowledged, (number, last, "what was acknowledged is lost")
        assert after == ("asked" if before == "asked" else "all"), (number, last, told)
        seen[before] = seen.get(before, 0) + 1
        number += 1
    sys.stdout.write(" ".join([*(f"{state}={count}" for state, count in sorted(seen.items())), f"steps={steps}"]))


if __name__ == "__main__":
    arguments: Sequence[str] = sys.argv[1:]
    main(arguments[0], Path(arguments[1]), int(arguments[2]), int(arguments[3]))
