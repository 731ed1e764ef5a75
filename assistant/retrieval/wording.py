"""Finding by wording: BM25 over characters and pairs of characters, which need no dictionary of Chinese words.

Okapi BM25 with the idf that is never negative (Robertson and Zaragoza 2009, "The Probabilistic Relevance Framework").
The libraries for it take half a second to import, more than all clauses of a place take to score. Weights lie in
inverted lists, so that a query costs what shares a term with it and no more.
"""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from assistant.retrieval.thesaurus import Group, groups_in
from assistant.text import simplified

_RUN = re.compile(r"[a-z0-9.%]+|[\u3400-\u9fff]+")
_K1, _B = 1.5, 0.75
_MEANT = 0.5  # what another word for the same thing weighs, beside the word itself


def plain(text: str) -> str:
    """The text as it is compared: half-width forms, lower case, Simplified characters."""
    return simplified(unicodedata.normalize("NFKC", text).lower())


def terms(text: str) -> list[str]:
    """Single characters and pairs of neighbours of every Chinese run; other runs whole."""
    found: list[str] = []
    for run in _RUN.findall(plain(text)):
        if run[0].isascii():
            found.append(run)
        else:
            found += run
            found += [run[at : at + 2] for at in range(len(run) - 1)]
    return found


class Wording:
    """A collection of texts, scored against queries."""

    def __init__(self, texts: Sequence[str]) -> None:
        counts = [Counter(terms(text)) for text in texts]
        lengths = [count.total() for count in counts]
        mean = sum(lengths) / len(texts) if texts else 0.0
        holding = Counter(term for count in counts for term in count)
        idf = {term: math.log(1 + (len(texts) - held + 0.5) / (held + 0.5)) for term, held in holding.items()}
        self._size = len(texts)
        self._weights: dict[str, dict[int, float]] = {term: {} for term in holding}
        for at, count in enumerate(counts):
            damping = _K1 * (1 - _B + _B * lengths[at] / mean) if mean else _K1
            for term, times in count.items():
                self._weights[term][at] = idf[term] * times * (_K1 + 1) / (times + damping)

    def scores(self, query: str, thesaurus: bool = True) -> list[float]:
        """BM25 of every text for the query, other words for the same thing at half weight; 0 where nothing is shared.

        `thesaurus`: whether other words count at all.
        """
        total = [0.0] * self._size
        for term in terms(query):
            for at, weight in self._weights.get(term, {}).items():
                total[at] += weight
        for group in groups_in(plain(query)) if thesaurus else ():
            for at, weight in self._meant(group):
                total[at] += _MEANT * weight
        return total

    def _meant(self, group: Group) -> Iterable[tuple[int, float]]:
        """What texts gain by the best of a group's other words, beyond what they got for the words of the query."""
        said, other = self._best(group.said), self._best(group.other)
        return [(at, weight - said.get(at, 0.0)) for at, weight in other.items() if weight > said.get(at, 0.0)]

    def _best(self, words: Iterable[str]) -> Mapping[int, float]:
        best: dict[int, float] = {}
        for word in words:
            for at, weight in self._holding(word).items():
                best[at] = max(weight, best.get(at, 0.0))
        return best

    def _holding(self, word: str) -> Mapping[int, float]:
        """The texts that hold every term of a word, with its BM25: as good as holding the word itself."""
        lists = sorted((self._weights.get(term, {}) for term in terms(word)), key=len)
        if not lists:
            return {}
        return {at: sum(weights[at] for weights in lists) for at in lists[0] if all(at in one for one in lists)}
