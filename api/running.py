"""Answering in the background: a run goes on whoever listens, in whichever process, and can be followed from anywhere.

What a run tells is in the memory of the process that answers, where its own readers hear it at once, and a moment later
in the database, where the readers of other processes look for it.
"""

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from contextvars import copy_context
from typing import NamedTuple

from starlette.concurrency import run_in_threadpool

from api.stream import DONE, Part, Parts, start, written
from assistant.answer import Answer
from assistant.ask import Asked, taken
from assistant.bootstrap import Installation
from assistant.errors import XueshiError, trace
from assistant.identity import Account
from assistant.store import runs
from assistant.store.database import Connection
from assistant.store.runs import Numbered, RunInfo

# In seconds.
_FLUSH = 0.2  # what has been told is written down, and whether to stop is looked up, this often
_BEAT = 5.0  # between two signs of life
_PURGE = 60.0
_LOOK = 0.2  # how often a reader looks for what another process has written
QUIET = 15.0  # without a word; then readers are told that the line still holds
_RETRY = 2.0  # while the database is away
# Questions that a process answers at a time; more wait. A language model is mostly waited for. The planner computes,
# and threads that compute hold up each other, and whoever has SQLite's only writer, so they take turns; but nobody
# waits longer than this many seconds for one that is stuck in the database or counts a province.
_WITH_MODEL, _COMPUTED, _TURN = 32, 4, 0.25
_LOG = logging.getLogger(__name__)
_FAILED = "系统内部出错，没有作答。请稍后再试。"
_LOST = "服务中断过，这次回答没有完成。请重新提问。"


class _Live:
    """A run that this process answers: what it has told so far, and who listens."""

    def __init__(self, first: Part) -> None:
        self.told = [written(first)]
        self.kept = 0  # of these, how many are written down
        self.due = time.monotonic() + _BEAT  # when a sign of life is given, if nothing is told before
        self.stop = threading.Event()
        self._lock = threading.Lock()
        self._readers = set[tuple[asyncio.AbstractEventLoop, asyncio.Event]]()

    @property
    def over(self) -> bool:
        """Whether nothing more comes."""
        return self.told[-1] == DONE

    def tell(self, *data: str) -> None:
        """Add events and wake whoever listens."""
        with self._lock:
            self.told += data
            readers = list(self._readers)
        for loop, news in readers:
            with suppress(RuntimeError):  # a reader's loop may have ended with its server
                loop.call_soon_threadsafe(news.set)

    def after(self, number: int) -> list[Numbered]:
        """The events behind a number."""
        return list(enumerate(self.told[number:], number + 1))

    async def heard(self, after: int) -> AsyncIterator[Sequence[Numbered]]:
        """The events behind `after` as they come; none where nothing came for a while."""
        news, quiet = asyncio.Event(), False
        reader = asyncio.get_running_loop(), news
        with self._lock:
            self._readers.add(reader)
        try:
            while True:
                news.clear()
                over, fresh = self.over, self.after(after)  # in this order: then it is over with what is fresh
                after += len(fresh)
                if fresh or quiet:
                    yield fresh
                if over:
                    return
                try:
                    await asyncio.wait_for(news.wait(), QUIET)
                    quiet = False
                except TimeoutError:
                    quiet = True
        finally:
            with self._lock:
                self._readers.discard(reader)


class Noted(NamedTuple):
    """A run that was noted; `asked` None: it is going on, or over, since an earlier time."""

    run: RunInfo
    asked: Asked | None = None


