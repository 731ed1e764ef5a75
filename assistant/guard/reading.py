"""Figures read in what they are said of: in which role (还差, 要求), of whom or what, of which year, on what condition.

The same reader reads the text that is to be proven and the sentences that prove it, so that both are understood alike.
"""

import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from assistant.figures import Figure, figures
from assistant.guard.words import ATOM, Words

Value = Fraction | tuple[int, int, int]

# How the categories and organisers of the records are written, and the characters that tell which.
_CATEGORY = (
    r"公需(?:科目|课程|课)?|专业(?:科目|课程|课|类|(?=学时|还|差|已|计|要|[:、,( ]))|(?:个人)?选修(?:科目|课程|课)?"
)
_ORGANISER = r"国家级|省级|市级|(?:市教育局|市)?教研室|镇级|校级"
_MEANT = {
    "公需": "公需科目",
    "专业": "专业科目",
    "选修": "个人选修科目",
    "教研室": "市教研室",
    **{name: name for name in ("国家级", "省级", "市级", "镇级", "校级")},
}
_SIGN = re.compile(
    rf"""
      (?P<category>{_CATEGORY}) | (?P<organiser>{_ORGANISER}) | (?P<atom>{ATOM})
    | (?P<all>合计|总计|全部科目|各科目|所有科目|审核通过) | (?P<sum>共(?!有?计))
    | (?P<echo>[您你](?:说|问|提到)|所说的|所问的) | (?P<self>您|你(?!好))
    | (?P<now>现在|目前|当前) | (?P<later>假设|假如|如果|要是|倘若|届时|若(?!干))
    | (?P<cut>超[过出](?:登记)?上限(?:、(?:没有|未|不)计入)?的(?=有?:|共))
    | (?P<left_out>(?:没有|未|不)计入的(?=有?:|共)) | (?P<plan>取得[^、;。]*学时:)
    | (?P<more>[再多](?:取得|修|补|学|完成|参加)) | (?P<approved>[全都均]部?(?:审核)?通过)
    | (?P<year>(?<!\d)(?:19|20)\d\d)(?=\s*年(?!\s*\d+\s*月)) | (?P<part>;) | (?P<stop>[。!?\n])
    """,
    re.VERBOSE,
)

