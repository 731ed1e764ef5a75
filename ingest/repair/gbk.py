"""Mending GBK text that was cut inside its characters and decoded piece by piece.

What happens to such a page: it is searched for the two bytes of a punctuation mark, blind to where characters begin;
cut there; and every piece is decoded alone. A byte left alone becomes "?", two bytes that stand for nothing vanish, and
everything between is read off by one byte: `（一）加強` turns into `?。ㄒ唬┘訌`. Later, full-width forms are folded.

The way back is a noisy channel: a beam search over every text whose bytes, so treated, give exactly what is seen,
ranked by how likely the text is. What was read from bytes is certain; what was inferred says so; where rivals stay
likely, or the likeliest makes no word, the place is marked as damaged.
"""

import heapq
import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher
from typing import NamedTuple

from ingest.repair.language import Language, commonest
from ingest.repair.script import plain, plainly

LOST = "?\ufffd"  # what stands for a byte that was left alone
MARK = "〔原文残损〕"
_ENDS = frozenset("。，、；：？！,;:?!.（）()《》“”…—")  # where pages are cut
_CUT_AT, _SPARED = "。，、；：？！", 3.0  # a mark at which pages are cut is seldom cut itself
_WIDTH = 100  # hypotheses that are kept at each character
_HOPELESS = 16.0  # how far behind the best (in natural logarithms) a hypothesis is given up
_SURE = 0.98  # the posterior below which an inferred character is not told
_SETTLED = 5  # characters read as they stand, after which a damaged place has ended
_LOST_BYTE = re.compile(f"[{LOST}]")
# The clause that holds a lost byte, and the next one: what is read off by one byte may begin behind a mark.
_UNSOUND = re.compile(f"[^。，；：！,;:\\n]*[{LOST}]+[。，、；：！,;:]?[^。，；！,;\\n]*")
_AFTER = 200  # characters after a line in which its brackets may close
_LEAD_IN = 5  # characters beside a damaged place that its words may reach into
_ALONE = 6.0  # what a bracket without its partner costs
_BRACKETS = ("()", "《》", "“”", "〔〕")
_DUE = 6.0  # what each character of the number that is due gains
_COMMONEST = 8  # characters thought of though nothing leads to expect them
_RIVALS, _MORE_RIVALS = 32, 64  # characters that one unknown byte, or two, may have been
_LOST, _VANISHED = -1, -2  # second bytes: one that was left alone, one that vanished with the next
_NONE, _ANY = 0, -1  # no byte waits for its other half; one does, and it is unknown

_CHARACTER = {
    (lead, trail): character
    for lead in range(0x81, 0xFF)
    for trail in range(0x40, 0xFF)
    if len(character := bytes((lead, trail)).decode("gbk", "replace")) == 1 and character != "\ufffd"
}
_BYTES = {character: pair for pair, character in _CHARACTER.items()}


def _written(character: str) -> bool:
    """Whether notices are written with it: ideographs and full-width punctuation."""
    return (
        "\u4e00" <= character <= "\u9fff" or character in "　、。·—…‘’“”〔〕〈〉《》【】×" or "！" <= character <= "～"
    )


def _vanishes(first: int, second: int) -> bool:
    """Whether two bytes, read as one character, stand for nothing."""
    return (first, second) not in _CHARACTER


# Bytes that can begin a pair which stands for nothing.
_VANISHING = frozenset(one for one in range(0x81, 0xFF) if any(_vanishes(one, two) for two in range(0x81, 0xFF)))
_BY_LEAD: dict[int, list[tuple[str, int]]] = defaultdict(list)
_BY_TRAIL: dict[int, list[tuple[str, int]]] = defaultdict(list)
for (_lead, _trail), _one in _CHARACTER.items():
    if _written(_one):
        _BY_LEAD[_lead].append((_one, _trail))
        _BY_TRAIL[_trail].append((_one, _lead))
# Of a character whose bytes are both lost only these are thought of.
_COMMON = [(one, *_BYTES[one]) for one in commonest(500) + "七八九十六，、。：；（）《》“”" if one in _BYTES]


