"""What happens to a question as parts of the UI Message Stream v1 (Vercel AI SDK), one JSON object each.

`start` {messageId, messageMetadata: {threadId, runId}}, then in this order, each only where there is something of it:

| part | data |
|---|---|
| `data-status`, transient | `{"text"}`: what is being done |
| `source-document` | of every citation: its id as `sourceId`, its policy and locator as `title` |
| `data-citation` | a citation as in the answer |
| `data-calculation`, `data-projection`, `data-plan` | as in the answer |
| `text-start`, `text-delta`, `text-end` | the text, sentence by sentence; `[^1]` names a citation |
| `data-replaced` | `{"text"}`: the id of a text that is withdrawn; another takes its place |
| `data-progress` | of the calculation, required, counted and remaining; in all, and of each of its `categories` |
| `data-table` | a table as in the answer |
| `data-suggestions` | `["…"]` |
| `data-outcome` | `{"outcome", "answer_id"}` |

and `finish`, `error` {errorText} or `abort`, then `[DONE]`. Where a language model writes, its proven sentences come
before the citations, which are numbered as they are in the text. Clients of the AI SDK refuse a part of a type that
they don't know, unless it begins with `data-`.
"""

import json
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from assistant.answer import Answer, Calculation, Citation
from assistant.ask import Happening, Proven
from assistant.events import Replaced, Status, Text

DONE = "[DONE]"
HEADERS = {
    "x-vercel-ai-ui-message-stream": "v1",
    "Cache-Control": "no-cache, no-transform",
    "X-Accel-Buffering": "no",  # nginx would hold parts back
}
PING = ": ping\n\n"

Part = dict[str, Any]


def written(part: Part) -> str:
    """A part as it is sent and kept: one line."""
    return json.dumps(part, ensure_ascii=False, separators=(",", ":"))


def event(run: str, number: int, data: str) -> str:
    """A part as a server-sent event."""
    return f"id: {run}:{number}\ndata: {data}\n\n"


def start(answer: str, thread: str, run: str) -> Part:
    """The first part; `answer`: the id of the answer to come."""
    return {"type": "start", "messageId": answer, "messageMetadata": {"threadId": thread, "runId": run}}


class Parts:
    """Makes the parts of one answer; it knows which text is open."""

    def __init__(self) -> None:
        self._texts, self._open = 0, False

    def of(self, happening: Happening) -> Iterator[Part]:
        """What something that happens is told by."""
        match happening:
            case Status(text):
                yield {"type": "data-status", "data": {"text": text}, "transient": True}
            case Proven(answer):
                yield from _grounds(answer)
            case Text(part):
                if not self._open:
                    self._texts, self._open = self._texts + 1, True
                    yield {"type": "text-start", "id": self._text}
                yield {"type": "text-delta", "id": self._text, "delta": part}
            case Replaced():
                yield from self._closed()
                yield _data("replaced", {"text": self._text})
            case Answer():
                yield from self._closed()
                yield from _around(happening)
                yield {"type": "finish"}

    def failed(self, why: str) -> Iterator[Part]:
        """The end of an answer that didn't come about."""
        yield from self._closed()
        yield {"type": "error", "errorText": why}

    def stopped(self) -> Iterator[Part]:
        """The end of an answer that was stopped."""
        yield from self._closed()
        yield {"type": "abort"}

    @property
    def _text(self) -> str:
        return f"text-{self._texts}"

    def _closed(self) -> Iterator[Part]:
        if self._open:
            self._open = False
            yield {"type": "text-end", "id": self._text}


def _grounds(answer: Answer) -> Iterator[Part]:
    """What the text rests on."""
    for cited in answer.citations:
        title = f"《{cited.title}》{cited.locator}"
        yield {"type": "source-document", "sourceId": cited.id, "mediaType": "text/plain", "title": title}
    for cited in answer.citations:
        yield _data("citation", cited)
    if answer.calculation:
        yield _data("calculation", answer.calculation)
    if answer.projection:
        yield _data("projection", answer.projection)
    if answer.plan is not None:
        yield _data("plan", [item.model_dump(mode="json") for item in answer.plan])


def _around(answer: Answer) -> Iterator[Part]:
    """What stands beside the text."""
    if answer.calculation:
        yield _data("progress", _progress(answer.calculation))
    for table in answer.tables:
        yield _data("table", table)
    if answer.suggestions:
        yield _data("suggestions", answer.suggestions)
    yield _data("outcome", {"outcome": answer.outcome, "answer_id": answer.id})


def _progress(made: Calculation) -> dict[str, Any]:
    shown = {"category", "required", "counted", "shortfall"}
    categories = [line.model_dump(include=shown) for line in made.categories]
    return {**made.model_dump(include={"required", "counted", "remaining"}), "categories": categories}


def _data(kind: str, data: Any) -> Part:
    """A part of our own. Citations have an id: sent again, one takes the place of the former."""
    part = {"type": f"data-{kind}", "data": data.model_dump(mode="json") if isinstance(data, BaseModel) else data}
    return part | ({"id": data.id} if isinstance(data, Citation) else {})
