"""What a language model is shown in place of people's names and numbers, and what its words then stand for.

Whoever is within the asker's scope is found by looking every word up; whoever else a person types about, by form alone:
the planner's names, whatever else starts like one, and anything that looks like a number of somebody's. A word that is
taken for a name by mistake costs the model a little sense and nothing else: every pseudonym is turned back before a
tool or the guard reads it.
"""

import re
import unicodedata
from collections.abc import Callable, Collection, Iterator
from string import ascii_lowercase, ascii_uppercase
from typing import Any

from assistant.planner.names import SOMEBODY, people_in
from assistant.planner.words import COMMON_SURNAMES, DOUBLE_SURNAMES, SURNAMES, tokens
from assistant.store.named import Named
from assistant.text import simplified

_HAN = "[\u3400-\u9fff]"
_RUN = re.compile(f"{_HAN}+(?:·{_HAN}+)*")
_WORD = re.compile(r"[A-Za-z0-9](?:[\w.@-]*[A-Za-z0-9])?", re.ASCII)
_SHORTEST, _LONGEST = 2, 6  # characters of a name inside a text; others are found where they stand alone
_WIDEST = 100  # characters of any name or number that the database holds

_SMALL = str.maketrans(ascii_uppercase, ascii_lowercase)
_PSEUDONYM = re.compile(r"〔(?:姓名|编号)\d+〕")
_DOUBLE = "|".join(DOUBLE_SURNAMES)
_COMMON = rf"(?:{_DOUBLE}|[{COMMON_SURNAMES}]){_HAN}{{1,2}}"
_NAME = re.compile(rf"[帮替给跟与问找叫像]?({_COMMON}|[{SURNAMES}]{_HAN}{{2}})[比查]?")  # 帮陈静查
_LONE = re.compile(f"({_COMMON})")
_FOREIGN = re.compile(f"{_HAN}+(?:·{_HAN}+)+")
_TITLED = re.compile(rf"(?:{_DOUBLE}|[{SURNAMES}]){_HAN}{{0,2}}?(?=老师|教师|同志|校长|主任|先生|女士)")
# A letter beside a digit, a capital inside, a sign that joins; or more digits than any figure has.
_NUMBER = re.compile(
    r"(?<![A-Za-z0-9])(?:(?=[\w.@-]*[A-Za-z])(?=[\w.@-]*(?:\d|[a-z][A-Z]|[_@-]))[A-Za-z0-9](?:[\w.@-]*[A-Za-z0-9])?"
    r"|\d{6,})(?![A-Za-z0-9])",
    re.ASCII,
)


class MadeUp(Exception):
    """A pseudonym that nobody has in this run."""


