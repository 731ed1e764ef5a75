"""Xueshi as a model for clients of OpenAI's chat completions: the last message asks, under the token's account.

Nothing hangs on what a client says that was answered before: of the conversation the asker's own questions are taken
as they are sent, and the answers to them as they were kept, found by the receipts that they end with. A figure can
come into an answer from the question and the tools alone, as everywhere.
"""

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any, Literal

from fastapi import FastAPI, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from api.errors import UNEXPECTED, openai_fault
from api.markdown import markdown, receipt
from api.stream import PING, written
from assistant.answer import Answer
from assistant.ask import Asked, Assistant, taken
from assistant.bootstrap import Installation
from assistant.errors import InputError, NotFound, QuestionError, XueshiError, trace
from assistant.events import Waiting, parts
from assistant.identity import Account
from assistant.store import turns
from assistant.store.database import Connection

MODEL = "xueshi"
CHAT = "/v1/chat/completions"
MOST = 1_000_000  # bytes of a request: conversations are sent whole
_BEFORE = 6  # earlier questions that a question is read with
_NOT_KEPT = "（这次的回答没有保留。）"
_STREAM = {"Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no"}  # nginx would hold parts back
_LOG = logging.getLogger(__name__)


class ContentPart(BaseModel):
    """A part of a message; only those of the type `text` are read."""

    type: str
    text: str = ""


class Message(BaseModel):
    """A message of the conversation."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[ContentPart] | None = None

    @property
    def text(self) -> str:
        """What it says. InputError: something else than text."""
        if not isinstance(self.content, list):
            return self.content or ""
        if any(part.type != "text" for part in self.content):
            raise InputError("messages：只能是文字，不支持图片、声音和文件。")
        return "".join(part.text for part in self.content)


class Chat(BaseModel):
    """A conversation whose last message asks something. Parameters that aren't named here change nothing."""

    model: str = Field(description=f"{MODEL}")
    messages: list[Message] = Field(min_length=1, description="最后一条是问题，1 至 2000 个字")
    stream: bool | None = None
    n: int | None = Field(None, description="只能是 1")
    tools: list[Any] | None = Field(None, description="不支持")
    functions: list[Any] | None = Field(None, description="不支持")
    modalities: list[str] | None = Field(None, description='只能是 ["text"]')
    response_format: dict[str, Any] | None = Field(None, description='只能是 {"type": "text"}')
    logprobs: bool | None = Field(None, description="不支持")


class Said(BaseModel):
    """The answer's text in Markdown, with its citations as footnotes."""

    role: Literal["assistant"] = "assistant"
    content: str


class Choice(BaseModel):
    """The one answer."""

    index: int = 0
    message: Said
    finish_reason: Literal["stop"] = "stop"


class Completion(BaseModel):
    """An answer. No tokens are counted, so `usage` isn't told; `xueshi` is the answer as `POST /v1/ask` gives it."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str = MODEL
    choices: list[Choice]
    xueshi: Answer


class ModelInfo(BaseModel):
    """A model that may be named."""

    id: str = MODEL
    object: Literal["model"] = "model"
    created: int = 0
    owned_by: str = MODEL


class Models(BaseModel):
    """The models that may be named."""

    object: Literal["list"] = "list"
    data: list[ModelInfo]


def add(app: FastAPI, installation: Installation, asker: Any) -> None:
    """The routes. `asker`: FastAPI's annotated account of whoever is signed in."""
    assistant, site = installation.assistant, installation.settings.public_url

    @app.get("/v1/models", summary="可用的模型（OpenAI 兼容）")
    def models(_: asker) -> Models:
        return Models(data=[ModelInfo()])

    @app.get("/v1/models/{model}", summary="一个可用的模型（OpenAI 兼容）", responses={404: {}})
    def one_model(model: str, _: asker) -> ModelInfo:
        _check_model(model)
        return ModelInfo()

    @app.post(
        CHAT,
        summary="提问（OpenAI 兼容）：最后一条消息是问题",
        response_model=Completion,
        responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}, 404: {}, 413: {}, 429: {}},
    )
    def complete(chat: Chat, account: asker) -> Response | Completion:
        _check_model(chat.model)
        _check_supported(chat)
        question, before = _read(chat.messages)
        with installation.database.write(account.name) as connection:
            thread, known = _resolved(connection, account, before)
            asked = assistant.take(connection, question, account, thread, before=known)
        if chat.stream:
            events = _streamed(assistant, asked, site)
            return StreamingResponse(events, headers=_STREAM, media_type="text/event-stream")
        answer = next(one for one in _answered(assistant, asked) if one)
        said = Said(content=markdown(answer, site))
        return Completion(id=_id(asked), created=int(time.time()), choices=[Choice(message=said)], xueshi=answer)


