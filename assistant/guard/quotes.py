"""What a text quotes must stand, to the letter, where it says or among what the tools showed."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import cached_property, lru_cache

from assistant.guard.rejected import Rejected
from assistant.guard.words import Atom, Words, fold

_PAIRS = {"“": "”", "‘": "’", "「": "」", "『": "』", "《": "》", '"': '"'}
_SIGN = re.compile("[" + "".join({*_PAIRS, *_PAIRS.values()}) + "]")
_BETWEEN = ")]、,.。;:"  # may stand between a quote and its citation
_SHORT = 8  # characters: a quoted word is still read as part of its sentence (您“已达标”)


class Quotable:
    """The words that may be quoted."""

    def __init__(
        self, clauses: Mapping[str, str], titles: Collection[str], others: Callable[[], Iterable[str]]
    ) -> None:
        """`clauses`: texts by citation; `titles`: of policies and records, quoted whole; `others`: any other words."""
        self._clauses = {mark: _bare_clause(text) for mark, text in clauses.items()}
        self._titles = {bare(title) for title in titles}
        self._find = others

    @cached_property
    def _others(self) -> list[str]:
        return [*self._titles, *map(bare, self._find())]

    def holds(self, words: str, mark: str) -> bool:
        """Whether folded words are in the clause that they cite, or are a title; without a citation, in any."""
        said = bare(words)
        if not said or said in self._titles:
            return bool(said)
        if mark:
            return said in self._clauses.get(mark, "")
        return any(said in text for text in self._clauses.values()) or any(said in text for text in self._others)

    def is_clause(self, words: str) -> bool:
        """Whether they are a title, or so long a part of a clause that they can't be somebody's own words."""
        said = bare(words)
        return said in self._titles or (len(said) >= _SHORT and any(said in text for text in self._clauses.values()))


def bare(text: str) -> str:
    """A text as quotes are compared: folded, without white space."""
    return "".join(fold(text).split())


_bare_clause = lru_cache(1024)(bare)  # clauses are cited again and again


def unquoted(text: str, quotable: Quotable, words: Words) -> str:
    """A folded text with every quote as one character. Rejected: a quote isn't verbatim, or never ends."""
    parts, at = list[str](), 0
    while sign := _SIGN.search(text, at):
        parts.append(text[at : sign.start()])
        at, close = sign.start(), _PAIRS.get(sign.group())
        if close is None:
            raise Rejected("a quote ends that never began")
        end = next(
            (end for end in _ends(text, at, close) if quotable.holds(text[at + 1 : end], _mark(text, end, words))), None
        )
        if end is None:
            raise Rejected("a quote that nobody said", text[at : at + 40])
        said = text[at + 1 : end]
        parts.append(words.char(Atom("quote", said)) if quotable.is_clause(said) else said)
        at = end + 1
    return "".join([*parts, text[at:]])


def _ends(text: str, start: int, close: str) -> Iterator[int]:
    """Where a quote may end: at its own level first; a clause that is cut off may hold another's beginning."""
    at, found = start, list[int]()
    while (at := text.find(close, at + 1)) >= 0:
        found.append(at)
    own = [end for end in found if text.count(text[start], start, end) == text.count(close, start, end) + 1]
    yield from own
    yield from (end for end in found if end not in own)


def _mark(text: str, end: int, words: Words) -> str:
    """The citation right after a quote."""
    rest = text[end + 1 :].lstrip(_BETWEEN + "”’」』》")
    atom = words.known(rest[:1])
    return atom.value if atom and atom.kind == "mark" else ""
