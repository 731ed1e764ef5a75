"""A verdict in the answer's fields, every clause as a token that quotes the words with the rule's figure."""

from typing import Any

from assistant import hours
from assistant.answer import CategoryLine, NotCounted, Step
from assistant.figures import figures
from assistant.policy import Policy
from assistant.results import Run
from assistant.retrieval.search import sentences
from assistant.rules.calculate import Verdict
from assistant.rules.find import Applicable
from assistant.rules.schema import Category, Count, Line


class Cited:
    """A verdict in the answer's words, each clause as a token that quotes the sentence with the rule's figure."""

    def __init__(self, run: Run, policy: Policy, applied: Applicable) -> None:
        self._run, self._policy = run, policy
        self._lines: dict[str, list[Line]] = {}
        for line in applied.version.lines():
            self._lines.setdefault(line.clause, []).append(line)
        self._version = applied.version

    def by(self, locator: str | None, line: Line | None = None) -> str | None:
        """The token of a clause; quoted is the sentence that holds the figures of `line`, or of any rule on it."""
        if locator is None:
            return None
        clause = self._policy.clause(locator)
        if clause is None:
            raise LookupError(locator)
        lines = [line] if line else self._lines.get(locator, [])
        wanted = {(value, item.unit) for item in lines for value in item.figures}
        return self._run.sources.cite(self._policy.meta, clause, _with_figures(clause.quotable, wanted))

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
                    citation=self.by(line.clause),
                )
                for line in verdict.categories
            ],
            "not_counted": [
                NotCounted(
                    record_ids=list(item.record_ids),
                    hours=say(item.hours),
                    why=item.why,
                    citation=self.by(item.clause),
                )
                for item in verdict.not_counted
            ],
            "beyond_caps": say(verdict.beyond_caps),
            "steps": [
                Step(text=step.text, citation=self.by(step.clause), record_ids=list(step.record_ids))
                for step in verdict.steps
            ],
        }

    def caps(self, categories: set[Category]) -> list[tuple[str, str | None]]:
        """The caps on sources of some categories, for who hasn't said which source is meant."""
        return [
            (f"{_source(line)}最多计入 {hours.show(line.at_most)} 学时", self.by(line.clause))
            for line in self._version.count
            if line.at_most is not None and line.where.category and line.where.category[0] in categories
        ]


def _with_figures(text: str, wanted: set[Any]) -> str:
    """Whole sentences, from the first to the last that holds one of the figures; all of a text without any."""
    parts = sentences(text)
    holding = [
        number
        for number, part in enumerate(parts)
        if wanted & {(figure.value, figure.unit) for figure in figures(part)}
    ]
    return "".join(parts[holding[0] : holding[-1] + 1]).strip() if holding else text


def _source(line: Count) -> str:
    return f"{'、'.join(line.where.category or [])}（{'、'.join(line.where.organiser or ['各单位'])}）"
