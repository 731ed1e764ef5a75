"""Feedback over HTTP: on one's own answers, and for administrators what was said and asked in their unit and below."""

from datetime import datetime
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from fastapi import FastAPI, Query
from pydantic import BaseModel, ConfigDict, Field, field_validator

from assistant.bootstrap import Installation
from assistant.errors import InputError, NotPermitted
from assistant.identity import Account
from assistant.store import audit, feedback
from assistant.store.audit import Act
from assistant.store.feedback import Opinion, Rating
from assistant.text import is_text, visible

_HERE = ZoneInfo("Asia/Shanghai")
_LONGEST = 1000  # characters of a comment


class Said(BaseModel):
    """What is said of an answer; said again, it takes the place of what was said before."""

    model_config = ConfigDict(extra="forbid")

    rating: Rating
    comment: str | None = Field(None, max_length=_LONGEST, description="1000 字以内")

    @field_validator("comment")
    @classmethod
    def _some(cls, comment: str | None) -> str | None:
        return visible(comment or "").strip() or None


class Kept(Said):
    """What is kept of it."""

    answer_id: str


class OpinionView(Kept):
    """What somebody said of an answer, and what they had asked; not who. The answer itself stays its owner's."""

    at: datetime
    question: str
    outcome: str


class Opinions(BaseModel):
    """The latest first; `total` counts those that `limit` left out, too."""

    feedback: list[OpinionView]
    total: int


class QuestionView(BaseModel):
    """A question that the corpus had no answer to, or whose answer was disliked; not who asked it."""

    question: str
    asked_at: datetime
    outcome: str
    comment: str | None


class Questions(BaseModel):
    """The latest first."""

    questions: list[QuestionView]


def add(app: FastAPI, installation: Installation, asker: Any) -> None:
    """The routes. `asker`: FastAPI's annotated account of whoever is signed in."""

    def note(account: Account) -> None:
        """Note that somebody is about to be shown what others wrote."""
        with installation.database.write(account.name) as connection:
            audit.note(connection, Act.FEEDBACK, account.name, unit=account.scope.unit)

    @app.post("/v1/answers/{answer_id}/feedback", summary="评价自己得到的一个回答")
    def rate(answer_id: str, said: Said, account: asker) -> Kept:
        if not is_text(said.comment or ""):
            raise InputError("comment：有不能显示的字符，请重新输入。")
        with installation.database.write(account.name) as connection:
            feedback.rate(connection, account.name, answer_id, said.rating, said.comment)
        return Kept(answer_id=answer_id, rating=said.rating, comment=said.comment)

    @app.get("/v1/feedback", summary="本单位及下级单位的人对回答的评价")
    def listed(
        account: asker,
        limit: Annotated[int, Query(description="最多几条", ge=1, le=500)] = 100,
    ) -> Opinions:
        if account.scope.unit is None:
            raise NotPermitted()
        note(account)
        with installation.database.read() as connection:
            found, total = feedback.opinions(connection, account.scope, limit)
        return Opinions(feedback=[_view(one) for one in found], total=total)

    @app.get("/v1/questions", summary="本单位及下级单位的人问过的：政策库未收录的，或回答被评为不好的")
    def questions(
        account: asker,
        kind: Annotated[Literal["no_evidence", "down"], Query(description="政策库未收录，或评价为不好")],
        limit: Annotated[int, Query(description="最多几条", ge=1, le=500)] = 100,
    ) -> Questions:
        if account.scope.unit is None:
            raise NotPermitted()
        note(account)
        find = feedback.unanswered if kind == "no_evidence" else feedback.disliked
        with installation.database.read() as connection:
            found = find(connection, account.scope, limit)
        views = [one._asdict() | {"asked_at": datetime.fromtimestamp(one.asked_at, _HERE)} for one in found]
        return Questions(questions=[QuestionView.model_validate(view) for view in views])


def _view(one: Opinion) -> OpinionView:
    said = one._asdict() | {"at": datetime.fromtimestamp(one.at, _HERE)}
    return OpinionView.model_validate({name: said[name] for name in OpinionView.model_fields})