def _check_model(name: str) -> None:
    if name != MODEL:
        raise NotFound(f"没有这个模型：本服务的模型是 {MODEL}。")


def _check_supported(chat: Chat) -> None:
    """InputError: something is asked for that the answer would be wrong without."""
    if chat.n not in (None, 1):
        raise InputError("n：每次只给出一个回答，只能是 1。")
    if chat.tools or chat.functions:
        raise InputError("tools：不支持由调用方提供的工具；要调用学时通自己的工具请用 /mcp。")
    if chat.modalities not in (None, ["text"]):
        raise InputError("modalities：只能是 text。")
    if chat.response_format and chat.response_format.get("type") != "text":
        raise InputError("response_format：只能是 text；结构化的回答在 xueshi 字段中。")
    if chat.logprobs:
        raise InputError("logprobs：不支持。")


# The conversation.

_Turn = tuple[str, str | None]  # an earlier question, and the id of the answer that its client has for it


def _read(messages: Sequence[Message]) -> tuple[str, list[_Turn]]:
    """The question, and those before it. InputError: the last message is no question. QuestionError: as `taken`."""
    spoken = [one for one in messages if one.role not in ("system", "developer")]
    if any(one.role in ("tool", "function") for one in spoken):
        raise InputError("messages：不支持 tool 消息。")
    if not spoken or spoken[-1].role != "user":
        raise InputError("messages：最后一条应是 user 的问题。")
    question, earlier = taken(spoken[-1].text), list[_Turn]()
    for one in spoken[:-1]:
        if one.role == "user":
            try:
                earlier.append((taken(one.text), None))
            except (InputError, QuestionError):  # it was refused when it was asked
                earlier.append(("", None))
        elif earlier:
            earlier[-1] = earlier[-1][0], receipt(one.text) or earlier[-1][1]
    return question, [turn for turn in earlier if turn[0]][-_BEFORE:]


def _resolved(
    connection: Connection, account: Account, before: Sequence[_Turn]
) -> tuple[str | None, list[tuple[str, str]]]:
    """The thread that a conversation goes on in, None: a new one; and what was asked and answered before.

    It goes on where its last answer is the account's own and the last of its thread; edited or asked anew, it forks.
    """
    kept = turns.kept(connection, account.name, [answer for _, answer in before if answer])
    known = [(asked, kept[answer][1] if answer in kept else _NOT_KEPT) for asked, answer in before]
    last = before[-1][1] if before else None
    thread = kept[last][0] if last in kept else None
    return thread if thread and turns.newest(connection, thread) == last else None, known


# The answer.


def _answered(assistant: Assistant, asked: Asked) -> Iterator[Answer | None]:
    """The whole answer, proven and kept, at last; None while it is waited for. Closed before: stopped."""
    with closing(assistant.answer(asked)) as happenings:
        for one in happenings:
            if isinstance(one, Answer):
                yield one
            elif isinstance(one, Waiting):
                yield None


def _streamed(assistant: Assistant, asked: Asked, site: str) -> Iterator[str]:
    """The events of a stream. Nothing can be taken back in one, so the text begins when all of it is proven."""
    same = {"id": _id(asked), "object": "chat.completion.chunk", "created": int(time.time()), "model": MODEL}

    def chunk(delta: dict[str, str], finish: str | None = None, **more: Any) -> str:
        return _event({**same, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **more})

    yield chunk({"role": "assistant", "content": ""})
    try:
        for answer in _answered(assistant, asked):
            if answer is None:
                yield PING
                continue
            for part in parts(markdown(answer, site)):
                yield chunk({"content": part})
            yield chunk({}, "stop", xueshi=answer.model_dump(mode="json"))
    except XueshiError as error:
        yield _event(openai_fault(503, str(error)))
    except Exception as error:
        _LOG.error("answer %s failed: %s", asked.blank.id, trace(error))
        yield _event(openai_fault(500, UNEXPECTED))
    yield "data: [DONE]\n\n"


def _event(data: dict[str, Any]) -> str:
    return f"data: {written(data)}\n\n"


def _id(asked: Asked) -> str:
    return f"chatcmpl-{asked.blank.id}"
