"""Names in a text, read as one character each, so that 第十四中学 is no figure and 林晓岚 is one person."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from assistant.figures import plain
from assistant.text import simplified

_FIRST, _LAST = 0xE000, 0xF8FF  # characters for private use: a text that holds some is refused
ATOM = f"[{chr(_FIRST)}-{chr(_LAST)}]"


class Atom(NamedTuple):
    """A known word: its kind (person, place, item, mark, verbatim) and whom or what it stands for."""

    kind: str
    value: str


class Words:
    """The names that a text may hold."""

    def __init__(self, known: Mapping[str, Atom]) -> None:
        """`known`: by how they are written."""
        self._known = {fold(word): atom for word, atom in known.items() if len(fold(word)) > 1}
        self._firsts = {word[0] for word in self._known}
        self._lengths = sorted({len(word) for word in self._known}, reverse=True)
        self._chars = dict[Atom, str]()
        self._atoms = dict[str, Atom]()

    def char(self, atom: Atom) -> str:
        """The character that stands for an atom. OverflowError: there are more than can be told apart."""
        if atom not in self._chars:
            if len(self._chars) > _LAST - _FIRST:
                raise OverflowError("too many names")
            self._chars[atom] = chr(_FIRST + len(self._chars))
            self._atoms[self._chars[atom]] = atom
        return self._chars[atom]

    def known(self, char: str) -> Atom | None:
        """What a character stands for, if it does."""
        return self._atoms.get(char)

    def replaced(self, text: str) -> str:
        """A folded text with every known word as its character; of two at one place the longer."""
        parts, at = list[str](), 0
        while at < len(text):
            lengths = self._lengths if text[at] in self._firsts else ()
            word = next((text[at : at + n] for n in lengths if text[at : at + n] in self._known), "")
            if word and not (_runs_on(text, at) or _runs_on(text, at + len(word))):
                parts.append(self.char(self._known[word]))
                at += len(word)
            else:
                parts.append(text[at])
                at += 1
        return "".join(parts)


def fold(text: str) -> str:
    """A text as all comparing sees it: half-width, Simplified, lower case, without invisible characters."""
    return plain(simplified(text)).lower()


def is_private(text: str) -> bool:
    """Whether a text uses the characters that stand for names."""
    return re.search(ATOM, text) is not None


def _runs_on(text: str, at: int) -> bool:
    """Whether a word of Latin letters and digits goes on across a place: T0003 is no part of T00031."""
    return re.fullmatch("[a-z0-9]{2}", text[max(0, at - 1) : at + 1]) is not None
