"""The words of a question: `phrases.yaml`, and a question cut from left to right into its longest phrases."""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import yaml

from assistant.retrieval import wording

_RUN = re.compile("[a-z][a-z ]+[a-z]")
_HAN = re.compile(r"[\u3400-\u9fff·]+")
_NUMERAL = "[零一二两三四五六七八九十百]"
_SPECIAL = re.compile(
    rf"(?P<hours>(?:-?\d+(?:\.\d+)?|{_NUMERAL}+(?:点{_NUMERAL}+)?)个?(?:学时|课时))"
    r"|(?P<vague_time>\d{4}(?:[-~至到]\d{2,4})?学年度?)"
    r"|(?P<year>\d{4}|[零〇一二三四五六七八九]{4})年度?"
    rf"|(?P<times>(?:[2-9]|\d{{2,}}|[两二三四五六七八九十]+)(?:次|遍|回|场|期|周|天))"
    rf"|(?P<day>(?:1[0-2]|0?[1-9]|{_NUMERAL}{{1,2}})月(?:[12]\d|3[01]|0?[1-9]|{_NUMERAL}{{1,3}})[日号])"
    rf"|(?P<duration>(?:\d{{1,2}}|{_NUMERAL}+)个(?:半)?(?:月|星期|礼拜)(?:之?内)?)"
    rf"|(?P<bare_filler>(?:\d{{1,2}}|{_NUMERAL}{{1,2}})月(?:份|初|底)?(?:才|刚|刚刚|新)?(?:入职|调来|调过来|到岗|报到|转正|刚来|才来)(?:的)?)"
    r"|(?P<months>[一二三四五六七八九]{2}月)份?"
    rf"|(?P<month>(?:1[0-2]|0?[1-9]|十[一二]?|[一二三四五六七八九])月)(?:份|底|末)?(?!\d)"
    rf"|(?P<top>(?:前|后|倒数)(?:\d{{1,3}}|{_NUMERAL}+)(?:名|位|个|所|家|人)?|(?:\d{{1,3}}|{_NUMERAL}+)(?:名|位|所|家|个(?!人选|[月学课周]))人?)"
    r"|(?P<short_year>\d{2})年"
    r"|(?P<bare_year>(?:19|20)\d\d)(?!\d)"
    r"|(?P<id>[a-z]{1,8}[-_]?\d{2,}|\d{6,})"
    r"|(?P<number>\d+(?:\.\d+)?)"
)
# The commonest surnames, then the rest of the classical list (many are everyday words too); double ones apart.
COMMON_SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾萧肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆"
    "汪范金石廖贾夏韦付傅方白邹孟熊秦邱江尹薛闫阎段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤温尤岑卞邢翟庄聂冼简柯祝欧"
    "甘翁凌霍阮俞包左路文牛樊葛纪舒屈项颜倪蓝殷詹申耿关兰焦柳艾卓涂席宁齐曲鲍骆符辛管阳苗麦游季华司连裴成常康牟童单米香祁"
)
SURNAMES = COMMON_SURNAMES + (
    "邝章施喻窦云鲁昌花柳酆费廉滕罗毕安乐时皮元卜平和穆湛臧伏成戚茅庞闵娄危盛梅刁丘虞应缪解宗宣贲郁杭洪诸石吉钮嵇滑荣荀"
    "羊於惠甄曲家封芮羿储靳汲邴糜松井富巫乌焦巴弓牧隗谷车宓蓬全郗班仰秋仲伊宫宁仇栾暴厉戎祖束幸韶郜蓟薄印宿怀蒲邰从鄂索"
    "咸籍赖蔺屠蒙池乔阴鬱胥能苍双闻莘党贡劳逄姬冉宰郦雍却璩桑桂濮寿通边扈燕冀郏浦尚农别晏柴瞿充茹习宦鱼容古易慎戈终暨居衡"
    "步都满弘匡国寇广禄阙东殴殳沃利蔚越夔隆师巩厍晁勾敖融冷訾阚那饶空毋沙乜养鞠须丰巢蒯相查后荆红竺权逯盖益桓公佟伍岳帅缑亢"
    "况郈有琴商佘佴伯赏墨哈谯笪年爱仝代么肇言福揭镇占亓官禹修矫才初旷邸植但库候练迟母原仉尉么邬修冶巨隋"
)
_PAIRS = (
    "欧阳司徒诸葛上官司马令狐东方皇甫尉迟端木慕容夏侯公孙轩辕钟离宇文长孙司空独孤南宫闻人申屠澹台淳于单于太史万俟赫连"
)
DOUBLE_SURNAMES = tuple(_PAIRS[at : at + 2] for at in range(0, len(_PAIRS), 2))


class Token(NamedTuple):
    """A phrase of the question: its kind, what it stands for, and how it is written."""

    kind: str
    value: Any
    text: str


@cache
def phrases() -> Mapping[str, Any]:
    """`phrases.yaml` as it stands."""
    text = (Path(__file__).parent / "phrases.yaml").read_text(encoding="utf-8")
    data: Mapping[str, Any] = yaml.load(text, Loader=yaml.CSafeLoader)
    return data


NO_PLACES: Mapping[str, str] = MappingProxyType({})
# What is no list of phrases to cut a question by.
_APART = ("general", "kinds", "specific", "outcomes", "places", "misspelt", "measures", "pinyin")


@cache
def _known() -> dict[str, tuple[str, Any]]:
    """Every phrase with its kind and value; of a phrase listed twice the first kind holds."""
    found: dict[str, tuple[str, Any]] = {}
    for kind, listed in phrases().items():
        if kind in _APART:
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
    """The question in half-width forms, lower case, Simplified; white space is kept between Latin words alone."""
    return re.sub(r"(?<![a-z0-9])\s+|\s+(?![a-z0-9])", "", wording.plain(question))


