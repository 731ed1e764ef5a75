"""What comes in: no larger than callbacks are, and one member's handled in order."""

import logging
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial

from fastapi import HTTPException, Request

from assistant.errors import trace

LARGEST = 64 * 1024  # bytes of a callback; WeCom's own have a few thousand
_AT_ONCE = 16  # jobs of a process at a time; more wait
_LOG = logging.getLogger(__name__)


async def body(request: Request) -> bytes:
    """The body of a callback. HTTPException 413: it is too large to be one; the rest of it isn't read."""
    got = bytearray()
    async for chunk in request.stream():
        got += chunk
        if len(got) > LARGEST:
            raise HTTPException(413)
    return bytes(got)


class InOrder:
    """Does jobs in the background: those of one key one after another as they came, those of others meanwhile."""

    def __init__(self, name: str) -> None:
        """`name`: of the threads, for whoever looks."""
        self._pool = ThreadPoolExecutor(_AT_ONCE, name)
        self._waiting: dict[str, deque[Callable[[], None]]] = {}
        self._lock = threading.Lock()

    def add(self, key: str, job: Callable[[], None]) -> None:
        """Have a job done behind those of its key, in the caller's context."""
        job = partial(copy_context().run, job)
        with self._lock:
            if key in self._waiting:
                self._waiting[key].append(job)
                return
            self._waiting[key] = deque([job])
        self._pool.submit(self._work, key)

    def close(self) -> None:
        """Return when all jobs are done; no more are taken."""
        self._pool.shutdown()

    def _work(self, key: str) -> None:
        while job := self._next(key):
            try:
                job()
            except Exception as error:  # whatever it is, the jobs behind it must be done
                _LOG.error("a callback could not be handled: %s", trace(error))

    def _next(self, key: str) -> Callable[[], None] | None:
        with self._lock:
            if self._waiting[key]:
                return self._waiting[key].popleft()
            del self._waiting[key]
            return None
