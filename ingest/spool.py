"""Rows kept out of memory between being checked and being written, and equal ones found among millions."""

import pickle
from array import array
from collections.abc import Iterable, Iterator, Sequence
from tempfile import SpooledTemporaryFile
from typing import NamedTuple

import numpy as np

from assistant.store.loading import Row, Value

CHUNK = 5000  # rows
_IN_MEMORY = 1 << 22  # bytes

Hashes = np.ndarray[tuple[int], np.dtype[np.int64]]
Flags = np.ndarray[tuple[int], np.dtype[np.bool]]


class Chunk(NamedTuple):
    """Some rows, and the number of each."""

    numbers: Sequence[int]
    rows: Sequence[Row]


class Spool:
    """Numbered rows in the order in which they were added, in a temporary file when there are many.

    What was checked is what is written: the file that rows came from isn't read again, and may change meanwhile.
    """

    def __init__(self) -> None:
        # Closed, and with that gone, when nobody holds the spool any more.
        self._file = SpooledTemporaryFile[bytes](_IN_MEMORY)
        self._starts = list[int]()
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def add(self, numbers: Sequence[int], columns: Sequence[Sequence[Value]]) -> None:
        """Add some rows, given by column: pickling a column takes half as long as pickling a tuple for every row."""
        self._starts.append(self._file.seek(0, 2))
        pickle.dump((numbers, columns), self._file, pickle.HIGHEST_PROTOCOL)
        self._length += len(numbers)

    def chunks(self) -> Iterator[Chunk]:
        """All rows, as many at a time as were added."""
        for start in self._starts:
            self._file.seek(start)
            numbers, columns = pickle.load(self._file)  # noqa: S301  our own
            yield Chunk(numbers, list(zip(*columns, strict=True)))

    def __iter__(self) -> Iterator[tuple[int, Row]]:
        for chunk in self.chunks():
            yield from zip(*chunk, strict=True)


def in_order(hashes: Iterable["array[int]"]) -> Hashes:
    """All of some arrays, from the least."""
    every: Hashes = np.concatenate([np.empty(0, np.int64), *(np.asarray(some) for some in hashes)])
    every.sort()  # in its place: they may be millions
    return every


def recurring(every: Hashes) -> Hashes:
    """Of hashes that are in order, those that occur more than once."""
    again: Hashes = every[1:][every[1:] == every[:-1]]
    return again


def among(every: Hashes, asked: "array[int]") -> Flags:
    """Of each that is asked for, whether it is among hashes that are in order."""
    found: Flags = np.searchsorted(every, asked) < np.searchsorted(every, asked, "right")
    return found
