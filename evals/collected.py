"""Feedback as drafts of cases: what was asked, what came, and what somebody said of it, for a reviewer to correct."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from assistant.answer import Answer
from assistant.store.feedback import Rated

_HERE = ZoneInfo("Asia/Shanghai")
_HEAD = """\
# 用户对回答的评价，按评测用例的格式。含个人资料（账号、问题、学时），只供审核，不要外传。
# 审核时把 expect 改成应有的答案，把账号和姓名换成示例库里的，再放进 evals/cases/。
"""
_FIELDS = ("required", "counted", "remaining", "pending")


def drafts(rated: Iterable[Rated]) -> str:
    """YAML in the format of `evals/cases/`; what was answered stands where what is right belongs."""
    cases = [_draft(one) for one in rated]
    return _HEAD + yaml.safe_dump(cases, allow_unicode=True, sort_keys=False, width=120)


def _draft(rated: Rated) -> dict[str, Any]:
    said, answer = rated.opinion, Answer.model_validate(rated.answer)
    day = datetime.fromtimestamp(said.at, _HERE).strftime("%Y-%m-%d %H:%M")
    return {
        "ask": rated.questions if len(rated.questions) > 1 else rated.questions[0],
        "as": said.account,
        "split": "tuning",
        "note": f"{day} 评为 {said.rating}：{said.comment or '没有写意见'}\n回答：{answer.text}",
        "expect": dict(_expected(answer)),
    }


def _expected(answer: Answer) -> Iterator[tuple[str, Any]]:
    yield "outcome", str(answer.outcome)
    if made := answer.calculation:
        gaps = {f"{line.category}.shortfall": line.shortfall for line in made.categories}
        yield "figures", {"teacher_id": made.teacher_id, **{name: getattr(made, name) for name in _FIELDS}, **gaps}
    if answer.projection:
        yield "projection", {"remaining": answer.projection.remaining}
    if answer.plan:
        yield "plan_hours", _sum([item.hours for item in answer.plan])
    if answer.tables:
        yield "total_rows", answer.tables[0].total_rows
    if answer.citations:
        yield "clauses", [f"{one.policy_id}#{one.locator}" for one in answer.citations]


def _sum(hours: Sequence[str]) -> str:
    return f"{sum(map(Decimal, hours), Decimal(0)).normalize():f}"