def _fitting(waiting: int, byte: int) -> Iterator[tuple[str, int]]:
    """The characters, each with its second byte, that a first byte which waits makes with a second one."""
    if waiting > 0:
        for found, trail in _BY_LEAD[waiting]:
            if trail in _VANISHING if byte == _VANISHED else trail >= 0x80:
                yield found, trail
    elif byte == _VANISHED:
        for found, lead, trail in _COMMON:
            if trail in _VANISHING and (waiting == _ANY or _vanishes(-waiting, lead)):
                yield found, trail
    else:
        for found, lead in _BY_TRAIL[byte]:
            if waiting == _ANY or _vanishes(-waiting, lead):
                yield found, byte


class Mended(NamedTuple):
    """A damaged stretch from `start` to `end`, and what it was: `text`, with MARK in place of what can't be told.

    `inferred`: the characters of it that no bytes prove.
    """

    start: int
    end: int
    text: str
    inferred: str


def mend(text: str, field: Iterable[str]) -> Iterator[Mended]:
    """The damaged stretches of a text, in order. `field`: sound texts of the same kind, in plain form."""
    if not any(mark in text for mark in LOST):
        return
    language, at, last = Language([*field, plainly(_UNSOUND.sub("\n", text))]), 0, 0
    for line in text.split("\n"):
        start = at
        for mended in _mend_line(line, text[at + len(line) :][:_AFTER], language, f"（{_numeral(last + 1)}）"):
            yield mended._replace(start=at + mended.start, end=at + mended.end)
            if mended.start == 0:
                start, line = at + mended.end, mended.text + line[mended.end :]
        if number := _SECOND.match(line):
            last = _NUMERALS.index(number[1]) + 1
        elif _FIRST.match(line):
            last = 0
        at = text.find("\n", start) + 1


_NUMERALS = "一二三四五六七八九十"
_FIRST, _SECOND = re.compile(rf"[{_NUMERALS}]+、|附件"), re.compile(rf"[（(]([{_NUMERALS}])[）)]")


def _numeral(number: int) -> str:
    return _NUMERALS[number - 1] if number <= len(_NUMERALS) else ""


def _mend_line(line: str, after: str, language: Language, due: str) -> Iterator[Mended]:
    at = 0
    while lost := _LOST_BYTE.search(line, at):
        start = lost.start()
        mended = _mend(line[start:], line[:start], after, language, "" if line[:start].strip() else due)
        if mended:
            yield mended._replace(start=start, end=start + mended.end)
        at = start + mended.end if mended else start + 1


class _State(NamedTuple):
    """A hypothesis: the text so far, and the byte that waits for its other half.

    `waiting`: `_NONE`, `_ANY` (an unknown byte), a byte, or −x: an unknown byte that vanished together with byte x.
    `tail`: the last two characters in plain form.
    """

    score: float
    text: str
    tail: str
    waiting: int
    inferred: tuple[int, ...]


