"""Finding by wording: BM25 over characters and pairs of characters, which need no dictionary of Chinese words.

Okapi BM25 with the idf that is never negative (Robertson and Zaragoza 2009, "The Probabilistic Relevance Framework").
The libraries for it take half a second to import, more than all clauses of a place take to score.
"""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

_RUN = re.compile(r"[a-z0-9.%]+|[\u3400-\u9fff]+")
_K1, _B = 1.5, 0.75


def terms(text: str) -> list[str]:
    """Single characters and pairs of neighbours of every Chinese run; other runs whole."""
    found: list[str] = []
    for run in _RUN.findall(unicodedata.normalize("NFKC", text).lower()):
        if run[0].isascii():
            found.append(run)
        else:
            found += run
            found += [run[at : at + 2] for at in range(len(run) - 1)]
    return found


class Wording:
    """A small collection of texts, scored against queries."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._counts = [Counter(terms(text)) for text in texts]
        self._lengths = [counts.total() for counts in self._counts]
        self._mean = sum(self._lengths) / len(texts) if texts else 0.0
        self._holding = Counter(term for counts in self._counts for term in counts)

    def scores(self, query: str) -> list[float]:
        """BM25 of every text for the query; 0 where they share nothing."""
        asked = [(term, self._idf(term)) for term in terms(query) if term in self._holding]
        return [
            sum(idf * counts[term] * (_K1 + 1) / (counts[term] + self._damping(length)) for term, idf in asked)
            for counts, length in zip(self._counts, self._lengths, strict=True)
        ]

    def _idf(self, term: str) -> float:
        holding = self._holding[term]
        return math.log(1 + (len(self._counts) - holding + 0.5) / (holding + 0.5))

    def _damping(self, length: int) -> float:
        """How much a text's length and the saturation of repeated terms weigh."""
        return _K1 * (1 - _B + _B * length / self._mean) if self._mean else _K1