# What a figure is, by the words right before it; the more particular come first.
_FILLER = r"(?:大约|约|为|是|到|了|的|仅|只|有|达|:|\s)*"
_BEFORE = {
    "pace": r"每周(?:平均|还|需要?|要|修)*(?:不少于|至少)?",
    "cap": r"上限|封顶|(?:最多|至多|最高)(?:可以|可|能|只能)?(?:登记|计入|认定|算|计|折算)?|不超过",
    "unmet": r"(?<!科目)(?:未|没有|没|不)(?:达标|达到要求)(?:的?(?:教师|老师))?(?:人数)?共?",
    "blank": r"没有(?:任何)?(?:学时)?记录(?:的?(?:教师|老师))?共?",
    "rate": rf"(?:达标|完成|合格|覆盖)率|比例|占比|{ATOM}为",
    "met": r"(?<!科目)(?<!科目[已未没不])(?<!科目没有)(?:已经?)?(?:达标|达到要求)(?:的?(?:教师|老师))?(?:人数)?共?",
    "teachers": r"(?<!的)(?:教师|老师)(?:总数|人数)?",
    "listed": r"列出前?|前",
    "cut": r"超出|超过(?:登记)?上限|多出",
    "left_out": r"(?:不|没有|没|未)(?:能|予|被)?(?:计入|算入|计算)|不算",
    "rejected": r"(?:已|被)驳回|没有规则可归",
    "pending": r"待审核|审核中|未审核",
    "recorded": r"已审核",
    "plan": r"(?<!已)(?<!已经)取得(?:并审核通过)?|再修|再取得",
    "remaining": r"差|缺|欠|缺口|差额|还剩|剩余|[还仍尚](?:需要?|须|要)(?:再?(?:补|修|取得|完成|学))?|补修?",
    "required": r"要求(?:修满|完成|达到)?|不少于|不低于|至少|最低|(?:应|须|需要?)(?:修满|完成|达到)|标准",
    "counted": r"(?:已经?|只|共|累计)?(?:计入|认定|修|完成|取得|获得)|已有|累计",
    "left": r"还有",
    "sum": r"合计|总计|总共|一共|共",
}
_AFTER = {
    "pending": r"在?(?:待审核|审核中)",
    "recorded": r"已审核|通过(?:了)?审核",
    "unmet": r"(?:未|没有|没|不)(?:达标|达到要求)",
    "met": r"已经?(?:达标|达到要求)|达标(?!率)",
    "left_out": r"(?:不|没有|没|未)(?:能|予|被)?(?:计入|算入)",
    "rejected": r"(?:已|被)驳回",
    "blank": r"没有(?:任何|学时)?记录",
}
_ROLE_BEFORE = {role: re.compile(f"(?:{words}){_FILLER}$") for role, words in _BEFORE.items()}
_COUNTED = r"\s*(?:个?学时|条|人|名|位|所|家|个|镇)?的?(?:记录|教师|老师)?(?:还|仍|尚|都|均)?"
_ROLE_AFTER = {role: re.compile(f"{_COUNTED}(?:{words})") for role, words in _AFTER.items()}
_ROLE_AFTER["listed"] = re.compile(r"\s*学时的?记录")
# Units whose figures play no role, and units of what is counted beside hours: 待审核的有 3 条.
_TIMES, _COUNTS = {"年份", "date", "年", "月", "日"}, {"条", "个", "项", "次", "门", "类", "种"}
_OF_HOURS = {"pending", "rejected", "recorded", "counted", "left_out", "cut", "required"}
_HOW_MANY, _RECORDS = re.compile(r"有\s*$"), re.compile(r"\s*[条个项][^、。;]{0,12}记录")
_NEAR = 24  # characters before a figure in which its role is said
_RIGHT_AFTER = re.compile(rf"\s*(?:个?学时)?的?(?P<category>{_CATEGORY})?\(?(?P<organiser>{_ORGANISER})?")
_YEARS = range(1900, 2101)


class Place(NamedTuple):
    """What a place in a text speaks of.

    `labels` by kind (category, organiser, person, place, item); `year` 0: none is said; `later`: on which assumption
    it is said: of more hours (more), of approval (approved), another (if); `echo`: the sentence says back what was
    asked or assumed; `marks`: the citations that follow.
    """

    role: str
    labels: Mapping[str, str]
    year: int
    later: str
    echo: bool
    marks: Sequence[str]


class Said(NamedTuple):
    """A figure in a unit that can be compared (shares as %, years as 年份), and where it stands."""

    value: Value
    unit: str
    said: str
    place: Place


class _State:
    """What has been said so far: of a part (up to ;) what it is about, of a sentence its condition, of a text who."""

    def __init__(self, words: Words, own: str) -> None:
        self._words, self._own = words, own
        self.person, self.year = "", 0
        self._end()

    def _end(self, sentence: bool = True) -> None:
        self.head, self.summed = "", False
        if sentence:
            self.labels, self.later, self.echo = dict[str, str](), "", False
        self.labels.pop("organiser", None)

    def take(self, sign: re.Match[str]) -> None:
        """Heed a word."""
        match sign.lastgroup or "":
            case "category" | "organiser" as kind:
                self.labels[kind] = meant(sign.group())
            case "atom":
                atom = self._words.known(sign.group())
                if atom and atom.kind == "person":
                    self.person = atom.value
                elif atom and atom.kind in ("place", "item"):
                    self.labels[atom.kind] = atom.value
            case "all":
                self.labels = self._whole()
            case "sum":
                self.summed = True
            case "self":
                self.person = self._own
            case "year":
                self.year = int(sign.group())
            case "now":
                self.later = ""
            case "later":
                self.later, self.echo = "if", True
            case "more" if self.later:
                self.later, self.head = "more", "assumed"
            case "approved" if self.later == "if":
                self.later = "approved"
            case "more" | "approved":
                pass
            case "echo":
                self.echo = True
            case "cut" | "left_out" | "plan" as head:
                self.head = head
            case end:
                self._end(sentence=end == "stop")

    def _whole(self) -> dict[str, str]:
        """What has been said of whom, without of which part of the hours."""
        return {kind: said for kind, said in self.labels.items() if kind in ("place", "item")}

    def place(self) -> Place:
        """Where the next word stands."""
        labels = self._whole() if self.summed else dict(self.labels)
        self.summed = False
        if self.person:
            labels["person"] = self.person
        return Place(self.head, labels, self.year, self.later, self.echo, ())


