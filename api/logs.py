"""Logs: one line each, JSON where something collects them, readable on a terminal. Nothing in them is anybody's.

Our own messages are fixed words, counts, codes and the random ids of answers. What other libraries say may hold
anything, and so may the texts of exceptions: of these only who spoke, how loudly and where is told.
"""

import json
import logging
import sys
import threading
from datetime import UTC, datetime
from typing import Any

from assistant.errors import trace
from assistant.watch import request_id

# Who is told in full: ourselves, and the server, which says where it listens. Its access log names paths as sent.
_OURS = ("api", "assistant", "ingest", "evals")
_TOLD = (*_OURS, "uvicorn.error")
_SERVER = ("uvicorn", "uvicorn.error", "uvicorn.access")


class Lines(logging.Formatter):
    """Makes a record a line. What a record brings along as `told` stands beside its message."""

    def __init__(self, as_json: bool) -> None:
        """`as_json`: an object a line, else words."""
        super().__init__()
        self._as_json = as_json

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        at = datetime.fromtimestamp(record.created, UTC)
        told: dict[str, Any] = {"message": _message(record), **getattr(record, "told", {})}
        if record.exc_info and record.exc_info[1]:
            told["error"] = trace(record.exc_info[1])
        if request := request_id.get():
            told["request"] = request
        if self._as_json:
            head = {"time": at.isoformat(timespec="milliseconds"), "level": record.levelname, "logger": record.name}
            return json.dumps(head | told, ensure_ascii=False)
        message, *more = told.values()
        return " ".join(map(str, (f"{at.astimezone():%H:%M:%S}", record.levelname, message, *more)))


def start() -> None:
    """Write logs to standard error from now on: ours from INFO, others' from WARNING."""
    out = logging.StreamHandler()
    out.setFormatter(Lines(as_json=not sys.stderr.isatty()))
    logging.basicConfig(level=logging.WARNING, handlers=[out], force=True)
    for name in _TOLD:
        logging.getLogger(name).setLevel(logging.INFO)
    # A server that was started without us has handlers of its own by now.
    for name in _SERVER:
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = name != "uvicorn.access"
    logging.captureWarnings(True)
    threading.excepthook = _thread_failed


def _message(record: logging.LogRecord) -> str:
    told = record.name in _TOLD or record.name.partition(".")[0] in _OURS
    return record.getMessage().strip() if told else f"{record.name} spoke at {record.pathname}:{record.lineno}"


def _thread_failed(failure: threading.ExceptHookArgs) -> None:
    if failure.exc_value:
        logging.getLogger(__name__).error("a thread failed: %s", trace(failure.exc_value))
