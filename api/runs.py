"""Questions answered as streams of server-sent events, which go on when nobody listens and can be taken up again."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import FastAPI, Header, Path, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from api import errors
from api.running import Running
from api.stream import HEADERS, PING, event
from assistant.bootstrap import Installation
from assistant.errors import InputError
from assistant.store import runs
from assistant.store.runs import RunInfo

NEW = "new"
RUN_HEADER, THREAD_HEADER = "X-Xueshi-Run", "X-Xueshi-Thread"
_EXPIRED = "这次回答的过程已不再保留，回答本身在对话记录中。"
_REUSED = "这个 Idempotency-Key 已经用来问过另一个问题：重发同一个问题用原来的，新的问题请换一个。"
_STREAM = {
    "description": f"UI Message Stream v1，事件 id 为“<run>:<序号>”；{RUN_HEADER}、{THREAD_HEADER} 是回答和对话的编号",
    "content": {"text/event-stream": {"schema": {"type": "string"}}},
}


class Asked(BaseModel):
    """A question."""

    model_config = ConfigDict(extra="forbid")

    question: str = Field(description="1 至 2000 个字")


def add(app: FastAPI, installation: Installation, running: Running, asker: Any) -> None:
    """The routes. `asker`: FastAPI's annotated account of whoever is signed in."""

    def told(run: RunInfo, after: int = 0) -> Response:
        headers = {**HEADERS, RUN_HEADER: run.id, THREAD_HEADER: run.thread_id}
        return StreamingResponse(sent(run.id, after), headers=headers, media_type="text/event-stream")

    async def sent(run_id: str, after: int) -> AsyncIterator[str]:
        async for fresh in running.follow(run_id, after):
            yield "".join(event(run_id, number, data) for number, data in fresh) or PING

    @app.post(
        "/v1/threads/{thread}/runs",
        summary="提问，回答以事件流返回；断线不会中止，可以接着取",
        response_class=StreamingResponse,
        responses={200: _STREAM, 404: {}, 409: {}, 410: {}, 422: {}, 429: {}},
    )
    def ask(
        thread: Annotated[str, Path(description=f"接着哪个对话；{NEW} 为新的对话")],
        asked: Asked,
        account: asker,
        key: Annotated[
            str | None,
            Header(
                alias="Idempotency-Key",
                pattern="^[!-~]{1,255}$",
                description="每次提问一个；重发时用同一个，不会问第二遍",
            ),
        ] = None,
    ) -> Response:
        run = running.begin(account, asked.question, None if thread == NEW else thread, key)
        if run.question != asked.question.strip() or thread not in (NEW, run.thread_id):
            return errors.problem(409, _REUSED)
        return errors.problem(410, _EXPIRED) if run.is_expired else told(run)

    @app.get(
        "/v1/runs/{run_id}/events",
        summary="接着取一次回答的事件流",
        response_class=StreamingResponse,
        responses={200: _STREAM, 204: {"description": "没有更多了"}, 404: {}, 410: {}},
    )
    def events(
        run_id: str,
        account: asker,
        last: Annotated[
            str | None, Header(alias="Last-Event-ID", description="收到的最后一个 id；没有则从头取")
        ] = None,
    ) -> Response:
        with installation.database.read() as connection:
            run = runs.run(connection, account.name, run_id)
        after = _number(last, run.id)
        if run.is_expired:
            return errors.problem(410, _EXPIRED)
        return told(run, after) if running.has_more(run, after) else Response(status_code=204)

    @app.post("/v1/runs/{run_id}/stop", summary="停止一次回答，已经显示的会保留", status_code=204)
    def stop(run_id: str, account: asker) -> None:
        with installation.database.read() as connection:
            run = runs.run(connection, account.name, run_id)
        running.stop(run.id)


def _number(last: str | None, run_id: str) -> int:
    """The number of the last event that somebody has; 0: none. InputError: the id is no event's of this run."""
    if last is None:
        return 0
    run, _, number = last.rpartition(":")
    if run != run_id or not (number.isascii() and number.isdecimal() and len(number) < 10):
        raise InputError("Last-Event-ID：不是这次回答的事件。")
    return int(number)
