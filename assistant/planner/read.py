"""From a question to an intent and its slots, by the words of `phrases.yaml` and nothing else.

The question is cut from left to right into the longest known phrases; what is left over may be a person's name or the
matter asked about. The reading never depends on who is in the database, so it can't tell who is.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from assistant import hours
from assistant.figures import numeral

_HAN = re.compile(r"[\u3400-\u9fff·]+")
_NUMERAL = "[零一二两三四五六七八九十百]"
_SPECIAL = re.compile(
    rf"(?P<hours>(?:\d+(?:\.\d+)?|{_NUMERAL}+)个?(?:学时|课时))"
    r"|(?P<year>(?:19|20)\d\d)(?:学?年度?)?"
    r"|(?P<id>[a-z]{1,8}[-_]?\d{2,}|\d{6,})"
    r"|(?P<number>\d+(?:\.\d+)?)"
)
# The hundred commonest surnames reach 85% of people; the rest of the classical list follows, then double ones.
_SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾萧肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆"
    "汪范金石廖贾夏韦付傅方白邹孟熊秦邱江尹薛闫阎段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤温尤岑卞邢翟庄聂冼简柯祝欧"
    "甘翁凌霍阮俞包左路文牛樊葛纪舒屈项颜倪蓝殷詹申耿关兰焦柳艾卓涂席宁齐曲鲍骆符辛管阳申苗麦游季华司连裴成常康牟童路单米"
)
_DOUBLE = ("欧阳", "司徒", "诸葛", "上官", "司马", "令狐", "东方", "皇甫", "尉迟", "端木", "慕容", "夏侯")


_FIELD = {"topic", "title", "credit", "category", "organiser", "status"}
# Somebody without a name: found in no scope, so refused like anybody else out of it.
SOMEBODY = "（他人）"


class Intent(Enum):
    """What is wanted."""

    GAP = auto()
    WHY = auto()
    LIST = auto()
    WHAT_IF = auto()
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
    status: str | None = None
    person: str | None = None
    items: Sequence[Item] = ()
    rest: Sequence[str] = ()
    kinds: frozenset[str] = frozenset()
    domain: bool = True


class _Token(NamedTuple):
    kind: str
    value: Any
    text: str


@cache
def phrases() -> Mapping[str, Any]:
    """`phrases.yaml` as it stands."""
    text = (Path(__file__).parent / "phrases.yaml").read_text(encoding="utf-8")
    data: Mapping[str, Any] = yaml.load(text, Loader=yaml.CSafeLoader)
    return data


@cache
def _known() -> dict[str, tuple[str, Any]]:
    """Every phrase with its kind and value; of a phrase listed twice the first kind holds."""
    found: dict[str, tuple[str, Any]] = {}
    for kind, listed in phrases().items():
        if kind in ("general", "kinds"):
            continue
        valued = listed.items() if isinstance(listed, dict) else [(None, listed)]
        for value, texts in valued:
            for text in texts:
                found.setdefault(text, (kind, value))
    return found


@cache
def _longest() -> int:
    return max(map(len, _known()))


def plain(question: str) -> str:
    """The question in half-width forms, lower case, without white space inside."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", question).lower())


def tokens(question: str) -> list[_Token]:
    """The question cut into phrases; kind `rest` for what none explains, `stop` for punctuation."""
    text, at, found = plain(question), 0, list[_Token]()
    known, longest = _known(), _longest()
    rest = ""

    def close() -> None:
        nonlocal rest
        if rest:
            found.append(_Token("rest", None, rest))
            rest = ""

    while at < len(text):
        special = _SPECIAL.match(text, at)
        if special and special.lastgroup:
            close()
            found.append(_Token(special.lastgroup, special[special.lastgroup], special.group()))
            at = special.end()
            continue
        size = next((n for n in range(min(longest, len(text) - at), 0, -1) if text[at : at + n] in known), 0)
        if size:
            close()
            kind, value = known[text[at : at + size]]
            found.append(_Token(kind, value, text[at : at + size]))
        elif _HAN.match(text[at]) or text[at].isalnum():
            rest += text[at]
        else:
            close()
            found.append(_Token("stop", None, text[at]))
        at += size or 1
    close()
    return found


def read(question: str, this_year: int) -> Reading:
    """What the question wants. Never fails: what can't be understood has an intent of its own."""
    cut = tokens(question)
    items, person = _items(cut), _person(cut)
    return Reading(
        question=question,
        intent=_intent(cut, person, items),
        year=next(iter(_years(cut, this_year)), None),
        categories=_values(cut, "category"),
        organisers=_values(cut, "organiser"),
        status=next(iter(_values(cut, "status")), None),
        person=person,
        items=items or (),
        rest=[token.text for token in cut if token.kind == "rest" and token.text != person],
        kinds=_kinds(question),
        domain=bool({token.kind for token in cut} & _FIELD) or "phone" in _kinds(question),
    )


