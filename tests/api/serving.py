"""Applications behind a real server, for clients that speak HTTP by themselves."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from api.app import create_app
from assistant.settings import Settings


@contextmanager
def served(settings: Settings) -> Iterator[tuple[FastAPI, str]]:
    """An application on a port of its own, from its start to its end, and its address."""
    made: list[FastAPI] = []

    def make() -> FastAPI:
        made.append(create_app(settings))  # in the server's thread, which is the one that lets go of the home
        return made[0]

    config = uvicorn.Config(make, factory=True, host="127.0.0.1", port=0, log_level="error", lifespan="on")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        thread.join(0.01)
    try:
        yield made[0], f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(60)
