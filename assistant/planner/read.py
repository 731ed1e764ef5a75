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
    rf"(?P<hours>(?:-?\d+(?:\.\d+)?|{_NUMERAL}+(?:点{_NUMERAL}+)?)个?(?:学时|课时))"
    r"|(?P<year>\d{4}|[零〇一二三四五六七八九]{4})学?年度?"
    r"|(?P<part_of_year>\d{2})年"
    r"|(?P<bare_year>(?:19|20)\d\d)(?!\d)"
    r"|(?P<id>[a-z]{1,8}[-_]?\d{2,}|\d{6,})"
    r"|(?P<number>\d+(?:\.\d+)?)"
)
# The commonest surnames, then the rest of the classical list (many are everyday words too); double ones apart.
_COMMON = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾萧肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆"
    "汪范金石廖贾夏韦付傅方白邹孟熊秦邱江尹薛闫阎段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤温尤岑卞邢翟庄聂冼简柯祝欧"
    "甘翁凌霍阮俞包左路文牛樊葛纪舒屈项颜倪蓝殷詹申耿关兰焦柳艾卓涂席宁齐曲鲍骆符辛管阳苗麦游季华司连裴成常康牟童单米香祁"
)
_SURNAMES = _COMMON + (
    "邝章施喻窦云鲁昌花柳酆费廉滕罗毕安乐时皮元卜平和穆湛臧伏成戚茅庞闵娄危盛梅刁丘虞应缪解宗宣贲郁杭洪诸石吉钮嵇滑荣荀"
    "羊於惠甄曲家封芮羿储靳汲邴糜松井富巫乌焦巴弓牧隗谷车宓蓬全郗班仰秋仲伊宫宁仇栾暴厉戎祖束幸韶郜蓟薄印宿怀蒲邰从鄂索"
    "咸籍赖蔺屠蒙池乔阴鬱胥能苍双闻莘党贡劳逄姬冉宰郦雍却璩桑桂濮寿通边扈燕冀郏浦尚农别晏柴瞿充茹习宦鱼容古易慎戈终暨居衡"
    "步都满弘匡国寇广禄阙东殴殳沃利蔚越夔隆师巩厍晁勾敖融冷訾阚那饶空毋沙乜养鞠须丰巢蒯相查后荆红竺权逯盖益桓公佟伍岳帅缑亢"
    "况郈有琴商佘佴伯赏墨哈谯笪年爱仝代么肇言福揭镇占亓官禹修矫才初旷邸植但库候练迟母原仉尉么邬修冶巨隋"
)
_DOUBLE = (
    "欧阳",
    "司徒",
    "诸葛",
    "上官",
    "司马",
    "令狐",
    "东方",
    "皇甫",
    "尉迟",
    "端木",
    "慕容",
    "夏侯",
    "公孙",
    "轩辕",
    "钟离",
    "宇文",
    "长孙",
    "司空",
    "独孤",
    "南宫",
    "闻人",
    "申屠",
    "澹台",
    "淳于",
    "单于",
    "太史",
    "万俟",
    "赫连",
)


_FIRST_YEAR = 1970
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
    statuses: Sequence[str] = ()
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
    """The question in half-width forms, lower case; white space is kept between Latin words alone."""
    text = unicodedata.normalize("NFKC", question).lower()
    return re.sub(r"(?<![a-z0-9])\s+|\s+(?![a-z0-9])", "", text)


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
            kind = special.lastgroup.removeprefix("bare_")
            found.append(_Token(kind, special[special.lastgroup], special.group()))
            at = special.end()
            continue
        double = text.startswith(_DOUBLE, at)  # 上官 is a surname, though 上 is a word
        size = (
            0
            if double
            else next((n for n in range(min(longest, len(text) - at), 0, -1) if text[at : at + n] in known), 0)
        )
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
    items, people = _items(cut), _people(cut)
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


def _intent(cut: Sequence[_Token], person: str | None, items: Sequence[Item] | None) -> Intent:
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
        and kinds & {"gap", "have", "not_counted", "status", "list", "records", "credit"}
    ):
        return Intent.EVERYONE
    if "how" in kinds and not (person or kinds & {"what_if", "not_counted", "status"}):
        return Intent.POLICY
    if "what_if" in kinds or {"take", "hours", "gap"} <= kinds:
        return Intent.WHAT_IF if items and (person or not _spare(cut)) and not kinds & _TWISTS else Intent.UNCLEAR
    if "not_counted" in kinds and (person or kinds & {"why", "self", "list"}):
        return Intent.WHY
    ruled = "rule" in kinds or "each" in kinds
    if (ruled or "policy" in kinds) and not (person or kinds & {"self", "status"}) and (ruled or not standing):
        return Intent.POLICY
    listed = kinds & {"records", "status"} or ("list" in kinds and kinds & {"self", "credit"})
    if (listed or ("organiser" in kinds and "category" not in kinds and standing)) and "gap" not in kinds:
        return Intent.LIST if person or not _spare(cut) else Intent.UNCLEAR
    if person:
        return Intent.GAP
    matter = any(token.kind == "topic" and token.text not in phrases()["general"] for token in cut)
    if standing and not (matter and not kinds & {"self", "year", "category"}):
        known = kinds & {"self", "credit", "year", "category"} or kinds <= {"gap", "filler", "policy", "stop"}
        if known or "gap" in kinds:
            return Intent.GAP if known and _explained(cut) else Intent.UNCLEAR
    ours = kinds & _FIELD or (kinds & {"rule", "policy"} and "self" not in kinds)
    return Intent.POLICY if ours or "organiser" in kinds else Intent.FOREIGN


