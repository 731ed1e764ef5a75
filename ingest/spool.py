"""Rows kept out of memory between being checked and being written, and equal ones found among millions."""

import pickle
from array import array
from collections.abc import Iterable, Iterator
from tempfile import SpooledTemporaryFile

import numpy as np

from assistant.store.loading import Row

CHUNK = 2000  # rows
_IN_MEMORY = 1 << 24  # bytes

Numbered = tuple[int, Row]


class Spool:
    """Numbered rows in the order in which they were added, in a temporary file when there are many.

    What was checked is what is written: the file that rows came from isn't read again, and may change meanwhile.
    """

    def __init__(self) -> None:
        # Closed, and with that gone, when nobody holds the spool any more.
        self._file = SpooledTemporaryFile[bytes](_IN_MEMORY)
        self._starts = list[int]()
        self._last = list[Numbered]()
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def append(self, number: int, row: Row) -> None:
        """Add a row."""
        self._last.append((number, row))
        self._length += 1
        if len(self._last) == CHUNK:
            self._starts.append(self._file.seek(0, 2))
            pickle.dump(self._last, self._file, pickle.HIGHEST_PROTOCOL)
            self._last = []

    def chunks(self) -> Iterator[list[Numbered]]:
        """All rows, at most CHUNK at a time."""
        for start in self._starts:
            self._file.seek(start)
            yield pickle.load(self._file)  # noqa: S301  our own
        if self._last:
            yield self._last

    def __iter__(self) -> Iterator[Numbered]:
        for chunk in self.chunks():
            yield from chunk


def recurring(hashes: Iterable["array[int]"]) -> set[int]:
    """The hashes that occur more than once."""
    every = np.sort(np.concatenate([np.empty(0, np.int64), *(np.asarray(some) for some in hashes)]))
    return set(every[1:][every[1:] == every[:-1]].tolist())
