"""A finished answer held against itself: every figure of its text stands in what it shows, or in the question."""

from collections.abc import Iterator

from assistant.answer import Answer
from assistant.guard import facts, proof
from assistant.guard.evidence import MARK
from assistant.guard.facts import Fact, Source
from assistant.guard.quotes import Quotable, unquoted
from assistant.guard.words import Atom, Words, fold


def check_figures(answer: Answer, question: str) -> None:
    """Rejected: a figure of the text, or something that it quotes, stands nowhere that proves it."""
    people = {one: one for table in answer.tables for pair in facts.people_in(table) for one in pair}
    known = {name: Atom("person", name) for name in people}
    known |= {f"》{cited.locator}": Atom("verbatim", "") for cited in answer.citations}
    known |= {
        word: Atom("verbatim", "") for cited in answer.citations for word in (cited.number, cited.locator) if word
    }
    words = Words({name: atom for table in answer.tables for name, atom in facts.names_in(table)} | known)
    shown = [question, *(cell for table in answer.tables for row in table.rows for cell in row)]
    quotable = Quotable(
        {cited.id: cited.quote for cited in answer.citations},
        [cited.title for cited in answer.citations],
        lambda: shown,
    )
    text = MARK.sub(lambda match: words.char(Atom("mark", match[1])), answer.text)
    read = words.replaced(unquoted(fold(text), quotable, words))
    proof.check_figures(read, words, "", [*_facts(answer, question, people)], lambda: shown)


def _facts(answer: Answer, question: str, people: dict[str, str]) -> Iterator[Fact]:
    for made in filter(None, (answer.calculation, answer.projection)):
        yield from facts.of_calculation(made, "")
    yield from facts.of_plan(answer.plan or [])
    for table in answer.tables:
        yield from facts.of_table(table, people, {})
    for cited in answer.citations:
        yield from facts.of_prose(cited.quote, Source.QUOTE, [cited.id])
        yield from facts.of_prose(f"{cited.title}；{cited.issued_on or ''}", Source.QUOTE)
    yield from facts.of_prose(question, Source.QUESTION)