class Pseudonyms:
    """Those of one run, given in the order in which people turn up. Two runs share none."""

    def __init__(self, look_up: Callable[[Collection[str]], Named]) -> None:
        """`look_up`: those of some words that belong to people within the asker's scope."""
        self._look_up = look_up
        self._asked: set[str] = set()
        self._values: dict[str, str] = {}  # by pseudonym
        self._pseudonyms: dict[str, str] = {}  # by value, in small letters

    def hide_typed(self, text: str) -> str:
        """A text that a person typed, in half-width forms and Simplified characters, without anybody's name in it."""
        text = simplified(unicodedata.normalize("NFKC", text))
        text = re.sub(f"(?<={_HAN})\\s+(?={_HAN})", "", text)
        self._look(text)
        for number in _NUMBER.findall(text):
            self._add(number, "编号")
        rest = self._replaced(text)  # whoever is known has the longer claim: 陈静和 holds 陈静
        for name in _names(_PSEUDONYM.sub("，", rest)):
            self._add(name, "姓名")
        return self._replaced(text)

    def hide(self, value: Any) -> Any:
        """JSON of what a tool returned, without the name of anybody within the scope in its texts."""
        self._look(*_texts(value))
        return _mapped(value, self._replaced)

    def reveal(self, value: Any) -> Any:
        """JSON of a model's, with people in place of pseudonyms. MadeUp: one that was never given."""
        return _mapped(value, lambda text: _PSEUDONYM.sub(self._revealed, text))

    def is_given(self, text: str) -> bool:
        """Whether a text is a pseudonym that somebody has, and nothing else."""
        return text in self._values

    def _look(self, *texts: str) -> None:
        words = {word for text in texts for word in _words(text)} - self._asked
        self._asked |= words
        found = self._look_up(words) if words else Named(frozenset(), frozenset())
        for kind, values in (("姓名", found.names), ("编号", found.numbers)):
            for value in sorted(values):
                self._add(value, kind)
        for text in texts:
            for pseudonym in _PSEUDONYM.findall(text):
                self._add(pseudonym, "编号")  # it is only what stood there, nobody's pseudonym

    def _add(self, value: str, kind: str) -> None:
        if _small(value) not in self._pseudonyms:
            pseudonym = f"〔{kind}{len(self._values) + 1}〕"
            self._values[pseudonym] = value
            self._pseudonyms[_small(value)] = pseudonym

    def _replaced(self, text: str) -> str:
        small = _small(text)
        if small in self._pseudonyms:
            return self._pseudonyms[small]
        here = [value for value in self._pseudonyms if value in small and _stands_out(value)]
        if not here:
            return text
        pattern = re.compile("|".join(map(_alone, sorted(here, key=len, reverse=True))), re.ASCII | re.IGNORECASE)
        return pattern.sub(lambda match: self._pseudonyms[_small(match[0])], text)

    def _revealed(self, match: re.Match[str]) -> str:
        if match[0] not in self._values:
            raise MadeUp("a pseudonym that was never given")
        return self._values[match[0]]


def _names(text: str) -> Iterator[str]:
    """What looks like somebody's name."""
    cut = tokens(text)
    yield from (name for name in people_in(cut) if name != SOMEBODY)
    yield from _TITLED.findall(text)
    for place, token in enumerate(cut):
        if token.kind == "rest":
            # A lone surname goes on with the words after it: 叶 and 少 in 叶少芬.
            lone = len(token.text) == 1
            text = "".join(one.text for one in cut[place : place + 3]) if lone else token.text
            name = (_LONE if lone else _NAME).fullmatch(text)
            yield from [name[1]] if name else _FOREIGN.findall(token.text)


def _words(text: str) -> Iterator[str]:
    """All that may be somebody's name or number in a text."""
    if 0 < len(text) <= _WIDEST:
        yield text
    for run in _RUN.findall(text):
        if "·" in run:
            yield run
        for size in range(_SHORTEST, _LONGEST + 1):
            yield from (run[at : at + size] for at in range(len(run) - size + 1))
    for word in _WORD.findall(text):
        yield from {word, word.upper(), word.lower()}


def _small(text: str) -> str:
    """Latin letters made small: numbers are typed in either, and no other letter has its like in every case."""
    return text.translate(_SMALL)


def _stands_out(value: str) -> bool:
    """Whether it may be replaced inside of a text; a short number is as likely a figure, a character any word's."""
    return len(value) > 1 and not (value.isdigit() and len(value) < 6)


def _alone(value: str) -> str:
    """A pattern of a value; of one in Latin letters or digits, only where it isn't part of a longer one."""
    before = "(?<![A-Za-z0-9])" if re.match("[A-Za-z0-9]", value) else ""
    after = "(?![A-Za-z0-9])" if re.search("[A-Za-z0-9]$", value) else ""
    return before + re.escape(value) + after


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)


def _mapped(value: Any, change: Callable[[str], str]) -> Any:
    """JSON with every text in it changed, keys as they are."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {key: _mapped(part, change) for key, part in value.items()}
    if isinstance(value, list):
        return [_mapped(part, change) for part in value]
    return value