class Running:
    """The runs of an installation: those that this process answers, and those of others as far as readers go."""

    def __init__(self, installation: Installation) -> None:
        self._assistant, self._database = installation.assistant, installation.database
        self._live: dict[str, _Live] = {}
        self._computes = not installation.settings.model
        self._pool = ThreadPoolExecutor(_COMPUTED if self._computes else _WITH_MODEL, "xueshi-run")
        self._turn = threading.Lock()
        self._wake, self._closing = threading.Event(), False
        self._purge_due = time.monotonic()
        self._clerk = threading.Thread(target=self._keep, name="xueshi-runs", daemon=True)
        self._clerk.start()

    def begin(self, account: Account, question: str, thread: str | None, key: str | None) -> RunInfo:
        """The run of a question, which goes on from now. Raises what `note` raises."""
        with self._database.write(account.name, lasting=False) as connection:
            noted = self.note(connection, account, question, thread, key)
        return self.start(noted)

    def note(
        self, connection: Connection, account: Account, question: str, thread: str | None, key: str | None
    ) -> Noted:
        """Note the run of a question within the caller's transaction; of a key used before, the run it was used for.

        `thread` None: a new one. Raises what `Assistant.stream` raises.
        """
        question = taken(question)
        if key and (known := runs.called(connection, account.name, key)):
            return Noted(known)
        asked = self._assistant.take(connection, question, account, thread)
        run_id = runs.open_run(connection, account.name, asked.blank.id, key)
        return Noted(runs.run(connection, account.name, run_id), asked)

    def start(self, noted: Noted) -> RunInfo:
        """Have a run go on that was noted, once that is kept."""
        run = noted.run
        if noted.asked:
            live = self._live[run.id] = _Live(start(run.answer_id, run.thread_id, run.id))
            self._pool.submit(copy_context().run, self._answer, live, noted.asked)
            self._wake.set()
        return run

    async def ask(self, account: Account, question: str, thread: str | None) -> Answer:
        """One answer, for whoever waits for the whole of it. Raises what `Assistant.stream` raises."""

        def answered() -> Answer:
            with self.in_turn():
                return self._assistant.ask(question, account, thread)

        return await asyncio.get_running_loop().run_in_executor(self._pool, copy_context().run, answered)

    def stop(self, run_id: str) -> None:
        """Have a run stopped, whichever process answers; what was told of it is kept."""
        if live := self._live.get(run_id):
            live.stop.set()
        else:
            with self._database.write() as connection:
                runs.stop(connection, run_id)

    def has_more(self, run: RunInfo, after: int) -> bool:
        """Whether anything behind number `after` is there or may still come."""
        if live := self._live.get(run.id):
            return not live.over or len(live.told) > after
        if run.ended_at is None:
            return True
        with self._database.read() as connection:
            return bool(runs.events(connection, run.id, after))

    def so_far(self, run_id: str) -> list[Numbered]:
        """All that a run has told until now, whichever process answers."""
        live = self._live.get(run_id)
        return live.after(0) if live else self._look(run_id, 0)[0]

    async def follow(self, run_id: str, after: int) -> AsyncIterator[Sequence[Numbered]]:
        """The events of a run behind number `after`, as they come; none where nothing came for a while."""
        live = self._live.get(run_id)
        async for fresh in live.heard(after) if live else self._looked_up(run_id, after):
            yield fresh

    def close(self) -> None:
        """Stop the runs of this process and write down their ends."""
        for live in list(self._live.values()):
            live.stop.set()
        self._pool.shutdown()
        self._closing = True
        self._wake.set()
        self._clerk.join()

    # Answering.

    @contextmanager
    def in_turn(self) -> Iterator[None]:
        """Compute an answer while no other thread does, or at any rate after a moment."""
        mine = self._computes and self._turn.acquire(timeout=_TURN)
        try:
            yield
        finally:
            if mine:
                self._turn.release()

    def _answer(self, live: _Live, asked: Asked) -> None:
        parts = Parts()
        try:
            with self.in_turn():
                stopped = self._tell(live, asked, parts)
            last = parts.stopped() if stopped else iter(())
        except XueshiError as error:
            last = parts.failed(str(error))
        except Exception as error:
            _LOG.error("answer %s failed: %s", asked.blank.id, trace(error))
            last = parts.failed(_FAILED)
        live.tell(*map(written, last), DONE)
        self._wake.set()

    def _tell(self, live: _Live, asked: Asked, parts: Parts) -> bool:
        """Tell what happens; whether it was stopped."""
        with closing(self._assistant.answer(asked)) as happenings:
            for one in happenings:
                if told := [written(part) for part in parts.of(one)]:
                    live.tell(*told)
                if live.stop.is_set() and not isinstance(one, Answer):
                    return True
        return False

    # Writing down.

    def _keep(self) -> None:
        """Write down what the runs of this process tell, until it ends and all of it is written down."""
        while self._live or not self._closing:
            self._wake.wait(_FLUSH if self._live else None)
            self._wake.clear()
            try:
                self._write_down()
            except Exception as error:  # whatever it is, the runs that come after must be written down
                _LOG.error("runs could not be written down: %s", trace(error))
                if self._closing:
                    return
                time.sleep(_RETRY)

    def _write_down(self) -> None:
        live, now = dict(self._live), time.monotonic()
        if not live:
            return
        with self._database.read() as connection:
            for run_id in runs.stopping(connection, live):
                live[run_id].stop.set()
        due = {name: one.after(one.kept) for name, one in live.items() if one.kept < len(one.told) or now > one.due}
        if not due:
            return
        with self._database.write() as connection:
            there = {name: runs.keep(connection, name, fresh, _ends(fresh)) for name, fresh in due.items()}
            if now > self._purge_due:
                runs.purge(connection)
                self._purge_due = now + _PURGE
        for name, fresh in due.items():
            live[name].kept += len(fresh)
            live[name].due = now + _BEAT
            if not there[name] or _ends(fresh):
                live[name].stop.set()
                del self._live[name]

    # Looking up.

    async def _looked_up(self, run_id: str, after: int) -> AsyncIterator[Sequence[Numbered]]:
        """What another process has written down; nothing more where the database is away: readers come back."""
        silent = time.monotonic()
        with suppress(XueshiError):
            while True:
                fresh, over = await run_in_threadpool(self._look, run_id, after)
                if fresh or time.monotonic() > silent + QUIET:
                    after, silent = (fresh[-1][0] if fresh else after), time.monotonic()
                    yield fresh
                if over:
                    return
                await asyncio.sleep(_LOOK)

    def _look(self, run_id: str, after: int) -> tuple[list[Numbered], bool]:
        """The events behind a number, and whether they are the last."""
        with self._database.read() as connection:
            run, fresh = runs.state(connection, run_id), runs.events(connection, run_id, after)
        if run is not None and run.is_lost:
            with self._database.write() as connection:
                runs.lose(connection, run_id, [*map(written, Parts().failed(_LOST)), DONE])
        return fresh, run is None or run.ended_at is not None


def _ends(fresh: Sequence[Numbered]) -> bool:
    return bool(fresh) and fresh[-1][1] == DONE
