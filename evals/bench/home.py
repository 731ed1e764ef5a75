"""The product as it is run: homes with the sample records, the command, servers."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import evals.sample

TODAY = date(2023, 11, 15)
TEACHER, ACCOUNT = "T0001", "t0001"
QUESTION = "我今年还差多少学时？"
SECRET = "bench-" * 8  # of the tokens
XUESHI = str(Path(sys.executable).with_name("xueshi"))
_PATIENCE, _NOWHERE = 300.0, subprocess.DEVNULL  # seconds until a server must be ready
_RECORDS = [str(path) for path in sorted(Path(evals.sample.__file__).parent.glob("*.csv"))]


def filled(home: Path, **settings: str) -> None:
    """Read the corpus and the sample records into a home."""
    run(home, "ingest", "policies", **settings)
    run(home, "ingest", "records", *_RECORDS, **settings)


def environment(home: Path, **settings: str) -> dict[str, str]:
    """The environment of the processes that are timed; `settings`: more than they all have, by their names in it."""
    given = {"XUESHI_HOME": str(home), "XUESHI_TODAY": str(TODAY), "XUESHI_AUTH_SECRET": SECRET}
    return {**os.environ, **given, "XUESHI_RATE_LIMIT": "1000000", **settings}


def run(home: Path, *arguments: str, **settings: str) -> str:
    """Run `xueshi`; its standard output."""
    env = environment(home, **settings)
    return subprocess.run([XUESHI, *arguments], env=env, check=True, capture_output=True, text=True).stdout


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@contextmanager
def serving(
    command: Sequence[str], ready: str, env: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A server's process, from when the URL `ready` answers until the block is left."""
    process, end = subprocess.Popen(command, env=env, stdout=_NOWHERE, stderr=_NOWHERE), time.monotonic() + _PATIENCE
    try:
        while not answers(ready):
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"{command[0]} was not ready")
            time.sleep(0.01)
        yield process
    finally:
        process.terminate()
        process.wait()


def answers(url: str) -> bool:
    """Whether a URL answers with success."""
    try:
        return bool(urllib.request.urlopen(url, timeout=1).status == 200)
    except (urllib.error.URLError, OSError):
        return False


def resident(pid: int) -> float:
    """The memory that a process has in use, in MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024
