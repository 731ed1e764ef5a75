"""Clients who are slow on purpose, against a real server: they are hung up on, everybody else is served."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import uvicorn

from api import limits
from api.limits import PatientProtocol

Headers = Callable[..., dict[str, str]]
# Seconds of these tests: what is to be refused comes far later, what is to be served long before.
SHORT = 0.5


pytestmark = pytest.mark.sqlite("about connections before anything of a request is read")


@pytest.fixture
def address(make_web: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, int]]:
    """A server as `xueshi serve` starts it, but for its patience and how many it serves."""
    monkeypatch.setattr(limits, "HEAD", SHORT)
    monkeypatch.setattr(limits, "SILENT", SHORT)
    app = make_web().app
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=0,
        http=PatientProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=asyncio.run, args=(server.serve(),), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()
    server.should_exit = True
    thread.join()


def received(client: socket.socket) -> bytes:
    """All that comes until the server hangs up."""
    client.settimeout(30)
    got = b""
    while piece := client.recv(4096):
        got += piece
    return got


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz HTTP/1.1\r\nX-Slow",
    ],
)
def test_a_head_that_never_ends_is_hung_up_on(address: tuple[str, int], sent: bytes) -> None:
    with socket.create_connection(address) as client:
        client.sendall(sent)
        assert received(client).count(b"HTTP/1.1 200 OK") == sent.count(b"\r\n\r\n")


def test_a_head_that_comes_a_byte_at_a_time_is_hung_up_on(address: tuple[str, int]) -> None:
    def drip(client: socket.socket) -> None:
        for byte in b"GET /healthz HTTP/1.1\r\nX-Slow: " + b"a" * 1000:
            client.sendall(bytes([byte]))
            time.sleep(SHORT / 10)

    with socket.create_connection(address) as client, pytest.raises(ConnectionError):
        drip(client)


def test_a_body_that_stops_coming_is_answered_408(address: tuple[str, int], bearer: Headers) -> None:
    [(name, value)] = bearer("admin-gczx").items()
    for path, kind, begun in (
        ("/v1/ask", "application/json", b'{"question": "'),
        ("/v1/imports", "multipart/form-data; boundary=b", b"--b\r\nContent-Disposition: "),
    ):
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\n{name}: {value}\r\nContent-Type: {kind}\r\n"
        with socket.create_connection(address) as client:
            client.sendall(head.encode() + b"Content-Length: 1000\r\n\r\n" + begun)
            answer = received(client)
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"application/problem+json" in answer
        assert "请求来得太慢".encode() in answer


def test_others_are_served_beside_many_who_never_end(address: tuple[str, int], bearer: Headers) -> None:
    url = f"http://{address[0]}:{address[1]}"
    slow = [socket.create_connection(address) for _ in range(100)]
    try:
        for client in slow:
            client.sendall(b"GET / HTTP/1.1\r\nX-Slow: ")
        answer = httpx.post(f"{url}/v1/ask", json={"question": "我今年还差多少学时？"}, headers=bearer(), timeout=30)
        assert answer.json()["outcome"] == "answered"
        assert {received(client) for client in slow} == {b""}
    finally:
        for client in slow:
            client.close()


def test_a_stream_outlives_the_patience_for_requests(address: tuple[str, int], bearer: Headers) -> None:
    """Only who sends slowly is hung up on, not who is answered for long or asks again after a pause."""
    url = f"http://{address[0]}:{address[1]}"
    with httpx.Client(base_url=url, headers=bearer(), timeout=30) as client:
        for _ in range(2):
            with client.stream("POST", "/v1/threads/new/runs", json={"question": "我今年还差多少学时？"}) as stream:
                assert "[DONE]" in "".join(stream.iter_text())
            time.sleep(2 * SHORT)


def test_a_head_of_any_size_is_not_collected(address: tuple[str, int]) -> None:
    with socket.create_connection(address) as client:
        try:
            for _ in range(100):
                client.sendall(b"X-Large: " + b"a" * 10_000 + b"\r\n")
            answer = received(client)
        except OSError:
            return
    assert not answer.startswith(b"HTTP/1.1 2")