class _Beam:
    """The hypotheses after one more character, those far behind the best dropped."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, int], _State] = {}
        self._best = -math.inf

    def put(self, state: _State) -> None:
        """Keep a hypothesis; of those that differ only in how they came about, the best."""
        if state.score > self._best - _HOPELESS:
            self._best = max(self._best, state.score)
            key = state.text, state.waiting
            if key not in self._found or self._found[key].score < state.score:
                self._found[key] = state

    def kept(self, width: int = _WIDTH) -> list[_State]:
        """The best, in order."""
        ranked = sorted(self._found.values(), key=lambda state: -state.score)[:width]
        return [state for state in ranked if state.score > self._best - _HOPELESS]


class _Channel:
    """The search through one line. `context` is what precedes, in plain form; `expected`: see mend()."""

    def __init__(self, language: Language, context: str, expected: str) -> None:
        self._language, self._after = language, language.after
        self._margin, self._expected = not context, expected
        self._fits: dict[tuple[int, int], list[tuple[str, str, int]]] = {}
        self._likely: dict[tuple[str, int, int], list[tuple[float, str, int]]] = {}
        self.beam = [_State(0.0, "", f"\n\n{context}"[-2:], _NONE, ())]

    def see(self, character: str, ends: bool) -> None:
        """Extend every hypothesis by what the character seen may have been; `ends`: a page may be cut after it."""
        beam = _Beam()
        for state in self._with_vanished():
            for extended in self._read(state, character, ends):
                beam.put(extended)
        self.beam = beam.kept()

    def _read(self, state: _State, character: str, ends: bool) -> Iterator[_State]:
        if character in LOST:
            if ends:
                yield from self._lost_byte(state)
            if state.waiting == _NONE:
                yield self._with(state, character)
            else:
                yield from self._pair(state, _BYTES["？"])
        elif character in _BYTES:
            yield from self._pair(state, _BYTES[character])
        elif state.waiting == _NONE:
            yield self._with(state, character)
        elif " " < character <= "~":
            yield from self._byte(state, ord(character))
            yield from self._pair(state, (0xA3, ord(character) + 0x80))

    def _pair(self, state: _State, pair: tuple[int, int]) -> Iterator[_State]:
        for middle in self._byte(state, pair[0]):
            yield from self._byte(middle, pair[1])

    def _byte(self, state: _State, byte: int) -> Iterator[_State]:
        """A known byte is read."""
        if state.waiting == _NONE:
            yield state._replace(waiting=byte)
        elif state.waiting > 0:
            found = _CHARACTER.get((state.waiting, byte))
            if found and _written(found):
                yield self._with(state, found)
        else:
            if self._margin and not state.text and byte == 0xA1:
                # The margin of a paragraph is two ideographic spaces, A1A1 A1A1; it is no part of the text.
                yield state._replace(waiting=_NONE)
            for score, found, _ in self._likeliest(state, byte):
                yield self._inferred(state, score, found)

    def _lost_byte(self, state: _State) -> Iterator[_State]:
        """A byte that was left alone is read: whatever it was, it can't have been ASCII."""
        if state.waiting == _NONE:
            yield state._replace(waiting=_ANY)
        elif state.waiting > 0:
            for score, found, _ in self._likeliest(state, _LOST):
                yield self._inferred(state, score, found)

    def _with_vanished(self) -> list[_State]:
        """The hypotheses, and those in which one or two pairs of bytes stood here that vanished."""
        once, twice = _Beam(), _Beam()
        for beam, states in ((once, self.beam), (twice, None)):
            for state in once.kept() if states is None else states:
                if state.waiting != _NONE:
                    for score, found, trail in self._likeliest(state, _VANISHED):
                        beam.put(self._inferred(state, score, found, waiting=-trail))
        return [*self.beam, *once.kept(), *twice.kept()]

    def _likeliest(self, state: _State, byte: int) -> list[tuple[float, str, int]]:
        """The likeliest characters that the byte which waits makes with `byte`: score, character, its second byte.

        `byte`: the second one, `_LOST` or `_VANISHED`.
        """
        key = state.tail, state.waiting, byte
        if key not in self._likely:
            fitting = self._fitting(state.waiting, byte)
            # What is never seen after the last character is as likely as it is common.
            thinkable = [one for one in fitting if self._language.follows(state.tail[1], one[0])]
            scored = ((self._score(state.tail, one, found), found, trail) for one, found, trail in thinkable)
            both = byte == _VANISHED and state.waiting < 0
            best = heapq.nlargest(_MORE_RIVALS if both else _RIVALS, scored)
            common = (one for one in fitting[:_COMMONEST] if one not in set(thinkable))
            rest = [(self._score(state.tail, one, found), found, trail) for one, found, trail in common]
            self._likely[key] = [*best, *rest]
        return self._likely[key]

    def _fitting(self, waiting: int, byte: int) -> list[tuple[str, str, int]]:
        """What _fitting() finds, most common first, each with its plain form in front."""
        key = waiting, byte
        if key not in self._fits:
            found = ((plain(one), one, trail) for one, trail in _fitting(waiting, byte))
            self._fits[key] = sorted(found, key=lambda one: -self._language.common(one[0]))
        return self._fits[key]

    def _score(self, tail: str, one: str, found: str) -> float:
        return self._after(tail, one) - (_SPARED if found in _CUT_AT else 0.0)

    def _inferred(self, state: _State, score: float, character: str, waiting: int = _NONE) -> _State:
        """The hypothesis with one more character that no bytes prove."""
        text, tail = state.text + character, state.tail[1] + plain(character)
        places = (*state.inferred, len(state.text))
        return _State(state.score + score + self._due(text), text, tail, waiting, places)

    def _with(self, state: _State, character: str) -> _State:
        """The hypothesis with one more character, proven by its bytes."""
        text, one = state.text + character, plain(character)
        score = state.score + self._after(state.tail, one) + self._due(text)
        return _State(score, text, state.tail[1] + one, _NONE, state.inferred)

    def _due(self, text: str) -> float:
        return _DUE if self._expected.startswith(text) else 0.0

    def settled(self, tail: str) -> bool:
        """Whether every hypothesis reads the last characters, `tail`, as they stand."""
        if set(LOST) & set(tail):
            return False
        like = plainly(tail)
        return all(state.waiting == _NONE and plainly(state.text[-len(tail) :]) == like for state in self.beam)


