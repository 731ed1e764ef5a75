"""A text under repair: every character knows where in the text as read it came from, every change is kept."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Change(NamedTuple):
    """One repair. `position` and `line` (from 1) are where in the text as read `before` stood.

    `inferred`: the characters of `after` that nothing in the text proves.
    """

    kind: str
    position: int
    line: int
    before: str
    after: str
    inferred: str = ""


class Edit(NamedTuple):
    """Put `text` in place of the characters from `start` to `end`."""

    start: int
    end: int
    text: str
    inferred: str = ""


class Text:
    """A text and how it came to be; unchanged by what is done with it."""

    def __init__(self, text: str, origins: Sequence[int] | None = None, source: str | None = None) -> None:
        self.text = text
        # One place for every character and one for the end.
        self.origins = range(len(text) + 1) if origins is None else origins
        self._source = text if source is None else source
        self.changes: list[Change] = []

    def edited(self, kind: str, edits: Iterable[Edit]) -> "Text":
        """The text after some edits, which are in order and don't overlap; each is noted as a change of this kind."""
        parts, origins, at, changes = list[str](), list[int](), 0, list[Change]()
        for start, end, after, inferred in edits:
            if self.text[start:end] == after:
                continue
            parts += (self.text[at:start], after)
            origins += self.origins[at:start]
            origins += self._spread(start, end, len(after))
            position = self.origins[start]
            line = self._source.count("\n", 0, position) + 1
            changes.append(Change(kind, position, line, self.text[start:end], after, inferred))
            at = end
        if not changes:
            return self
        edited = Text("".join([*parts, self.text[at:]]), [*origins, *self.origins[at:]], self._source)
        edited.changes = [*self.changes, *changes]
        return edited

    def _spread(self, start: int, end: int, length: int) -> Iterable[int]:
        """Where the characters of a replacement came from: one for one as far as the old ones reach."""
        return (self.origins[min(start + at, max(start, end - 1))] for at in range(length))