# What turns a what-if into another question: less of it, its refusal, another rule, a goal instead of an amount.
_TWISTS = {"goal", "less", "not_counted", "status", "rule", "except"}


def _explained(cut: Sequence[_Token]) -> bool:
    """Whether nothing in a question about one's state is left that could change its meaning."""
    amounts = any(token.kind == "hours" for token in cut)
    return not (_spare(cut) or amounts or _values(cut, "organiser"))


def _spare(cut: Sequence[_Token]) -> bool:
    """Whether something is left that no part of the answer would heed: a word, a number, a month, a second year."""
    general = phrases()["general"]
    return len(set(_years(cut, 0))) > 1 or any(
        token.kind in ("rest", "number", "part_of_year", "except")
        or (token.kind == "topic" and token.text not in general)
        # Without "I", a word that starts like a name may be one (马上, 安全).
        or (
            token.kind == "filler"
            and place == 0
            and len(token.text) > 1
            and token.text[0] in _SURNAMES
            and token.text not in ("全部", "那么", "那个", "那些")
            and not any(one.kind == "self" for one in cut)
        )
        for place, token in enumerate(cut)
    )


def _people(cut: Sequence[_Token]) -> list[str]:
    """The names or numbers of those whose records are asked about, if the question says so; none: one's own."""
    kinds = {token.kind for token in cut}
    asks = kinds & {"gap", "goal", "have", "not_counted", "status", "what_if", "records"} or (
        "credit" in kinds and kinds & {"list", "count"}
    )
    if not asks and ("credit" not in kinds or kinds & {"rule", "each"}):
        return []
    myself = "self" in kinds
    surnames = _SURNAMES if asks and not myself else _COMMON
    people, taken = list[str](), 0
    for place, token in enumerate(cut):
        after = cut[place + 1 :]
        titled = bool(after) and after[0].text in phrases()["title"]
        if place < taken:
            continue
        if token.kind == "id" and not _is_record(after, kinds):
            people.append(token.text)
        elif token.kind == "rest" and (name := _name(token.text, titled, myself or not asks, surnames)):
            # A given name made of everyday words follows its surname as such.
            given = _given(after) if len(name) == 1 or name in _DOUBLE else []
            taken = place + 1 + len(given)
            people.append(name + "".join(given))
        elif titled and not myself and len(token.text) > 1 and token.kind in ("how", "policy"):
            people.append(token.text)
    theirs = "title" in kinds and not myself and kinds & {"gap", "not_counted", "status", "records"}
    unnamed = "others" in kinds or (theirs and not kinds & {"topic", "rule", "each"})
    return list(dict.fromkeys(people)) or ([SOMEBODY] if unnamed and (asks or myself) else [])


def _is_record(after: Sequence[_Token], kinds: set[str]) -> bool:
    """Whether the number before is that of a record (R0012 这条, 我的 R0012 没计入)."""
    return {"self", "not_counted"} <= kinds or (bool(after) and after[0].text in ("这", "那", "记录"))


def _name(text: str, titled: bool, sure: bool, surnames: str) -> str | None:
    """The name in what no phrase explains: a surname with one or two characters, or all of it before a title.

    Unless it has to be `sure`, a lone surname is enough, and so is a name at the end (英语组陈静).
    """
    surname = 2 if text.startswith(_DOUBLE) else 1 if text[0] in surnames else 0
    if "·" in text or (surname and (titled or surname < len(text) <= surname + 2)):
        return text
    if sure:
        return None
    if len(text) == surname or (titled and len(text) < 4):
        return text
    ends = (text[-size:] for size in (3, 2) if len(text) > size)
    return next((end for end in ends if end[0] in surnames), None)


def _given(after: Sequence[_Token]) -> list[str]:
    """The everyday words right after a lone surname, as far as they can be a given name."""
    given: list[str] = []
    for token in after:
        everyday = token.kind in ("filler", "rest") or (len(token.text) == 1 and token.kind != "stop")
        if not everyday or len("".join(given) + token.text) > 2:
            break
        given.append(token.text)
    return given


def _years(cut: Sequence[_Token], this_year: int) -> list[int]:
    return [_year(token.value, this_year) for token in cut if token.kind == "year"]


def _year(said: int | str, this_year: int) -> int:
    """A year from what a phrase stands for (-1: last year) or from its digits."""
    if isinstance(said, int):
        return this_year + said
    return int(said) if said[0].isdigit() else int(numeral(said) or 0)


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
        value = None if number[0] == "-" else numeral(number)
        number = "" if value is None else hours.show(int(value * 100))
    try:
        return hours.show(hours.parse(number)) if hours.parse(number) else None
    except ValueError:
        return None


def _kinds(question: str) -> frozenset[str]:
    text = plain(question)
    return frozenset(kind for kind, listed in phrases()["kinds"].items() if any(one in text for one in listed))


_MATTER = {"rest", "matter", "topic", "category", "organiser", "status", "others", "less", "except"}


def subject(question: str) -> list[str]:
    """What the question is about, one by one: its phrases without those that every question of the field has."""
    general = phrases()["general"]
    return [
        token.text
        for token in tokens(question)
        if token.kind in _MATTER
        and token.text not in general
        and (len(token.text) > 1 or token.kind == "matter")  # a lone character left over is a verb or a slip
    ]
