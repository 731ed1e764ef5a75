"""One's own history over HTTP: threads, their questions and answers, and how an answer was made."""

from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import FastAPI, Query

from api.views import Receipt, ThreadList, ThreadTurns, ThreadView, TurnView, UsedClause
from assistant.answer import Answer
from assistant.basis import Basis
from assistant.bootstrap import Installation
from assistant.store import turns
from assistant.store.turns import TurnInfo

_HERE = ZoneInfo("Asia/Shanghai")
_TITLE = 40  # characters


def add(app: FastAPI, installation: Installation, asker: Any) -> None:
    """The routes. `asker`: FastAPI's annotated account of whoever is signed in."""
    database = installation.database

    @app.get("/v1/threads", summary="本人的对话，最近的在前")
    def listed(account: asker, limit: Annotated[int, Query(description="最多几个", ge=1, le=500)] = 100) -> ThreadList:
        with database.read() as connection:
            found = turns.threads(connection, account.name, limit)
        return ThreadList(
            threads=[ThreadView(id=one.id, title=_title(one.question), asked_at=_at(one.asked_at)) for one in found]
        )

    @app.get("/v1/threads/{thread}", summary="一个对话的问题和回答")
    def one_thread(thread: str, account: asker) -> ThreadTurns:
        with database.read() as connection:
            found = turns.turns(connection, account.name, thread)
        return ThreadTurns(id=thread, turns=[_turn(one) for one in found])

    @app.delete("/v1/threads/{thread}", summary="删除一个对话", status_code=204)
    def delete(thread: str, account: asker) -> None:
        with database.write(account.name) as connection:
            turns.delete_thread(connection, account.name, thread)

    @app.get("/v1/answers/{answer_id}", summary="一个回答的凭据：用了哪些记录、规则和条款，各是哪一版")
    def receipt(answer_id: str, account: asker) -> Receipt:
        with database.read() as connection:
            return _receipt(turns.turn(connection, account.name, answer_id))


def _turn(one: TurnInfo) -> TurnView:
    kept = one.answer or {}
    return TurnView(
        answer_id=one.id,
        question=one.question,
        asked_at=_at(one.asked_at),
        answer=Answer.model_validate(kept) if kept else None,
        stopped=bool(kept.get("stopped")),
        run_id=one.run_id,
    )


def _receipt(one: TurnInfo) -> Receipt:
    kept = one.answer or {}
    answer, basis = Answer.model_validate(kept), Basis.model_validate(one.basis or {})
    clauses = [
        UsedClause(
            citation=cited.id,
            policy_sha256=basis.policies.get(cited.policy_id),
            **cited.model_dump(include={"policy_id", "title", "locator", "url", "sha256"}),
        )
        for cited in answer.citations
    ]
    return Receipt(
        id=one.id,
        thread_id=one.thread_id,
        question=one.question,
        asked_at=_at(one.asked_at),
        answer=answer,
        stopped=bool(kept.get("stopped")),
        records=basis.records,
        rule_sets=basis.rule_sets,
        clauses=clauses,
    )


def _title(question: str) -> str:
    return " ".join(question.split())[:_TITLE]


def _at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, _HERE)
