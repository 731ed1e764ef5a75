"""What is somebody's in the sample, looked for in what is written down; and logs as a server writes them."""

import io
import logging
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from unittest import mock

from api import logs
from tests.conftest import SAMPLE

_LOGGERS = (None, "uvicorn", "uvicorn.error", "uvicorn.access", "api", "assistant", "ingest", "evals")


def personal() -> set[str]:
    """Names, numbers and accounts of all people in the sample, and the numbers of their records."""
    found = set[str]()
    for path in SAMPLE:
        header, *rows = (line.split(",") for line in path.read_text("utf-8-sig").splitlines())
        for column in ("teacher_id", "name", "account", "wecom_userid", "record_id"):
            if column in header:
                found |= {row[header.index(column)] for row in rows}
    return found - {""}


def told_of(text: str, *more: str) -> set[str]:
    """Which of these, and of `more`, stand in a text."""
    pattern = r"(?<![A-Za-z0-9]){}(?![A-Za-z0-9])"
    return {word for word in personal() | {*more} if re.search(pattern.format(re.escape(word)), text, re.IGNORECASE)}


@contextmanager
def logged() -> Iterator[Callable[[], str]]:
    """Logs are written as on a server; gives what has been written so far."""
    out = io.StringIO()
    before = {name: (logging.getLogger(name).handlers[:], logging.getLogger(name).level) for name in _LOGGERS}
    with mock.patch.object(sys, "stderr", out), mock.patch("threading.excepthook"):
        logs.start()
        try:
            yield out.getvalue
        finally:
            logging.captureWarnings(False)
            for name, (handlers, level) in before.items():
                logging.getLogger(name).handlers[:] = handlers
                logging.getLogger(name).setLevel(level)
