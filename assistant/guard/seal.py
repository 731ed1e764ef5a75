"""A draft becomes an answer only if everything in it that could be false is proven.

A draft that fails is replaced by a fixed wording made of the results alone; should that fail too, nothing is told.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar
from urllib.parse import quote as percent_encoded

from assistant.answer import Answer, Calculation, Citation, CitedPart, Outcome
from assistant.draft import Draft
from assistant.errors import trace
from assistant.fixed import UNAVAILABLE, wording
from assistant.guard.evidence import Evidence
from assistant.guard.rejected import Rejected
from assistant.policy import Clause
from assistant.results import Denied, Passage, Result, Sources, foremost
from assistant.store import policies
from assistant.store.database import Connection
from assistant.watch import Refused, tell

_LOG = logging.getLogger(__name__)
_Cited = TypeVar("_Cited", bound=CitedPart)


def seal(
    connection: Connection, question: str, draft: Draft, results: Sequence[Result], sources: Sources, ids: Answer
) -> Answer:
    """The answer that a draft makes, or a fixed wording in its place. Of `ids` only the ids are taken."""
    for attempt in (draft, wording(results)):
        try:
            return prove(connection, question, attempt, results, sources, ids)
        except Rejected:
            tell(Refused("planner"))
    return ids.model_copy(update={"outcome": Outcome.UNAVAILABLE, "text": UNAVAILABLE})


def prove(
    connection: Connection, question: str, draft: Draft, results: Sequence[Result], sources: Sources, ids: Answer
) -> Answer:
    """The answer that a draft makes. Rejected: something in it isn't proven, or the guard itself failed."""
    try:
        if draft.outcome is Outcome.NOT_PERMITTED:
            # Of several whom a question is about one is out of sight: then nothing is told of the others either.
            results = [result for result in results if isinstance(result, Denied)]
        evidence = Evidence(connection, question, results, sources, draft.tables)
        evidence.check(draft.text)
        return _cited(connection, draft, evidence, results, sources, ids)
    except Rejected as reason:
        _LOG.warning("answer %s: draft refused: %s", ids.id, reason)
        raise
    except Exception as error:
        _LOG.error("answer %s: the guard failed, so the draft is refused: %s", ids.id, trace(error))
        raise Rejected("the guard failed") from error


def _cited(
    connection: Connection, draft: Draft, evidence: Evidence, results: Sequence[Result], sources: Sources, ids: Answer
) -> Answer:
    """The draft with its tokens turned into numbered citations, in the order of their first use, and into tables."""
    refused = draft.outcome is Outcome.NOT_PERMITTED  # what else was found is nobody's to see beside a refusal
    state = None if refused else foremost(results)
    calculation, projection = (state.calculation, state.projection) if state else (None, None)
    plan = state.made_up.items if state and state.made_up else None
    tokens = [*evidence.cited(draft.text), *_tokens(calculation), *_tokens(projection)]
    tokens += [item.citation for item in plan or () if item.citation]
    numbers = {token: str(number) for number, token in enumerate(dict.fromkeys(tokens), 1)}
    passages = {token: sources.passage(token) for token in numbers}
    shown = {token: passage for token, passage in passages.items() if passage}
    if len(shown) < len(passages):
        raise Rejected("a calculation cites what no tool returned")
    cites = citations(connection, {numbers[token]: passage for token, passage in shown.items()})
    return ids.model_copy(
        update={
            "outcome": draft.outcome,
            "text": evidence.shown(draft.text),
            "citations": cites,
            "calculation": _renumbered(calculation, numbers),
            "projection": _renumbered(projection, numbers),
            "plan": None if plan is None else _copies(plan, numbers),
            "tables": evidence.tables(draft.text),
            "suggestions": list(draft.suggestions),
        }
    )


def citations(connection: Connection, passages: Mapping[str, Passage]) -> list[Citation]:
    """The passages as citations, by their ids. Rejected: a quote isn't in the clause as it is stored."""
    stored = policies.clauses(connection, [(one.policy.id, one.clause.locator) for one in passages.values()])
    return [_citation(name, passage, stored) for name, passage in passages.items()]


def _tokens(calculation: Calculation | None) -> Iterator[str]:
    """The tokens that a calculation cites."""
    if calculation:
        parts: list[CitedPart] = [*calculation.categories, *calculation.not_counted, *calculation.steps]
        yield from (part.citation for part in parts if part.citation)


def _renumbered(calculation: Calculation | None, numbers: Mapping[str, str]) -> Calculation | None:
    """A copy that cites by number."""
    if calculation is None:
        return None
    cited = {name: _copies(getattr(calculation, name), numbers) for name in ("categories", "not_counted", "steps")}
    return calculation.model_copy(update=cited)


def _copies(parts: Sequence[_Cited], numbers: Mapping[str, str]) -> list[_Cited]:
    return [part.model_copy(update={"citation": numbers.get(part.citation or "")}) for part in parts]


def _citation(number: str, passage: Passage, stored: Mapping[tuple[str, str], Clause]) -> Citation:
    policy, locator = passage.policy, passage.clause.locator
    clause = stored.get((policy.id, locator))
    if clause is None or passage.quote not in clause.quotable or not passage.quote:
        raise Rejected(f"the quote from {policy.id} {locator} is not in the stored clause")
    return Citation(
        id=number,
        policy_id=policy.id,
        title=policy.title,
        number=policy.number,
        issuer=policy.issuer,
        issued_on=policy.issued_on,
        locator=locator,
        quote=passage.quote,
        text=clause.kind,
        url=f"/policies/{policy.id}#{percent_encoded(locator)}",
        sha256=clause.sha256,
    )
