"""How likely a Chinese text is: what tells a mended text from a damaged one.

Two models, multiplied. Characters: interpolated trigrams of words in general (a table that `evals/word_table.py` makes)
and of texts of the field. Words: the best cut of the text into words of both. All is scored in Simplified, half-width
forms.
"""

import math
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from pathlib import Path

import numpy as np

TABLE = Path(__file__).parent / "words.npz"
_FORMULAS = Path(__file__).parent / "formulas.txt"  # what every notice says, in our words
_FLOOR = 1e-8  # of a character that nothing leads to expect
_LONGEST = 6  # characters of a word
_UNLISTED = -16.0  # the logarithm of how likely a character is that is no word


class _Counts:
    """How often runs of one to four characters occur, and how often something follows each of them."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()
        self.before: Counter[str] = Counter()
        self.total = 0

    def add(self, text: str, times: int = 1) -> None:
        """Count every run of a text."""
        self.total += len(text) * times
        for size in (1, 2, 3, 4):
            for at in range(len(text) - size + 1):
                part = text[at : at + size]
                self.seen[part] += times
                if size > 1:
                    self.before[part[:-1]] += times


@cache
def _words() -> Mapping[str, int]:
    with np.load(TABLE) as table:
        return dict(zip(table["words"].tobytes().decode().split("\n"), table["counts"].tolist(), strict=True))


@cache
def _word_scores() -> Mapping[str, float]:
    """The logarithm of each word's share of all words."""
    total = math.log(sum(_words().values()))
    return {word: math.log(count) - total for word, count in _words().items()}


@cache
def _general() -> _Counts:
    counts = _Counts()
    for word, count in _words().items():
        counts.add(word, count)
    return counts


@cache
def commonest(number: int) -> str:
    """The commonest characters of Chinese words, most common first."""
    singles = [(count, one) for one, count in _general().seen.items() if len(one) == 1]
    return "".join(one for _, one in sorted(singles, reverse=True)[:number])


class Language:
    """Log-probabilities, from the table and from `texts` of the field, which are in plain form."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._general, self._field = _general(), _Counts()
        formulas = "".join(map(half_width, _FORMULAS.read_text("utf-8")))
        for text in (formulas, *texts):
            for line in text.splitlines():
                self._field.add(f"\n\n{line}\n")
        self._known: dict[str, float] = {}

    def after(self, before: str, character: str) -> float:
        """The natural logarithm of how likely `character` is after the two of `before`, by characters alone."""
        triple = before + character
        known = self._known.get(triple)
        if known is None:
            field = self._share(self._field, triple, (0.1, 0.3, 0.6), (0, 2, 1))
            general = self._share(self._general, triple, (0.2, 0.4, 0.4), (0, 50, 50))
            known = self._known[triple] = math.log(0.6 * field + 0.4 * general + _FLOOR)
        return known

    def follows(self, before: str, character: str) -> bool:
        """Whether `character` was ever seen after `before`, another one."""
        pair = before + character
        return pair in self._field.seen or pair in self._general.seen

    def common(self, character: str) -> float:
        """How common a character is: its shares of the field and of all words, summed."""
        counts = self._field, self._general
        return sum(one.seen[character] / max(one.total, 1) for one in counts)

    @staticmethod
    def _share(counts: _Counts, triple: str, weights: tuple[float, ...], doubts: tuple[int, ...]) -> float:
        """The interpolated probability; a context rarely seen (compared with `doubts`) has little to say."""
        share = weights[0] * counts.seen[triple[2:]] / max(counts.total, 1)
        for size in (2, 3):
            part = triple[-size:]
            share += weights[size - 1] * counts.seen[part] / (counts.before[part[:-1]] + doubts[size - 1])
        return share

    def characters(self, text: str, before: str = "") -> float:
        """The logarithm of how likely a text is after another, by characters."""
        padded = f"\n\n{before}{text}"
        start = len(padded) - len(text)
        return sum(self.after(padded[at - 2 : at], padded[at]) for at in range(start, len(padded)))

    def words(self, text: str) -> float:
        """The logarithm of how likely the text's best cut into words is."""
        return self._cut(text)[0]

    def supported(self, text: str, doubtful: Collection[int] = ()) -> set[int]:
        """The places whose character is part of a longer word, or stands in the field between the same two.

        A word or a neighbour that is itself doubtful supports nothing.
        """
        places, at = set[int](), 0
        for word in self._cut(text, phrases=False)[1]:
            inside = set(range(at, at + len(word)))
            places |= inside if len(word) > 1 and not inside & set(doubtful) else set()
            at += len(word)
        padded = f"\n{text}\n"
        between = {place for place in range(len(text)) if padded[place : place + 3] in self._field.seen}
        return places | {place for place in between if not {place - 1, place + 1} & set(doubtful)}

    def _cut(self, text: str, phrases: bool = True) -> tuple[float, list[str]]:
        """The likeliest cut of a text into words, after its score; a mark is a word by itself.

        `phrases`: what the field says counts as words too, up to four characters.
        """
        listed, field, rest = _word_scores(), self._field.seen, math.log(max(self._field.total, 1))
        best: list[tuple[float, int]] = [(0.0, 0)]
        for end in range(1, len(text) + 1):
            single = listed.get(text[end - 1]) or self._mark(text[end - 1])
            found = [(best[end - 1][0] + single, end - 1)]
            for start in range(max(0, end - _LONGEST), end - 1):
                word = text[start:end]
                if word in listed:
                    found.append((best[start][0] + listed[word], start))
                if phrases and word in field and word.isalpha():
                    found.append((best[start][0] + math.log(field[word]) - rest, start))
            best.append(max(found))
        words, end = list[str](), len(text)
        while end:
            words.append(text[best[end][1] : end])
            end = best[end][1]
        return best[-1][0], words[::-1]

    def _mark(self, character: str) -> float:
        seen = self._field.seen[character]
        return math.log(seen / self._field.total) if seen and not "\u4e00" <= character <= "\u9fff" else _UNLISTED


@cache
def half_width(character: str) -> str:
    """Full-width forms of ASCII, folded; any other character as it is."""
    return unicodedata.normalize("NFKC", character) if "！" <= character <= "～" else character
