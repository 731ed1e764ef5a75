"""A message in its conversation: cut into questions, each made whole by what was asked before it.

A follow-up (那去年呢, 专业的呢) is put into the question that it goes on from, in words: the whole question is then
read like any other, and nothing is understood that wasn't said.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

from assistant.planner.words import NO_PLACES, Token, plain, tokens

MOST_PARTS = 4
_BREAK = re.compile(
    "(?<=[？?。！!；;\n])|(?:[，,、]|(?<=[了吗呢啊呀]))(?=另外|还有就是|还想问|再问|顺便|以及想问|还有(?![多几哪什谁]))"
    "|(?<=\\S)\\s*(?=[1-9][、.．)）]\\s?\\D)"
)
_LINK = re.compile(
    "^(?:[1-9][、.．)）]|另外|还有就是|还想问一下|还想问|再问一下|再问|顺便问一下|顺便|以及想问|还有)?[，,、:：]?"
)
_MONEY = re.compile("(?:经费|覆盖).*(?:够|达|合格)")
_COMMA = re.compile("[，,]")
_ASKING = re.compile("多少|几|哪|吗|没有|没$|不$|谁|怎么|什么|够不|啥|咋")
_COMPLETE = {
    "not_counted",
    "gap",
    "have",
    "rate",
    "how",
    "policy",
    "list",
    "records",
    "status",
    "people",
    "rank",
    "why",
    "count",
}
# What a follow-up may put in the place of what was said before: kinds of words, each in its own stead.
_SLOTS = ("year", "short_year", "span", "month", "month_ago", "last_years", "category", "organiser", "status", "place")
_YEARS = {"year", "short_year", "last_years"}
_TIMES = {*_YEARS, "span", "month", "month_ago"}
_ASKS = {
    "pieces", "position", "approved", "more", "status",
    "gap", "goal", "have", "plan", "how", "why", "not_counted", "records", "list", "rule", "policy", "what_if", "take",
    "count", "people", "by_level", "rate", "rank", "average", "no_records", "export", "compare", "history", "topic",
    "matter", "each", "own_unit",
}  # fmt: skip
# Words that ask of what was spoken of: why, how to make up, who, the list of it, as a file.
_GO_ON = {"why", "plan", "by_level", "list", "export", "rate", "rank", "people", "records"}
_PERSONAL = {"gap", "goal", "have", "plan", "not_counted", "records", "status", "credit"}
_MORE = ("再", "另外", "还")
_MORE_YET = re.compile("(?:那|那么)?(?:如果|要是)?(?:再|另外|还)")
_INSTEAD = ("换成", "改成")


def whole(message: str, before: Iterable[str] = (), places: Mapping[str, str] = NO_PLACES) -> list[str]:
    """The questions of a message, each standing by itself; `before`: earlier messages, oldest first.

    `places`: names of units around the asker, as `read` takes them.
    """
    last: str | None = None
    for earlier in before:
        last = _joined(earlier, last, places)[-1]
    return _joined(message, last, places)


def _joined(message: str, last: str | None, places: Mapping[str, str]) -> list[str]:
    questions: list[str] = []
    for part in _parts(message):
        last = _stand_alone(part, last, places)
        questions.append(last)
    return questions


def _parts(message: str) -> list[str]:
    """The questions of a message, in order; what asks nothing belongs to the question after it, else before it."""
    parts = [part for one in _BREAK.split(message) for some in _clauses(one) if (part := _LINK.sub("", some.strip()))]
    found: list[str] = []
    held = ""
    for part in parts:
        held += part
        kinds = {token.kind for token in tokens(part)}
        if kinds & (_ASKS | set(_SLOTS)) and (kinds & _ASKS or found):
            found.append(held)
            held = ""
    if held:
        found = [*found[:-1], found[-1] + held] if found else [held]
    if not found:
        return [message]
    if any("what_if" in {t.kind for t in tokens(part)} for part in found[:-1]):
        return [message]  # an assumption holds for all that follows it
    return found


def _clauses(part: str) -> list[str]:
    """A part with commas between questions that each ask something, cut there."""
    pieces = _COMMA.split(part)
    kinds = [{token.kind for token in tokens(piece)} for piece in pieces]
    asks = all(_ASKING.search(piece) and one & _COMPLETE for piece, one in zip(pieces, kinds, strict=True))
    assumed = any(one & {"what_if", "more", "goal"} for one in kinds)
    # Two halves may be one complaint (上了20学时，凭啥只认12); three are questions.
    complaint = len(pieces) < 3 and any("not_counted" in one for one in kinds)
    return pieces if len(pieces) > 1 and asks and not (assumed or complaint) else [part]


def _stand_alone(now: str, last: str | None, places: Mapping[str, str]) -> str:
    """The question by itself: as it is, or put into the last one where it says too little."""
    cut = tokens(now, places)
    if last is None or not _goes_on(cut):
        return now if last is None else f"{_same_places(cut, tokens(last, places))}{now}"
    kinds = {token.kind for token in cut}
    if "less" in kinds and not kinds & set(_SLOTS):
        return last
    before = tokens(last, places)
    if "hours" in kinds and kinds & {"what_if", "take", "more"}:
        return _assumed(now, cut, before, last)
    if kinds & _GO_ON and not kinds & (set(_SLOTS) - _TIMES):
        rest = "为什么没有计入" if kinds <= {"why", "filler", "stop"} else plain(now)
        return f"{_subject(before)}{rest}"
    return _replaced(before, cut)


def _same_places(cut: Sequence[Token], before: Sequence[Token]) -> str:
    """The places of the last question, for one about units that names nobody and nowhere."""
    kinds = {token.kind for token in cut}
    of_units = kinds & {"rate", "rank", "people", "by_level", "no_records"} or _MONEY.search(
        "".join(t.text for t in cut)
    )
    if not of_units or kinds & {"place", "own_unit", "self", "rest", "id", "others", "rule", "how"}:
        return ""
    return "和".join(token.text for token in before if token.kind == "place")


def _goes_on(cut: Sequence[Token]) -> bool:
    """Whether a question lacks what it asks or of what."""
    kinds = {token.kind for token in cut} - {"stop", "filler", "title"}
    if any(token.text in _INSTEAD for token in cut):
        kinds.discard("less")
    if "others" in kinds:
        kinds.discard("self")  # 我同事呢
    if kinds <= {"less", "credit", "count"} and "less" in kinds:
        return True  # 一共几学时
    if kinds & set(_SLOTS) and kinds <= {*_SLOTS, "list", "records"}:
        return True
    if not kinds:
        return False
    if "hours" in kinds and kinds & {"what_if", "take", "more"}:
        return (
            "category" not in kinds
            or _MORE_YET.match(cut[0].text + "".join(token.text for token in cut[1:3])) is not None
        )
    if "self" in kinds or "own_unit" in kinds or ("credit" in kinds and kinds & _ASKS):
        return False
    if kinds <= _GO_ON | {"top", "gap"} and kinds & _GO_ON and "gap" not in kinds:
        return True
    named = {"rest", "place", "id"}
    return kinds <= set(_SLOTS) | named | {"others"} and bool(kinds - {"rest"} or _names_only(cut))


def _names_only(cut: Sequence[Token]) -> bool:
    """Whether a question is but a name and 呢: 陈静呢, 那虎门呢."""
    return (sum(token.kind == "rest" for token in cut) == 1 and cut[-1].text in ("呢", "？", "?")) or (
        len(cut) > 1 and cut[-1].kind == "stop" and cut[-2].text == "呢"
    )


def _replaced(before: Sequence[Token], cut: Sequence[Token]) -> str:
    """The last question with each kind of slot as said now; what it didn't have is added at its front."""
    said = list(before)
    for kind in dict.fromkeys(token.kind for token in cut):
        if kind not in (*_SLOTS, "rest", "id", "others"):
            continue
        new = [token for token in cut if token.kind == kind]
        old = _alike(kind)
        places = [place for place, token in enumerate(said) if token.kind in old]
        said = [token for token in said if token.kind not in old]
        at = places[0] if places else _front(said, kind)
        said[at:at] = new
    return "".join(token.text for token in said)


