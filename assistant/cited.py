"""A verdict in the answer's fields, every clause as a token that quotes the words with the rule's figure."""

from collections.abc import Mapping, Set
from functools import lru_cache
from typing import Any

from assistant import hours
from assistant.answer import CategoryLine, NotCounted, Step
from assistant.figures import figures
from assistant.policy import Policy
from assistant.results import Run
from assistant.retrieval.search import sentences
from assistant.rules.calculate import Verdict
from assistant.rules.find import Applicable
from assistant.rules.schema import Count, Line


class Cited:
    """A verdict in the answer's words, each clause as a token that quotes the sentence with the rule's figure."""

    def __init__(self, run: Run, policies: Mapping[str, Policy], applied: Applicable) -> None:
        """`policies`: those that the rules cite, by id. LookupError: one isn't there, or lacks a clause."""
        self._run, self._policies, self._applied = run, policies, applied
        self.unproven: dict[str, Line] = {}

    def by(self, rule: Line | None) -> str | None:
        """The token of a rule's clause, quoting the words that hold its figures."""
        if rule is None:
            return None
        token, proven = cite(self._run, self._policies[rule.policy or self._applied.policy_id], rule)
        if not proven:
            self.unproven[rule.id] = rule
        return token

    def fields(self, verdict: Verdict, teacher_id: str) -> dict[str, Any]:
        """The fields of a `Calculation`."""
        say, applied = hours.show, verdict.applied
        return {
            "rule_set": applied.policy_id,
            "carried_forward": applied.carried_forward,
            "teacher_id": teacher_id,
            "from_": applied.start,
            "to": applied.end,
            "required": say(verdict.required),
            "counted": say(verdict.counted),
            "remaining": say(verdict.remaining),
            "met": verdict.met,
            "pending": say(verdict.pending),
            "remaining_if_approved": say(verdict.remaining_if_approved),
            "categories": [
                CategoryLine(
                    category=line.category,
                    required=None if line.required is None else say(line.required),
                    recorded=say(line.recorded),
                    counted=say(line.counted),
                    shortfall=say(line.shortfall),
                    citation=self.by(line.rule),
                )
                for line in verdict.categories
            ],
            "not_counted": [
                NotCounted(
                    record_ids=list(item.record_ids),
                    hours=say(item.hours),
                    why=item.why,
                    citation=self.by(item.rule),
                )
                for item in verdict.not_counted
            ],
            "beyond_caps": say(verdict.beyond_caps),
            "steps": [
                Step(text=step.text, citation=self.by(step.rule), record_ids=list(step.record_ids))
                for step in verdict.steps
            ],
        }

    def doubts(self) -> list[tuple[str, str | None]]:
        """The rules cited so far whose figures their clauses don't hold as they stand now, for all to see."""
        tokens = dict.fromkeys(self.by(rule) for rule in list(self.unproven.values()))
        return [("所用的数字在这一条的现有文字里找不到，请以发文机关的解释为准", token) for token in tokens]

    def cuts(self, verdict: Verdict) -> list[tuple[str, str | None]]:
        """What the caps cut off, source by source."""
        cut = [(item, item.rule) for item in verdict.not_counted if item.why == "cap"]
        return [
            (f"{rule.where.source}{hours.show(item.hours)} 学时", self.by(rule))
            for item, rule in cut
            if isinstance(rule, Count)
        ]

    def caps(self, categories: Set[str]) -> list[tuple[str, str | None]]:
        """The caps on sources of some categories, for who hasn't said which source is meant."""
        return [
            (f"{line.where.source}最多计入 {hours.show(line.at_most)} 学时", self.by(line))
            for line in self._applied.version.count
            if line.at_most is not None and line.where.category and line.where.category[0] in categories
        ]


def cite(run: Run, policy: Policy, rule: Line) -> tuple[str, bool]:
    """The token of a rule's clause, and whether the words quoted hold its figures. LookupError: no such clause."""
    clause = policy.clause(rule.clause)
    if clause is None:
        raise LookupError(rule.clause)
    quote, proven = _with_figures(clause.quotable, frozenset((value, rule.unit) for value in rule.figures))
    return run.sources.cite(policy.meta, clause, quote), proven


@lru_cache(4096)
def _with_figures(text: str, wanted: frozenset[Any]) -> tuple[str, bool]:
    """Whole sentences, from the first to the last that holds one of the figures; all of a text without any.

    And whether they hold every figure. Kept, since rules cite the same clauses in every answer.
    """
    parts = sentences(text)
    held = [wanted & {(figure.value, figure.unit) for figure in figures(part)} for part in parts]
    holding = [number for number, some in enumerate(held) if some]
    quote = "".join(parts[holding[0] : holding[-1] + 1]).strip() if holding else text
    return quote, wanted <= {(figure.value, figure.unit) for figure in figures(quote)}
