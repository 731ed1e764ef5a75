"""What an answer rests on, as it was then: kept with the answer, so that its receipt can be shown years later."""

from collections.abc import Iterator, Sequence
from datetime import date

from pydantic import BaseModel, ConfigDict, Field

from assistant import hours
from assistant.answer import Answer, Outcome
from assistant.results import Compliance, Hours, Result
from assistant.rules.calculate import Record
from assistant.store import policies
from assistant.store.database import Connection


class UsedRecord(BaseModel):
    """A record as it was; `hours` as a decimal string."""

    record_id: str
    title: str
    category: str
    organiser: str | None
    hours: str
    completed_on: date
    status: str
    reason: str | None


class UsedRules(BaseModel):
    """Rules that were applied to a period, both dates part of it. `sha256` is of the policy's files: its version."""

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    policy_id: str
    title: str
    sha256: str
    carried_forward: bool
    from_: date | None = Field(alias="from")
    to: date | None


class Basis(BaseModel):
    """What an answer was made of: records of the periods reckoned, rules, and the version of every policy cited."""

    records: list[UsedRecord] = []
    rule_sets: list[UsedRules] = []
    policies: dict[str, str] = {}


def basis(connection: Connection, answer: Answer, results: Sequence[Result]) -> Basis:
    """What `answer` was made of. Of a refusal nothing is kept: what else was found is nobody's to see beside it."""
    if answer.outcome is Outcome.NOT_PERMITTED:
        return Basis()
    rules = list(dict.fromkeys(_rules(results)))
    known = policies.versions(connection, {one.policy_id for one in answer.citations} | {one[0] for one in rules})
    records = {one.record_id: one for result in results if isinstance(result, Hours) for one in result.records}
    return Basis(
        records=[_record(one) for one in records.values()],
        rule_sets=[
            UsedRules(policy_id=name, carried_forward=ended, from_=start, to=end, **known[name]._asdict())
            for name, ended, start, end in rules
        ],
        policies={one.policy_id: known[one.policy_id].sha256 for one in answer.citations},
    )


def _rules(results: Sequence[Result]) -> Iterator[tuple[str, bool, date | None, date | None]]:
    """The rules that were applied: policy, whether carried forward, first and last day."""
    for result in results:
        if isinstance(result, Hours) and (made := result.calculation):
            yield made.rule_set, made.carried_forward, made.from_, made.to
        elif isinstance(result, Compliance):
            for one in result.report.rules:
                if one.rule_set:
                    yield one.rule_set, one.carried_forward, one.from_, one.to


def _record(one: Record) -> UsedRecord:
    return UsedRecord(**{**one._asdict(), "hours": hours.show(one.hours)})
