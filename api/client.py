"""A typed client of the HTTP API, for other programs in Python.

    with Client("https://xueshi.example.cn", token) as xueshi:
        print(xueshi.ask("我今年还差多少学时？").text)

It needs httpx and the models, no web framework. Every call is one of `/openapi.json`, and tests hold it to that.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Literal, Self, TypeVar
from urllib.parse import quote
from uuid import uuid4

import httpx
from pydantic import BaseModel

from api.views import (
    FoundClause,
    FoundClauses,
    Me,
    PolicyList,
    PolicyView,
    Receipt,
    ThreadList,
    ThreadTurns,
    ThreadView,
)
from assistant.answer import Answer
from assistant.compliance import Report
from assistant.identity import Level
from assistant.policy import PolicyMeta

_TIMEOUT = 90.0  # seconds: a language model may take a minute
_Model = TypeVar("_Model", bound=BaseModel)


class Refused(Exception):
    """The API said no: `status` of HTTP, `detail` in one line, `retry_after` in seconds where that was told."""

    def __init__(self, status: int, detail: str, retry_after: int | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.retry_after = status, detail, retry_after


class Client:
    """Speaks for one account. Every call raises Refused, or httpx.TransportError where nobody answers."""

    def __init__(self, url: str, token: str | Callable[[], str], http: httpx.Client | None = None) -> None:
        """`token`: or what gives one for each request, since none lasts longer than an hour. `http`: to be used."""
        self._url, self._token = url.rstrip("/"), token
        self._http = http or httpx.Client(timeout=_TIMEOUT)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def ask(self, question: str, thread: str | None = None) -> Answer:
        """One answer. `thread`: the conversation that it goes on with, None: a new one."""
        return self._read(Answer, "POST", "/v1/ask", json={"question": question, "thread_id": thread})

    def stream(self, question: str, thread: str | None = None) -> Iterator[dict[str, Any]]:
        """An answer as it comes: the parts of the UI Message Stream, `start` first. A lost connection is taken up."""
        key = {"Idempotency-Key": str(uuid4())}
        asked = self._request("POST", f"/v1/threads/{_in_path(thread or 'new')}/runs", key, json={"question": question})
        last = None
        while True:
            had = last
            try:
                with self._sent(asked) as response:
                    if response.status_code == httpx.codes.NO_CONTENT:
                        return
                    for number, data in _events(response):
                        if data == "[DONE]":
                            return
                        yield json.loads(data)
                        last = number
                    if last == had:
                        raise httpx.RemoteProtocolError("The stream ended before its end.")
            except httpx.TransportError:
                if last == had:
                    raise
            run = str(last).rpartition(":")[0]
            asked = self._request("GET", f"/v1/runs/{_in_path(run)}/events", {"Last-Event-ID": str(last)})

    def stop(self, run: str) -> None:
        """Stop an answer that is still coming; `run`: `runId` in its `start`."""
        self._done("POST", f"/v1/runs/{_in_path(run)}/stop")

    def me(self) -> Me:
        """The account, and its holder's own progress."""
        return self._read(Me, "GET", "/v1/me")

    def threads(self, limit: int = 100) -> list[ThreadView]:
        """The account's own conversations, the one last asked in first."""
        return self._read(ThreadList, "GET", "/v1/threads", params={"limit": limit}).threads

    def thread(self, thread: str) -> ThreadTurns:
        """A conversation of one's own, oldest first."""
        return self._read(ThreadTurns, "GET", f"/v1/threads/{_in_path(thread)}")

    def delete_thread(self, thread: str) -> None:
        """Delete a conversation of one's own."""
        self._done("DELETE", f"/v1/threads/{_in_path(thread)}")

    def receipt(self, answer: str) -> Receipt:
        """How an answer of one's own was made."""
        return self._read(Receipt, "GET", f"/v1/answers/{_in_path(answer)}")

    def rate(self, answer: str, rating: Literal["up", "down"], comment: str | None = None) -> None:
        """Say what one thinks of an answer of one's own."""
        said = {"rating": rating, "comment": comment}
        self._done("POST", f"/v1/answers/{_in_path(answer)}/feedback", json=said)

    def compliance(self, unit: str | None = None, year: int | None = None, level: Level = "school") -> Report:
        """For administrators: how a unit of theirs stands, by default the whole of it, this year."""
        return self._read(Report, "GET", "/v1/compliance", params=_given(unit=unit, year=year, level=level))

    def policies(self) -> list[PolicyMeta]:
        """The policies that there are."""
        return self._read(PolicyList, "GET", "/v1/policies").policies

    def policy(self, policy: str) -> PolicyView:
        """A policy with its clauses in order."""
        return self._read(PolicyView, "GET", f"/v1/policies/{_in_path(policy)}")

    def search(self, query: str, limit: int = 5, anywhere: bool = False) -> list[FoundClause]:
        """The clauses that a query finds, best first, of the account's place before others unless `anywhere`."""
        wanted = {"q": query, "limit": limit, "anywhere": anywhere}
        return self._read(FoundClauses, "GET", "/v1/search", params=wanted).results

    def _read(self, model: type[_Model], method: str, path: str, **how: Any) -> _Model:
        with self._sent(self._request(method, path, **how)) as response:
            return model.model_validate_json(response.read())

    def _done(self, method: str, path: str, **how: Any) -> None:
        with self._sent(self._request(method, path, **how)):
            pass

    def _request(self, method: str, path: str, headers: Mapping[str, str] | None = None, **how: Any) -> httpx.Request:
        token = self._token if isinstance(self._token, str) else self._token()
        said = {"Authorization": f"Bearer {token}", **(headers or {})}
        return self._http.build_request(method, self._url + path, headers=said, **how)

    @contextmanager
    def _sent(self, request: httpx.Request) -> Iterator[httpx.Response]:
        """The response, unread. Refused: it is an error."""
        response = self._http.send(request, stream=True)
        try:
            if response.is_error:
                raise _refusal(response)
            yield response
        finally:
            response.close()


def _refusal(response: httpx.Response) -> Refused:
    try:
        detail = str(json.loads(response.read())["detail"])
    except (ValueError, KeyError, TypeError):  # it comes from something before the API
        detail = response.reason_phrase
    after = response.headers.get("Retry-After", "")
    return Refused(response.status_code, detail, int(after) if after.isdecimal() else None)


def _events(response: httpx.Response) -> Iterator[tuple[str, str]]:
    """The ids and data of server-sent events, each on a line of its own."""
    number = ""
    for line in response.iter_lines():
        field, _, value = line.partition(": ")
        if field == "id":
            number = value
        elif field == "data":
            yield number, value


def _in_path(said: str) -> str:
    return quote(said, safe="")


def _given(**said: Any) -> dict[str, Any]:
    return {name: value for name, value in said.items() if value is not None}
