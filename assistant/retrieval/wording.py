"""Finding by wording: BM25 over characters and pairs of characters, which need no dictionary of Chinese words."""

import re
import unicodedata
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bm25s import BM25

_RUN = re.compile(r"[a-z0-9.%]+|[\u3400-\u9fff]+")


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
        self._terms = [terms(text) for text in texts]

    @cached_property
    def _bm25(self) -> "BM25":
        import bm25s

        made = bm25s.BM25()
        made.index(self._terms, show_progress=False)
        return made

    def scores(self, query: str) -> list[float]:
        """BM25 of every text for the query; all 0 where they share nothing."""
        known = set().union(*self._terms)
        asked = [term for term in terms(query) if term in known]
        return [float(score) for score in self._bm25.get_scores(asked)] if asked else [0.0] * len(self._terms)