def _intent(cut: Sequence[_Token], person: str | None, items: Sequence[Item] | None) -> Intent:
    """The order is the meaning: of two that fit, the one that says more comes first."""
    kinds = {token.kind for token in cut}
    alone = {"self", "credit"} <= kinds and not kinds & {"rule", "policy", "list"}
    standing = bool(kinds & {"gap", "have"}) or alone
    if (
        "everyone" in kinds
        and "rule" not in kinds
        and kinds & {"gap", "have", "not_counted", "status", "list", "credit"}
    ):
        return Intent.EVERYONE
    if "what_if" in kinds or {"take", "hours", "gap"} <= kinds:
        return Intent.WHAT_IF if items else Intent.UNCLEAR
    if "not_counted" in kinds and (person or kinds & {"why", "self", "list"}):
        return Intent.WHY
    if kinds & {"rule", "policy"} and not (person or kinds & {"self", "status"}) and ("rule" in kinds or not standing):
        return Intent.POLICY
    asks_records = kinds & {"list", "status"} or ("organiser" in kinds and "category" not in kinds and standing)
    if asks_records and "gap" not in kinds and (person or kinds & {"self", "status", "year", "category", "organiser"}):
        return Intent.LIST
    if person:
        return Intent.GAP
    if standing and kinds & {"self", "credit", "year", "category", "hours"}:
        return Intent.GAP if _explained(cut) else Intent.UNCLEAR
    if kinds & {"rule", "policy", "topic", "credit", "category", "organiser"}:
        return Intent.POLICY
    return Intent.UNCLEAR if standing else Intent.FOREIGN


def _explained(cut: Sequence[_Token]) -> bool:
    """Whether nothing in a question about one's state is left that could change its meaning."""
    spare = any(token.kind == "part_of_year" or (token.kind == "rest" and len(token.text) > 1) for token in cut)
    return not spare and len(set(_years(cut, 0))) < 2 and not _values(cut, "organiser")


def _person(cut: Sequence[_Token]) -> str | None:
    """The name or number of whoever the records asked about belong to, if the question says so; None: oneself.

    A name is a surname with one to three characters that no phrase explains. Where nobody says "I", a lone surname is
    enough: the given name may be made of everyday words.
    """
    kinds = {token.kind for token in cut}
    asks = kinds & {"gap", "have", "not_counted", "status", "list"}
    if not asks and ("credit" not in kinds or "rule" in kinds):
        return None
    for place, token in enumerate(cut):
        if token.kind == "id":
            return token.text
        if token.kind == "rest":
            surname = 2 if token.text.startswith(_DOUBLE) else 1 if token.text[0] in _SURNAMES else 0
            titled = place + 1 < len(cut) and cut[place + 1].text in phrases()["title"]
            alone = len(token.text) == 1 and "self" not in kinds
            if surname and (surname < len(token.text) <= surname + 2 or titled or alone):
                return token.text
    return SOMEBODY if "others" in kinds and (asks or "self" in kinds) else None


def _years(cut: Sequence[_Token], this_year: int) -> list[int]:
    return [
        this_year + token.value if isinstance(token.value, int) else int(token.value)
        for token in cut
        if token.kind == "year"
    ]


def _values(cut: Sequence[_Token], kind: str) -> list[str]:
    return list(dict.fromkeys(token.value for token in cut if token.kind == kind))


def _items(cut: Sequence[_Token]) -> list[Item] | None:
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


def _item(said: str, near: Sequence[_Token]) -> Item | None:
    """Hours with what is said near them: exactly one category and at most one organiser."""
    amount, categories, organisers = _amount(said), _values(near, "category"), _values(near, "organiser")
    if amount is None or len(categories) != 1 or len(organisers) > 1:
        return None
    return Item(amount, categories[0], organisers[0] if organisers else None)


def _amount(text: str) -> str | None:
    number = re.sub(r"个?(?:学时|课时)$", "", text)
    if not number[0].isdigit():
        value = numeral(number)
        return None if not value else str(value)
    try:
        return hours.show(hours.parse(number)) if hours.parse(number) else None
    except ValueError:
        return None


def _kinds(question: str) -> frozenset[str]:
    text = plain(question)
    return frozenset(kind for kind, listed in phrases()["kinds"].items() if any(one in text for one in listed))


_MATTER = {"rest", "topic", "category", "organiser", "status", "others"}


def subject(question: str) -> list[str]:
    """What the question is about: its phrases without those that every question of the field has, neighbours joined."""
    general, runs = phrases()["general"], [""]
    for token in tokens(question):
        if token.kind in _MATTER and token.text not in general:
            runs[-1] += token.text
        elif runs[-1]:
            runs.append("")
    return [run for run in runs if len(run) > 1]
