"""A real Chroma server for the tests, on a port of its own, which can be stopped and started again."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CHROMA = Path(sys.executable).with_name("chroma")


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class ChromaServer:
    """A server over a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """As `XUESHI_VECTOR_URL` has it."""
        return f"chroma+http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Return when it listens."""
        place = ("--path", str(self.folder), "--host", "127.0.0.1", "--port", str(self.port))
        self._process = subprocess.Popen([CHROMA, "run", *place], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(300):
            assert self._process.poll() is None, "the Chroma server ended at once"
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.1)
        raise AssertionError("the Chroma server did not answer within 30 s")

    def stop(self) -> None:
        """Return when it has ended."""
        if self._process:
            self._process.terminate()
            self._process.wait()

    @contextmanager
    def silent(self) -> Iterator[None]:
        """It takes connections, but answers none."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)


@contextmanager
def chroma_server(folder: Path) -> Iterator[ChromaServer]:
    """A server over a folder, which ends with the block."""
    server = ChromaServer(folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()
