"""From a question to an intent and its slots, by the words of `phrases.yaml` and nothing else.

What is left over may be a person's name or the matter asked about; where it could change the answer, the question is
asked back.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from itertools import pairwise
from typing import NamedTuple

from assistant import hours
from assistant.figures import numeral
from assistant.planner.names import people_in
from assistant.planner.words import SURNAMES, Token, phrases, plain, tokens

_FIRST_YEAR = 1970
_FIELD = {"topic", "title", "credit", "category", "organiser", "status"}


class Intent(Enum):
    """What is wanted."""

    GAP = auto()
    WHY = auto()
    LIST = auto()
    WHAT_IF = auto()
    PLAN = auto()
    POLICY = auto()
    EVERYONE = auto()
    UNCLEAR = auto()
    FOREIGN = auto()


class Item(NamedTuple):
    """Hours that a what-if adds, as decimal text."""

    hours: str
    category: str
    organiser: str | None


@dataclass(frozen=True)
class Reading:
    """A question as understood. `person`: the name or number of whoever it is about, if not oneself.

    `rest`: what no phrase explains; `kinds`: the kinds of thing asked for; `domain`: a word of the field is in it.
    """

    question: str
    intent: Intent
    year: int | None = None
    categories: Sequence[str] = ()
    organisers: Sequence[str] = ()
    statuses: Sequence[str] = ()
    person: str | None = None
    items: Sequence[Item] = ()
    rest: Sequence[str] = ()
    kinds: frozenset[str] = frozenset()
    domain: bool = True


def read(question: str, this_year: int) -> Reading:
    """What the question wants. Never fails: what can't be understood has an intent of its own."""
    cut = tokens(question)
    items, people = _items(cut), people_in(cut)
    person = people[0] if people else None
    sane = all(_FIRST_YEAR <= year <= this_year + 10 for year in _years(cut, this_year))
    return Reading(
        question=question,
        intent=_intent(cut, person, items) if len(people) < 2 and sane else Intent.UNCLEAR,
        year=next(iter(_years(cut, this_year)), None),
        categories=_values(cut, "category"),
        organisers=_values(cut, "organiser"),
        statuses=_values(cut, "status"),
        person=person,
        items=items or (),
        rest=[token.text for token in cut if token.kind in ("rest", "id") and token.text not in people],
        kinds=_kinds(question),
        domain=bool({token.kind for token in cut} & _FIELD) or "phone" in _kinds(question),
    )


def _intent(cut: Sequence[Token], person: str | None, items: Sequence[Item] | None) -> Intent:
    """The order is the meaning: of two that fit, the one that says more comes first."""
    kinds = {token.kind for token in cut}
    if "goal" in kinds and "what_if" not in kinds:
        kinds.add("gap")  # 修满了吗 asks for the gap; 如果修满 sets a goal
    if "policy" in kinds and kinds <= {"policy", "filler", "stop"} and len(cut) < 3:
        return Intent.UNCLEAR
    alone = {"self", "credit"} <= kinds and not kinds & {"rule", "policy", "each", "list", "records"}
    counts = "count" in kinds and bool(kinds & {"self", "credit", "category", "organiser", "status"})
    standing = bool(kinds & {"gap", "have"}) or alone or counts
    several = "everyone" in kinds or {"each", "gap"} <= kinds
    if (
        several
        and "rule" not in kinds
        and kinds & {"plan", "gap", "have", "not_counted", "status", "list", "records", "credit"}
    ):
        return Intent.EVERYONE
    if "plan" in kinds:
        clear = not (_spare(cut, person) or items or kinds & (_TWISTS | {"category", "organiser", "policy"}))
        return Intent.PLAN if clear else Intent.UNCLEAR
    if "how" in kinds and not (person or kinds & {"what_if", "not_counted", "status"}):
        return Intent.POLICY
    if "what_if" in kinds or {"take", "hours", "gap"} <= kinds:
        return Intent.WHAT_IF if items and not _spare(cut, person) and not kinds & _TWISTS else Intent.UNCLEAR
    if "not_counted" in kinds and (person or kinds & {"why", "self", "list"}):
        return Intent.WHY
    ruled = "rule" in kinds or "each" in kinds
    if (ruled or "policy" in kinds) and not (person or kinds & {"self", "status"}) and (ruled or not standing):
        return Intent.POLICY
    listed = kinds & {"records", "status"} or ("list" in kinds and kinds & {"self", "credit"})
    if (listed or ("organiser" in kinds and "category" not in kinds and standing)) and "gap" not in kinds:
        return Intent.UNCLEAR if _spare(cut, person) else Intent.LIST
    if person:
        return Intent.UNCLEAR if _spare(cut, person) or "hours" in kinds else Intent.GAP
    matter = any(token.kind == "topic" and token.text not in phrases()["general"] for token in cut)
    if standing and not (matter and not kinds & {"self", "year", "category"}):
        known = kinds & {"self", "credit", "year", "category"} or kinds <= {"gap", "filler", "policy", "stop"}
        if known or "gap" in kinds:
            return Intent.GAP if known and _explained(cut) else Intent.UNCLEAR
    ours = kinds & _FIELD or (kinds & {"rule", "policy"} and "self" not in kinds)
    return Intent.POLICY if ours or "organiser" in kinds else Intent.FOREIGN


