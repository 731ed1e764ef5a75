"""The hours that a question assumes: how many, of which category and organiser; nothing where that isn't plain."""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from assistant import hours
from assistant.figures import numeral
from assistant.planner.words import Token, values

_VERDICTS = {"gap", "goal"}
_COUNTED = {"hours", "number", "top", "category", "organiser"}
_TOTALS = ("一共", "总共", "共计")
# More than one of what is said (两门 4 学时的, 每周 2 学时): what it comes to isn't reckoned here.
_MULTIPLE = re.compile("[两俩仨二三四五六七八九十百\\d×*倍每各]")
_TOTAL_SAID = ("修到", "攒到", "学到", "补到", "加到")  # hours in all, where one more would be said


class Item(NamedTuple):
    """Hours that a what-if adds, as decimal text."""

    hours: str
    category: str
    organiser: str | None


def items_in(cut: Sequence[Token]) -> list[Item] | None:
    """The hours of a what-if, each with the category and organiser said beside it; None where that can't be told."""
    cut = _with_hours(cut)
    amounts = [place for place, token in enumerate(cut) if token.kind == "hours"]
    if len(amounts) == 1:
        sides = [[cut]]
    else:
        after = [cut[start:end] for start, end in pairwise([*amounts, len(cut)])]
        before = [cut[start:end] for start, end in pairwise([0, *amounts])]
        sides = [after, before, *_by_clause(cut, amounts)]
    for side in sides if amounts else []:
        found = [_item(cut[place].value, near) for place, near in zip(amounts, side, strict=True)]
        if None not in found:
            return [item for item in found if item]
    return None


def _by_clause(cut: list[Token], amounts: Sequence[int]) -> list[list[list[Token]]]:
    """The clause of each of the hours, where each has one of its own: 再上4学时专业，选修再上8个."""
    ends = [place for place, token in enumerate(cut) if token.kind == "stop"]
    clauses = [(start, end) for start, end in pairwise([-1, *ends, len(cut)])]
    own = [next(clause for clause in clauses if clause[0] < place < clause[1]) for place in amounts]
    return [[cut[start + 1 : end] for start, end in own]] if len(set(own)) == len(own) else []


def _with_hours(cut: Sequence[Token]) -> list[Token]:
    """In a what-if a bare number beside a category or after "more" is hours (公需再修6个); after a verdict it isn't."""
    if not {token.kind for token in cut} & {"what_if", "more"}:
        return [*cut]
    found: list[Token] = []
    told = any(token.kind == "hours" for token in cut)
    for place, token in enumerate(cut):
        before, after = cut[max(place - 1, 0) : place], cut[place + 1 : place + 2]
        beside = {one.kind for one in (*before, *after)} & {"category", "more", "organiser"}
        # 一个12学时的, 一个镇级培训，12学时: one of those hours, and no more of them
        counts = (bool(after) and after[0].kind == "hours") or (told and token.text in ("一个", "1个"))
        # What a 学分 comes to in hours no rule tells.
        counts = counts or (bool(after) and after[0].text == "学分")
        if token.kind in ("number", "top") and beside and not counts and not {one.kind for one in before} & _VERDICTS:
            token = Token("hours", re.sub("[^0-9.零一二两三四五六七八九十百点]", "", token.text), token.text)
        found.append(token)
    return found


def _item(said: str, near: Sequence[Token]) -> Item | None:
    """Hours with what is said near them: exactly one category and at most one organiser."""
    amount, categories, organisers = _amount(said), values(near, "category"), values(near, "organiser")
    if amount is None or len(categories) != 1 or len(organisers) > 1:
        return None
    return Item(amount, categories[0], organisers[0] if organisers else None)


def _amount(text: str) -> str | None:
    number = re.sub(r"个?(?:学时|课时)$", "", text)
    if not number[0].isdigit():
        vague = len(number) > 1 and not set(number) & set("十百点")  # 三四个学时
        value = None if number[0] == "-" or vague else numeral(number)
        number = "" if value is None else hours.show(int(value * 100))
    try:
        return hours.show(hours.parse(number)) if hours.parse(number) else None
    except ValueError:
        return None


def lessened(cut: Sequence[Token]) -> bool:
    """Whether a what-if takes away, or says a total (一共修6学时) where one more would be said."""
    words = [token for token in cut if token.kind != "filler"]
    fewer = any(one.text == "少" and after.kind in _COUNTED for one, after in pairwise(cut))  # 少公需2个
    return (
        fewer
        or any(token.text in _TOTAL_SAID for token in words)
        or any(
            token.kind == "less"
            and (token.text not in _TOTALS or (after and after[0].kind in ("hours", "take", "number")))
            for token, after in ((token, words[place + 1 :]) for place, token in enumerate(words))
        )
    )


def multiplied(cut: Sequence[Token]) -> bool:
    """Whether hours are said to be taken several times."""
    told = {"hours", "category", "organiser", "year", "short_year", "id"}
    read = _with_hours(cut)
    # After a verdict a number is what it is held against: 够42了吗.
    left = [token for place, token in enumerate(read) if place == 0 or read[place - 1].kind not in _VERDICTS]
    return any(token.kind not in told and _MULTIPLE.search(token.text) for token in left)
