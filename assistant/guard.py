"""The guard: a draft becomes an answer only if every figure and every citation in it is proven.

A figure must stand in the calculation, the projection, a table (or be its count or sum), a citation, or the question. A
citation must be one that a tool returned, and its quote must be a verbatim part of the clause as it is stored now. A
draft that fails is replaced by a fixed wording made of the results alone; should that fail too, nothing is told.
"""

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, TypeVar
from urllib.parse import quote as percent_encoded

from assistant.answer import Answer, Calculation, Citation, CitedPart, Outcome, Table
from assistant.draft import Draft
from assistant.errors import trace
from assistant.figures import Figure, figures
from assistant.fixed import UNAVAILABLE, wording
from assistant.policy import Clause
from assistant.results import Hours, Passage, Result, Rows, Sources
from assistant.store import policies
from assistant.store.database import Connection

_MARK = re.compile(r"\[\^([^\]]*)\]")
# Fields whose digits are names, not figures; the columns of a query are named by whoever wrote it.
_NAMES = {"id", "citation", "columns", "locator", "policy_id", "record_ids", "rule_set", "sha256", "teacher_id", "url"}
# A cell that may be summed. Nothing longer, and no exponent: a number of a billion digits takes a few characters.
_PLAIN = re.compile(r"-?\d{1,20}(\.\d{1,20})?", re.ASCII)
_LOG = logging.getLogger(__name__)
_Cited = TypeVar("_Cited", bound=CitedPart)


class Rejected(Exception):
    """Something in a draft isn't proven; the text says what."""


def seal(
    connection: Connection, question: str, draft: Draft, results: Sequence[Result], sources: Sources, ids: Answer
) -> Answer:
    """The answer that a draft makes, or a fixed wording in its place. Of `ids` only the ids are taken."""
    for attempt in (draft, wording(results)):
        try:
            answer = _cited(connection, attempt, results, sources, ids)
            check_figures(answer, question)
            return answer
        except Rejected as reason:
            _LOG.warning("answer %s: draft refused: %s", ids.id, reason)
        except Exception as error:
            _LOG.error("answer %s: the guard failed, so the draft is refused: %s", ids.id, trace(error))
    return ids.model_copy(update={"outcome": Outcome.UNAVAILABLE, "text": UNAVAILABLE})


def check_figures(answer: Answer, question: str) -> None:
    """Rejected: a figure of the text stands nowhere that proves it."""
    proven = {_same(figure) for text in _evidence(answer, question) for figure in figures(text)}
    proven |= {(number, False) for table in answer.tables for number in _counts_and_sums(table)}
    days = {value for value, _ in proven if isinstance(value, tuple)}
    text = _MARK.sub(" ", answer.text)
    for cited in sorted(answer.citations, key=lambda cited: -len(cited.locator)):
        text = text.replace(f"》{cited.locator}", " ").replace(f"）{cited.locator}", " ")
    for figure in figures(text):
        value = figure.value
        if isinstance(value, tuple):
            # A date may be said in part: without its year, or without its day.
            if any(all(part in (0, whole) for part, whole in zip(value, day, strict=True)) for day in days):
                continue
        elif _same(figure) in proven:
            continue
        raise Rejected(f"nothing proves the figure {figure.said!r}")


def _same(figure: Figure) -> tuple[Fraction | tuple[int, int, int], bool]:
    """What makes two figures one: the value, and whether it is a share."""
    return figure.value, figure.unit == "%"


def _evidence(answer: Answer, question: str) -> Iterator[str]:
    yield question
    body = answer.model_dump(mode="json", include={"citations", "calculation", "projection", "plan", "tables"})
    yield from _texts(body)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, part in value.items():
            if key not in _NAMES:
                yield from _texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)


def _counts_and_sums(table: Table) -> Iterator[Fraction]:
    yield Fraction(table.total_rows)
    yield Fraction(len(table.rows))
    for column in zip(*table.rows, strict=True):
        if all(map(_PLAIN.fullmatch, column)):
            yield sum(map(Fraction, column), Fraction(0))


def _cited(connection: Connection, draft: Draft, results: Sequence[Result], sources: Sources, ids: Answer) -> Answer:
    """The draft with its tokens turned into numbered citations, in the order of their first use, and into tables."""
    state = next((result for result in results if isinstance(result, Hours)), None)
    calculation, projection = (state.calculation, state.projection) if state else (None, None)
    queried = {result.token: result.table for result in results if isinstance(result, Rows)}
    tables = [table for token, table in queried.items() if f"[^{token}]" in draft.text]
    text = _MARK.sub(lambda match: "" if match[1] in queried else match[0], draft.text)
    plan = state.made_up.items if state and state.made_up else None
    tokens = [*_MARK.findall(text), *_tokens(calculation), *_tokens(projection)]
    tokens += [item.citation for item in plan or () if item.citation]
    numbers = {token: str(number) for number, token in enumerate(dict.fromkeys(tokens), 1)}
    passages = {token: sources.passage(token) for token in numbers}
    if unknown := [token for token, passage in passages.items() if passage is None]:
        raise Rejected(f"no tool returned the citation {unknown[0]!r}")
    shown = {token: passage for token, passage in passages.items() if passage}
    stored = policies.clauses(connection, [(one.policy.id, one.clause.locator) for one in shown.values()])
    return ids.model_copy(
        update={
            "outcome": draft.outcome,
            "text": _MARK.sub(lambda match: f"[^{numbers[match[1]]}]", text),
            "citations": [_citation(numbers[token], passage, stored) for token, passage in shown.items()],
            "calculation": _renumbered(calculation, numbers),
            "projection": _renumbered(projection, numbers),
            "plan": None if plan is None else _copies(plan, numbers),
            "tables": [*draft.tables, *tables],
            "suggestions": list(draft.suggestions),
        }
    )


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
