"""Every figure of a text is a fact's, and what can't be read as a figure stands word for word in what was shown."""

import re
from collections.abc import Callable, Iterable, Sequence

from assistant.figures import figures, opaque
from assistant.guard.facts import Fact
from assistant.guard.quotes import bare
from assistant.guard.reading import Place, Value, places, read
from assistant.guard.rejected import Rejected
from assistant.guard.words import ATOM, Words

# The number of a list's line needs no proof.
_LIST = re.compile(r"(?m)^\s*(?:\(?(?:1?\d|20)[.、)](?!\d)|[一二三四五六七八九十]{1,2}、)\s*")


# A school by its number: what isn't known by name is no name of ours, and its number is no figure.
_NUMBERED = re.compile(r"第[一二三四五六七八九十\d]+(?=中|小|幼|实验|高)")
# Words that a citation may stand behind where no figure does, and the roles of the facts that it may be of.
_BEHIND = {
    "上限": frozenset({"cap", "cut"}),
    "待审核|审核通过": frozenset({"pending"}),
    "驳回": frozenset({"rejected"}),
    "达到|达标|要求": frozenset({"remaining", "required"}),
}
_PERIOD = re.compile(r"(\d{4})年?[至到~-](\d{4})年")
_ENDS = re.compile(rf"[。;!?\n](?!{ATOM})")


def check_figures(text: str, words: Words, own: str, facts: Sequence[Fact], shown: Callable[[], Iterable[str]]) -> None:
    """Rejected: a figure of a folded text is no fact. `shown`: gives all that the answer shows, in words."""
    text = _readable(_LIST.sub("\n", text), shown)
    _check_periods(text, facts, shown)
    by_value = dict[tuple[int, ...], list[Fact]]()
    for fact in facts:
        by_value.setdefault(_key(fact.value), []).append(fact)
    days = [fact for fact in facts if isinstance(fact.value, tuple)]
    for said in read(text, words, own):
        is_of_a_day = isinstance(said.value, tuple) or said.unit in ("月", "日")
        likely = [*by_value.get(_key(said.value), ()), *(days if is_of_a_day else ())]
        proving = [fact for fact in likely if fact.is_equal(said) and fact.fits(said.place)]
        if not proving:
            raise Rejected(f"nothing proves a figure as {said.place.role or 'such'}", f"{said.said} {said.unit}")
        right = {one for fact in proving for one in fact.marks or ()}
        if right and not right.issuperset(said.place.marks):
            raise Rejected("the clause cited doesn't hold the figure", said.said)


def _check_periods(text: str, facts: Iterable[Fact], shown: Callable[[], Iterable[str]]) -> None:
    """Rejected: years from and to are no period that was reckoned or is shown."""
    known = {(fact.years[0], fact.years[-1]) for fact in facts if fact.years}
    for match in _PERIOD.finditer(text):
        if (int(match[1]), int(match[2])) not in known and match.group() not in bare("；".join(shown())):
            raise Rejected("no such period", match.group())


def _key(value: Value) -> tuple[int, ...]:
    """What can be looked up quickly, as fractions can't."""
    return value if isinstance(value, tuple) else value.as_integer_ratio()


def _readable(text: str, shown: Callable[[], Iterable[str]]) -> str:
    """The text without what can't be read as one figure. Rejected: some of that is nowhere to be seen."""
    unread = [*opaque(text), *(match.span() for match in _NUMBERED.finditer(text))]
    there = bare("；".join(shown())) if unread else ""
    for start, end in unread:
        said = re.escape(bare(text[start:end]))
        if not re.search(rf"(?<![0-9a-z.-]){said}(?![0-9a-z.-])", there):
            raise Rejected("can't be read as a figure", text[start:end])
        text = f"{text[:start]}{' ' * (end - start)}{text[end:]}"
    return text


def check_marks(text: str, words: Words, own: str, facts: Sequence[Fact]) -> None:
    """Rejected: a citation that stands behind no figure is of another clause than what is said before it."""
    marks = [match for match in re.finditer(ATOM, text) if (atom := words.known(match.group())) and atom.kind == "mark"]
    spots = [(match.start(), match.start()) for match in marks]
    start = 0
    for match, place in zip(marks, places(text, words, own, spots), strict=True):
        before = _ENDS.split(text[start : match.start()])[-1]
        start = match.end()
        right = _right(before, words, place, facts)
        mark = words.known(match.group())
        if mark and right and mark.value not in right:
            raise Rejected("the clause cited is another", before[-20:])


def _right(before: str, words: Words, place: Place, facts: Sequence[Fact]) -> set[str]:
    """The citations that may stand behind some words; none: any may, or others look to it (figures, quotes)."""
    last = words.known(before.rstrip(" )。;")[-1:])
    if last and last.kind == "note":
        return {last.value}
    if last and last.kind == "quote":
        return set()
    before = before[max((one.at + len(one.said) for one in figures(before)), default=0) :]
    said = [(match.end(), roles) for way, roles in _BEHIND.items() for match in re.finditer(way, before)]
    roles = max(said, key=lambda one: one[0])[1] if said else frozenset[str]()
    fitting = [fact for role in roles for fact in facts if fact.speaks_of(place._replace(role=role))]
    return {mark for fact in fitting for mark in fact.marks or ()}