def _mend(seen: str, before: str, after: str, language: Language, expected: str) -> Mended | None:
    """What stood where `seen` begins with a lost byte; `before` precedes it in the line, `after` comes in later lines.

    `expected`: how the line should begin, if its number follows those before. None: left alone, it scores as well.
    """
    context = plainly(before)
    channel, end = _Channel(language, context, expected), len(seen)
    for at, character in enumerate(seen):
        channel.see(character, ends=at + 1 == len(seen) or seen[at + 1] in _ENDS)
        if at >= _SETTLED and channel.settled(seen[at + 1 - _SETTLED : at + 1]):
            end = at + 1
            break
    lead, follows = context[-_LEAD_IN:], plainly(seen[end:] + after)

    def judged(text: str, characters: float) -> float:
        """How likely a text is by its characters, its words and its brackets."""
        said = plainly(text)
        words = language.words(lead + said + follows[:_LEAD_IN])
        return characters + words - _ALONE * _unpaired(context + said + follows)

    finished = [(judged(state.text, state.score), state) for state in channel.beam if state.waiting == _NONE]
    if not finished:
        return None
    ranked = sorted(finished, key=lambda one: -one[0])
    best, winner = ranked[0]
    if winner.text == seen[:end] or best <= judged(seen[:end], language.characters(plainly(seen[:end]), context)):
        return None
    same = _same_tail(winner.text, seen[:end])
    length = len(winner.text) - same
    rivals = [(math.exp(score - best), state.text) for score, state in ranked[1:]]
    told = set(range(len(expected))) if expected and winner.text.startswith(expected) else set[int]()
    sayable = {place for place in winner.inferred if winner.text[place].isalpha()} - told
    doubtful = _doubted(winner, rivals)
    while True:
        # What fits no word and no phrase of the field is likelier than its rivals, and likely wrong with them.
        known = language.supported(
            lead + plainly(winner.text) + follows[:_LEAD_IN], {len(lead) + one for one in doubtful}
        )
        alone = {place for place in sayable if place + len(lead) not in known}
        if alone <= doubtful:
            return Mended(0, end - same, *_marked(winner, doubtful, length))
        doubtful |= alone


def _unpaired(text: str) -> int:
    """How many brackets and quotation marks of a text in plain form have no partner."""
    alone = 0
    for pair in _BRACKETS:
        opening, closing = pair[0], pair[1]
        depth = 0
        for character in text:
            if character == opening:
                depth += 1
            elif character == closing:
                alone += depth == 0
                depth = max(0, depth - 1)
        alone += depth
    return alone


def _same_tail(one: str, other: str) -> int:
    """How many last characters two texts share, width aside."""
    size = 0
    while size < min(len(one), len(other)) and plain(one[-1 - size]) == plain(other[-1 - size]):
        size += 1
    return size


def _doubted(winner: _State, rivals: list[tuple[float, str]]) -> set[int]:
    """The inferred characters that rivals, together, leave in doubt."""
    against = [0.0] * len(winner.text)
    for weight, text in rivals:
        for kind, start, end, _, _ in SequenceMatcher(None, winner.text, text, autojunk=False).get_opcodes():
            if kind != "equal":
                for place in range(start, max(end, start + 1)):
                    against[min(place, len(against) - 1)] += weight
    total = 1 + sum(weight for weight, _ in rivals)
    return {place for place in winner.inferred if against[place] / total > 1 - _SURE}


def _marked(winner: _State, doubtful: set[int], length: int) -> tuple[str, str]:
    """The winner's text with MARK for what is doubtful, and those of its characters that are told without proof."""
    parts, inferred = list[str](), ""
    for place in range(length):
        if place not in doubtful:
            parts.append(winner.text[place])
            inferred += winner.text[place] if place in winner.inferred else ""
        elif not parts or parts[-1] != MARK:
            parts.append(MARK)
    return "".join(parts), inferred