def _alike(kind: str) -> set[str]:
    """The kinds that a kind takes the place of: one person of another or of oneself, one time of another."""
    if kind in _TIMES:
        return _YEARS if kind in _YEARS else _TIMES - _YEARS
    if kind in ("rest", "id", "others"):
        return {"rest", "id", "others", "self", "place", "own_unit"}
    if kind == "place":
        return {"place", "own_unit"}
    return {kind}


def _front(said: Sequence[Token], kind: str) -> int:
    """Where a slot is put in that the last question lacks: after "I" and the time."""
    if kind in ("rest", "id", "others", "place"):
        return 0
    return next((at for at, token in enumerate(said) if token.kind not in {"self", "filler", *_TIMES}), 0)


def _subject(before: Sequence[Token]) -> str:
    """Of whom and when the last question was, and of which kinds of hours."""
    kinds = {"self", "own_unit", "place", "rest", "id", "others", *_SLOTS}
    kept = "".join(token.text for token in before if token.kind in kinds)
    gap = next((token.text for token in before if token.kind == "gap"), "")
    unit = any(token.kind in ("own_unit", "place", "people", "by_level") for token in before)
    return kept + (gap if unit else "")


def _assumed(now: str, cut: Sequence[Token], before: Sequence[Token], last: str) -> str:
    """A what-if without its category: that of the last question; said with 再, on top of the hours assumed there."""
    more = now
    if not any(token.kind == "category" for token in cut):
        categories = [token for token in before if token.kind == "category"]
        if len({token.value for token in categories}) != 1:
            return now
        amount = next(at for at, token in enumerate(cut) if token.kind == "hours")
        more = "".join(token.text for token in (*cut[: amount + 1], categories[0], *cut[amount + 1 :]))
    assumed = {token.kind for token in before}
    going_on = "hours" in assumed and assumed & {"what_if", "more"} and any(word in now for word in _MORE)
    return f"{last.rstrip('？?。呢吗')}，{more}" if going_on else more