# What turns a what-if into another question: less of it, its refusal, another rule, a goal instead of an amount.
_TWISTS = {"goal", "less", "not_counted", "status", "rule", "except"}


def _explained(cut: Sequence[Token]) -> bool:
    """Whether nothing in a question about one's state is left that could change its meaning."""
    amounts = any(token.kind == "hours" for token in cut)
    return not (_spare(cut, None) or amounts or _values(cut, "organiser"))


def _spare(cut: Sequence[Token], person: str | None) -> bool:
    """Whether something is left that no part of the answer would heed: a number, a month, a second year, a word.

    Where a person is named, words left over belong to the name.
    """
    general = phrases()["general"]
    if len(set(_years(cut, 0))) > 1 or any(token.kind in ("number", "part_of_year", "except") for token in cut):
        return True
    return person is None and any(
        token.kind == "rest"
        or (token.kind == "topic" and token.text not in general)
        # Without "I", a word that starts like a name may be one (马上, 安全).
        or (
            token.kind == "filler"
            and place == 0
            and len(token.text) > 1
            and token.text[0] in SURNAMES
            and token.text not in ("全部", "那么", "那个", "那些")
            and not any(one.kind == "self" for one in cut)
        )
        for place, token in enumerate(cut)
    )


def _years(cut: Sequence[Token], this_year: int) -> list[int]:
    return [_year(token.value, this_year) for token in cut if token.kind == "year"]


def _year(said: int | str, this_year: int) -> int:
    """A year from what a phrase stands for (-1: last year) or from its digits."""
    if isinstance(said, int):
        return this_year + said
    return int(said) if said[0].isdigit() else int(numeral(said) or 0)


def _values(cut: Sequence[Token], kind: str) -> list[str]:
    return list(dict.fromkeys(token.value for token in cut if token.kind == kind))


def _items(cut: Sequence[Token]) -> list[Item] | None:
    """The hours of a what-if, each with the category and organiser said beside it; None where that can't be told."""
    amounts = [place for place, token in enumerate(cut) if token.kind == "hours"]
    if len(amounts) == 1:
        sides = [[cut]]
    else:
        after = [cut[start:end] for start, end in pairwise([*amounts, len(cut)])]
        before = [cut[start:end] for start, end in pairwise([0, *amounts])]
        sides = [after, before]
    for side in sides if amounts else []:
        found = [_item(cut[place].value, near) for place, near in zip(amounts, side, strict=True)]
        if None not in found:
            return [item for item in found if item]
    return None


def _item(said: str, near: Sequence[Token]) -> Item | None:
    """Hours with what is said near them: exactly one category and at most one organiser."""
    amount, categories, organisers = _amount(said), _values(near, "category"), _values(near, "organiser")
    if amount is None or len(categories) != 1 or len(organisers) > 1:
        return None
    return Item(amount, categories[0], organisers[0] if organisers else None)


def _amount(text: str) -> str | None:
    number = re.sub(r"个?(?:学时|课时)$", "", text)
    if not number[0].isdigit():
        value = None if number[0] == "-" else numeral(number)
        number = "" if value is None else hours.show(int(value * 100))
    try:
        return hours.show(hours.parse(number)) if hours.parse(number) else None
    except ValueError:
        return None


def _kinds(question: str) -> frozenset[str]:
    text = re.sub("[好这那前近过]几", "", plain(question))  # 这几年 asks for no number
    return frozenset(kind for kind, listed in phrases()["kinds"].items() if any(one in text for one in listed))