def read(text: str, words: Words, own: str = "") -> Iterator[Said]:
    """The figures of a folded text in which known words were replaced. `own`: the person that 您 is."""
    found = list(figures(text))
    ends = [figure.at + len(figure.said) for figure in found]
    nears = [_RIGHT_AFTER.match(text, end) for end in ends]
    # What stands right after a figure, without a stop between, is said of it alone: 6 学时专业科目（镇级）.
    spots = [(figure.at, near.end() if near else end) for figure, end, near in zip(found, ends, nears, strict=True)]
    following = [*(figure.at for figure in found), len(text)][1:]
    standing = places(text, words, own, spots)
    for figure, end, near, until, place in zip(found, ends, nears, following, standing, strict=True):
        value, unit = figure.value, unit_of(figure)
        if unit == "%" and figure.unit != "%" and isinstance(value, Fraction):
            value /= 10
        role = _role(text, figure.at, end)
        if place.role and role in ("", "sum", "plan"):
            role = place.role
        if unit in _COUNTS and _HOW_MANY.search(text[: figure.at]) and _RECORDS.match(text, end):
            role = "sum"
        elif unit in _TIMES or (unit in _COUNTS and role in _OF_HOURS):
            role = ""
        own_labels = {kind: meant(said) for kind, said in near.groupdict().items() if said} if near else {}
        labels = {**place.labels, **own_labels}
        marks = _marks(text[end:until], words)
        yield Said(value, unit, figure.said, place._replace(role=role, labels=labels, marks=marks))


def places(text: str, words: Words, own: str, spots: Sequence[tuple[int, int]]) -> Iterator[Place]:
    """What each of some stretches (start, end) of a folded text stands in; they come in order.

    Words inside of them are theirs alone.
    """
    state, signs = _State(words, own), deque(_SIGN.finditer(text))
    past = 0
    for start, end in spots:
        while signs and signs[0].start() < start:
            sign = signs.popleft()
            if sign.start() >= past or sign.lastgroup == "year":
                state.take(sign)
        past = max(past, end)
        yield state.place()


def meant(said: str) -> str:
    """The category or organiser that words of either kind mean."""
    return next(name for key, name in _MEANT.items() if key in said)


def unit_of(figure: Figure) -> str:
    """The unit that a figure is compared in."""
    if figure.unit in ("年", "年度") and isinstance(figure.value, Fraction) and figure.value in _YEARS:
        return "年份"
    return {"成": "%", "折": "%", "名": "人", "位": "人", "年度": "年", "周年": "年"}.get(figure.unit, figure.unit)


def _role(text: str, start: int, end: int) -> str:
    before = re.split(r"[;。!?\n]", text[max(0, start - _NEAR) : start])[-1]
    said = _role_before(re.sub(r"\d", "0", before))
    if said not in ("", "sum"):
        return said
    # Of what a sum is may be said behind it: 共 3 学时还在待审核.
    return next((role for role, words in _ROLE_AFTER.items() if words.match(text, end)), said)


@lru_cache(4096)
def _role_before(said: str) -> str:
    """The role that words say of the figure behind them. Other figures among them play no part, so that answers which
    differ in nothing else are read but once."""
    return next((role for role, words in _ROLE_BEFORE.items() if words.search(said)), "")


def _marks(text: str, words: Words) -> tuple[str, ...]:
    """The citations that follow a figure; `text`: what stands between it and the next. A full stop may stand before."""
    found, stopped = list[str](), False
    for char in text.rstrip():
        known = words.known(char)
        if known and known.kind == "mark":
            found.append(known.value)
        elif found or (stopped and not char.isspace()):
            break
        stopped = stopped or char in ";。!?\n"
    return tuple(found)