def spelt(question: str) -> str:
    """The plain question with common slips put right."""
    text = _RUN.sub(_from_pinyin, plain(question))
    for right, slips in phrases()["misspelt"].items():
        for slip in slips:
            text = text.replace(slip, right)
    return text


@cache
def _pinyin() -> tuple[re.Pattern[str], Mapping[str, str]]:
    """What finds the words of a stretch of pinyin, the longest first, and what each of them stands for."""
    meant = {said: word for word, listed in phrases()["pinyin"].items() for said in listed}
    return re.compile("|".join(sorted(meant, key=len, reverse=True))), meant


def _from_pinyin(run: re.Match[str]) -> str:
    """A stretch of Latin letters in characters, where it is made of at least two words of pinyin and nothing else."""
    word, meant = _pinyin()
    found = word.findall(run[0])
    whole = len(found) > 1 and "".join(found).replace(" ", "") == run[0].replace(" ", "")
    return "".join(meant[one] for one in found) if whole else run[0]


def tokens(question: str, places: Mapping[str, str] = NO_PLACES) -> list[Token]:
    """The question cut into phrases; kind `rest` for what none explains, `place` for names of places and schools,
    `stop` for punctuation. `places`: names of units with their paths, which become the tokens' values.
    """
    text, at, found = spelt(question), 0, list[Token]()
    rest = ""

    def close() -> None:
        nonlocal rest
        if rest:
            found.append(Token("rest", None, rest))
            rest = ""

    while at < len(text):
        token = _special(text, at)
        known = _place(text, at, places) or _phrase(text, at)
        if known and (token is None or len(known.text) > len(token.text)):
            token = known
        if token and token.text == "门" and rest:
            token = None  # 虎门; after a number it is a measure
        if token:
            close()
            found.append(token)
        elif _HAN.match(text[at]) or text[at].isalnum():
            rest += text[at]
        else:
            close()
            found.append(Token("stop", None, text[at]))
        at += len(token.text) if token else 1
    close()
    return _with_places(found)


def _special(text: str, at: int) -> Token | None:
    """A number, a time or a sign that is no phrase of the list."""
    match = _SPECIAL.match(text, at)
    if match is None or match.lastgroup is None:
        return None
    return Token(match.lastgroup.removeprefix("bare_"), match[match.lastgroup], match.group())


def _place(text: str, at: int, places: Mapping[str, str]) -> Token | None:
    """The longest name of a unit that begins here."""
    for size in range(min(_LONGEST_PLACE, len(text) - at), 1, -1) if places else ():
        if (said := text[at : at + size]) in places:
            further = _NUMBERED_SCHOOL.match(text, at + size)
            if further:  # 虎门五中, which isn't known: not 虎门
                return Token("place", None, said + further.group())
            return Token("place", places[said], said)
    return None


def _phrase(text: str, at: int) -> Token | None:
    """The longest phrase that begins here."""
    if text.startswith(DOUBLE_SURNAMES, at):  # 上官 is a surname, though 上 is a word
        return None
    known = _known()
    for size in range(min(_longest(), len(text) - at), 0, -1):
        said = text[at : at + size]
        if said in known and not (said.isascii() and _is_part(text, at, at + size)):
            return Token(*known[said], said)
    return None


def _is_part(text: str, start: int, end: int) -> bool:
    """Whether a stretch of Latin letters is but a part of a word."""
    around = text[max(start - 1, 0) : start] + text[end : end + 1]
    return any(char.isascii() and char.isalnum() for char in around)


# Everyday words of one character that no place's name begins with.
_NEVER_FIRST = set("的和与跟在是对把比吗呢我有各全本哪每你他她查看问请那这从到按了还没不上下就都及之")
_LONGEST_PLACE = 16
_NUMBERED_SCHOOL = re.compile(rf"第?(?:\d{{1,2}}|{_NUMERAL}{{1,3}})(?:中学|中(?!心)|小学|幼儿园)")
_STAGES = ("小学", "中学", "高中", "初中", "幼儿园")  # said alone: a kind of school


def _with_places(cut: Sequence[Token]) -> list[Token]:
    """The tokens with names of places and schools joined: what leads up to a word such as 小学 or 镇."""
    found: list[Token] = []
    for token in cut:
        if token.text == "学校" and [one.kind for one in found[-2:]] == ["place", "rest"]:
            name = "".join(one.text for one in found[-2:])
            found[-2:] = [Token("place", None, name + token.text)]  # 虎门外语学校: not 虎门
            continue
        if token.kind != "place_end":
            found.append(token)
            continue
        start = len(found)
        while (
            start
            and _in_place(found[start - 1])
            and sum(map(len, (t.text for t in found[start - 1 :]))) < _LONGEST_PLACE
        ):
            start -= 1
        while start < len(found) and found[start].kind != "rest" and found[start].text in _NEVER_FIRST:
            start += 1
        parts = found[start:]
        if any(part.kind in ("rest", "place") for part in parts):
            del found[start:]
            found.append(Token("place", None, "".join(part.text for part in parts) + token.text))
        else:
            found.append(Token("stage" if token.text in _STAGES else "filler", None, token.text))
    return found


def _in_place(token: Token) -> bool:
    return token.kind in ("rest", "place") or (
        len(token.text) == 1 and token.kind != "stop" and token.text not in "的和与跟、"
    )


def values(cut: Sequence[Token], kind: str) -> list[str]:
    """What the tokens of a kind stand for, each once."""
    return list(dict.fromkeys(token.value for token in cut if token.kind == kind))


_MATTER = {"rest", "place", "group", "matter", "topic", "category", "organiser", "status", "others", "less", "except"}


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
