"""What the tools of one run have shown, to hold a text against, whole or as far as it has come."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from assistant.answer import Table
from assistant.fixed import DENIED
from assistant.guard import facts
from assistant.guard.claims import Known, check_claims
from assistant.guard.facts import Fact, Source
from assistant.guard.names import candidates
from assistant.guard.proof import check_figures, check_marks
from assistant.guard.quotes import Quotable, bare, unquoted
from assistant.guard.rejected import Rejected
from assistant.guard.words import ATOM, Atom, Words, fold, is_private
from assistant.results import (
    Clauses,
    Compliance,
    Denied,
    Hours,
    Namesakes,
    Passage,
    Records,
    Result,
    Rows,
    Sources,
    Units,
    foremost,
)
from assistant.store.anybody import names_among
from assistant.store.database import Connection
from assistant.text import is_text

MARK = re.compile(r"\[\^([^\]]*)\]")
_LOCATOR = re.compile(r"附件|/|第.{1,4}[条章]|^[一二三四五六七八九十]+|\([一二三四五六七八九十\d]+\)|^[首尾]$")
# Notes are told word for word, so that nothing is left of them to be read.
_NOTE = re.compile(r"说明:[^。\n]*?\d")
_TOLD = Hours | Records | Rows | Compliance | Clauses | Namesakes | Units


class Evidence:
    """The proof that there is for a text about a question.

    A figure is proven by the calculation, the projection, the plan, a table (its cells, its count, a column's sum), a
    clause that the text cites, or, where the sentence says back what was asked (您说的, 如果), the question: in the
    same unit, and in the same role, of the same person, category and year wherever both tell. What is quoted is
    verbatim; who is named is named by a result or the question; claims without a figure (已达标) agree with the
    results.
    """

    def __init__(
        self,
        connection: Connection,
        question: str,
        results: Sequence[Result],
        sources: Sources,
        tables: Sequence[Table] = (),
    ) -> None:
        """`tables`: those that the answer will have besides what its text asks for by tokens."""
        self._connection, self._question, self._results = connection, question, results
        self._sources, self._tables = sources, tables
        self._known = dict[str, list[Fact]]()
        self._people = dict(_people(results, tables))
        # A list of records tells a name, a calculation a number: the same person, by either.
        mine = (_who(one) for one in results if isinstance(one, Hours | Records) and one.own)
        self._own = "|".join(dict.fromkeys(mine))

    def check(self, text: str) -> None:
        """Rejected: something in `text`, a whole text or the beginning of one, isn't proven.

        Citations stand in it as tokens (`[^s1]`, `[^r1]`); those that no tool gave count as not there.
        """
        if not is_text(text) or is_private(text):
            raise Rejected("it holds characters that can't be read")
        self._check_refusal(text)
        self._check_forged(text)
        tokens, tables = self.cited(text), self.tables(text)
        cited = {token: passage for token in tokens if (passage := self._sources.passage(token))}
        words = Words(dict(self._words(cited, tables)))
        marked = MARK.sub(lambda match: words.char(Atom("mark", match[1])) if match[1] in cited else "", text)
        read = unquoted(fold(marked), self._quotable(cited, tables), words)
        read = without_locators(words.replaced(read), words, cited)
        if _NOTE.search(read):
            raise Rejected("a note with a figure that is none of the notes")
        self._check_names(read, words, tables)
        known = [*self._facts(cited, tables)]
        check_figures(read, words, self._own, known, lambda: [self._question, *_texts(cited, tables)])
        check_marks(read, words, self._own, known)
        asked = fold("；".join([self._question, *(table.caption for table in tables)]))
        check_claims(read, words, self._own, Known(known, self._results, asked))

    def shown(self, text: str) -> str:
        """A text that passed, or its beginning, as it is sent: citations numbered by first use, no other marks."""
        numbers = {token: str(number) for number, token in enumerate(self.cited(text), 1)}
        return MARK.sub(lambda match: f"[^{numbers[match[1]]}]" if match[1] in numbers else "", text)

    def cited(self, text: str) -> list[str]:
        """The tokens of the passages that a text cites, in the order of their first use."""
        return [token for token in dict.fromkeys(MARK.findall(text)) if self._sources.passage(token)]

    def tables(self, text: str) -> list[Table]:
        """The tables of the answer that `text` makes: the draft's, those asked for by tokens, further calculations'."""
        asked = set(MARK.findall(text))
        tables = list(self._tables)
        for result in self._results:
            if isinstance(result, Rows) and result.token in asked:
                tables.append(result.table)
            elif isinstance(result, Compliance) and result.token in asked:
                tables += [table for table in result.tables if table not in tables]
        main = foremost(self._results)
        further = [one.table for one in self._results if isinstance(one, Hours) and one is not main]
        return tables + [table for table in further if table and table not in tables]

    def _check_forged(self, text: str) -> None:
        """A citation that no tool gave is left out; so no sentence may rest on it alone."""
        given = {one.token for one in self._results if isinstance(one, Rows | Compliance)} | set(self.cited(text))
        for sentence in re.split(r"(?<=[。！？!?\n])(?!\s*\[\^)", text):
            tokens = set(MARK.findall(sentence))
            if tokens - given and not (tokens & given or re.search(r"\d", MARK.sub("", sentence))):
                raise Rejected("a sentence cites nothing but what no tool returned")

    def _check_refusal(self, text: str) -> None:
        """What may not be seen is refused in the same words, whether it exists or not."""
        denied = any(isinstance(one, Denied) for one in self._results)
        if denied and not any(isinstance(one, _TOLD) for one in self._results) and text != DENIED:
            raise Rejected("a refusal in words of its own")

    def _check_names(self, plain: str, words: Words, shown: Sequence[Table]) -> None:
        for pair in re.findall(rf"({ATOM})\(({ATOM})\)", plain):
            name, number = (words.known(char) for char in pair)
            if name and number and name.kind == number.kind == "person" and number.value not in name.value.split("|"):
                raise Rejected("a name with the number of another")
            if name and number and (name.kind, number.kind) == ("person", "place"):
                schools = facts.places_of(name.value, shown, self._people)
                if schools and number.value not in schools:
                    raise Rejected("a teacher at the school of another")
        likely = set(candidates(plain))
        there = bare("；".join([self._question, *_cells(shown)])) if likely else ""
        unknown = {name for name in likely if name not in there}
        if found := names_among(self._connection, unknown):
            raise Rejected(f"it names {len(found)} people whom nothing names")

    def _facts(self, cited: Mapping[str, Passage], shown: Sequence[Table]) -> Iterator[Fact]:
        yield from self._reckoned
        reckoned = [one.table for one in self._results if isinstance(one, Hours)]
        for table in shown:
            if table not in reckoned:  # shown, but known better from what was reckoned
                yield from self._kept(
                    table.model_dump_json(), facts.of_table(table, self._people, self._clauses(table))
                )
        for token, passage in cited.items():
            yield from self._kept(token, _of_passage(token, passage))

    def _clauses(self, table: Table) -> dict[str, str | None]:
        """The citations behind a report's table, by the rule that a row is about."""
        report = next((one for one in self._results if isinstance(one, Compliance) and table in one.tables), None)
        if report is None:
            return {}
        checks = [check for row in (*report.report.rows, report.report.totals) for check in row.checks]
        return {"": report.rule} | {one.name: report.clauses.get(f"{one.policy_id}#{one.rule}") for one in checks}

    def _kept(self, key: str, found: Iterator[Fact]) -> list[Fact]:
        """Facts that are looked for once, however often a text is checked as it grows."""
        if key not in self._known:
            self._known[key] = list(found)
        return self._known[key]

    @cached_property
    def _reckoned(self) -> list[Fact]:
        found = list(facts.of_prose(self._question, Source.QUESTION))
        if any(isinstance(one, Hours) and one.projection for one in self._results):
            # What is assumed is told by the projection, and no longer by the question.
            found = [fact for fact in found if fact.units & facts.TIMES]
        main = foremost(self._results)
        for result in (one for one in self._results if isinstance(one, Hours)):
            for made in filter(None, (result.calculation, result.projection)):
                found += facts.of_calculation(made, made.teacher_id, [*result.cuts, *result.open_caps])
            if result is main and result.made_up and result.made_up.items:
                found += facts.of_plan(result.made_up.items)
        if any(fact.role == "cut" and fact.later and fact.value for fact in found):
            # Beside what is cut off then, that nothing is now would be taken for it.
            found = [fact for fact in found if fact.role != "cut" or fact.value]
        return found

    def _words(self, cited: Mapping[str, Passage], shown: Sequence[Table]) -> Iterator[tuple[str, Atom]]:
        """Names that the text may hold, by how they are written."""
        for name, person in self._people.items():
            yield name, Atom("person", person)
        for table in shown:
            yield from facts.names_in(table)
        for result in self._results:
            if isinstance(result, Hours):
                yield from ((text, Atom("note", token or "")) for text, token in result.notes)
                if result.made_up and result.made_up.impossible:
                    yield result.made_up.impossible, Atom("verbatim", "")
            if isinstance(result, Hours | Clauses):
                yield result.place.replace("/", ""), Atom("verbatim", "")
        for passage in cited.values():
            yield from ((said, Atom("verbatim", "")) for said in (passage.policy.number, passage.policy.issuer) if said)

    def _quotable(self, cited: Mapping[str, Passage], shown: Sequence[Table]) -> Quotable:
        records = [one for result in self._results if isinstance(result, Hours | Records) for one in result.records]
        titles = {passage.policy.title for passage in cited.values()} | {record.title for record in records}
        clauses = {token: passage.clause.quotable for token, passage in cited.items()}
        reasons = [record.reason for record in records if record.reason]
        return Quotable(clauses, titles, lambda: [self._question, *reasons, *_cells(shown)])


def _of_passage(token: str, passage: Passage) -> Iterator[Fact]:
    yield from facts.of_prose(passage.quote, Source.QUOTE, [token])
    yield from facts.of_prose(f"{passage.policy.title}；{passage.policy.issued_on or ''}", Source.QUOTE)


def _who(result: Hours | Records) -> str:
    made = result.calculation if isinstance(result, Hours) else None
    return made.teacher_id if made else result.name


def _people(results: Iterable[Result], tables: Iterable[Table]) -> Iterator[tuple[str, str]]:
    """Whom names and numbers mean: a name that several have, any of them (T0003|T0004)."""
    pairs = set[tuple[str, str]]()
    for result in results:
        match result:
            case Hours(calculation=made) if made is not None:
                pairs.add((made.teacher_id, result.name))
            case Hours() | Records():
                pairs.add((result.name, result.name))
            case Namesakes():
                pairs |= {(number, result.name) for number, _ in result.teachers}
            case Compliance():
                pairs |= {(one.teacher_id, one.name) for one in result.report.teachers}
                tables = [*tables, *result.tables]
            case Rows():
                tables = [*tables, result.table]
    for table in tables:
        pairs |= set(facts.people_in(table))
    numbers = {name: {number for number, one in pairs if one == name and number != name} for _, name in pairs}
    for number, name in pairs:
        yield number, number
        yield name, "|".join(sorted(numbers[name])) or name


def _cells(tables: Iterable[Table]) -> Iterator[str]:
    for table in tables:
        yield table.caption
        for row in table.rows:
            yield from row


def _texts(cited: Mapping[str, Passage], tables: Iterable[Table]) -> Iterator[str]:
    yield from (passage.quote for passage in cited.values())
    yield from _cells(tables)


def without_locators(text: str, words: Words, cited: Mapping[str, Passage]) -> str:
    """The text without the locators that follow a policy's title. Rejected: it isn't that of the clause cited next."""
    title = "|".join(
        words.char(Atom("quote", said)) for said in {fold(passage.policy.title) for passage in cited.values()}
    )
    if not title:
        return text

    def proven(match: re.Match[str]) -> str:
        rest = text[match.end() :]
        following = (words.known(char) for char in rest)
        mark = next((atom.value for atom in following if atom and atom.kind == "mark"), "")
        locator = fold(cited[mark].clause.locator) if mark else ""
        if match["locator"] == locator:
            return match["title"]
        if _LOCATOR.search(match["locator"]):
            raise Rejected("the clause cited is another", match["locator"])
        return match[0]

    number = f"(?:\\({words.char(Atom('verbatim', ''))}\\))?"
    return re.sub(
        rf"(?P<title>(?:{title}){number})(?P<locator>[^、。;:\s“]*?)(?=\(本库摘要\)|[、。;:\s]|$)", proven, text
    )
