"""From a question to an intent and its slots, by the words of `phrases.yaml` and the rules of `intents.yaml`.

What is left over may be a person's name or the matter asked about; where it could change the answer, the question is
asked back.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache

from assistant.identity import Role
from assistant.planner.guess import contents, probabilities
from assistant.planner.items import Item, items_in, lessened, multiplied
from assistant.planner.names import may_be_name, people_in
from assistant.planner.surveys import Survey, survey_in
from assistant.planner.times import times_in
from assistant.planner.words import NO_PLACES, SURNAMES, Token, phrases, plain, tokens, values

_FIELD = {"hours", "topic", "title", "credit", "category", "organiser", "status"}
_RANKS = (Role.TEACHER, Role.SCHOOL_ADMIN, Role.TOWN_ADMIN, Role.COUNTY_ADMIN, Role.CITY_ADMIN)
# How probable an intent must be where words are left over, and to be offered; chosen on the tuning cases.
_SURE, _LIKELY, _FOREIGN = 0.4, 0.15, 0.85
_SHORT = 4  # characters
OWN = ""  # among the units named: the asker's own
# What says nothing without what was spoken of: 再查一下, 我的, 第二个, 这个呢.
_POINTING = {"list", "self", "take", "top", "why", "others"}
_THIS = ("那个", "这个", "那", "这", "哪个", "对吧", "不对")
_SUCH = ("这样", "那样", "这门", "那门", "这门课", "那门课", "这种", "那种")
_SOON = {"这个月", "本月", "当月", "这周", "本周", "这星期", "这个星期", "月底"}
_BY_NOW = ("have", "records", "list", "not_counted")
_VAGUE = (*_THIS, "吗", "弄", "情况")  # 还有吗, 帮我弄一下
_CHANGES = ("进步", "退步", "涨了", "升了", "降了", "变化")
_LEFT_OVER = {"rest", "place", "group", "id"}
_NUMBERED = ("编号", "工号", "号码")
# What turns a what-if into another question: less of it, its refusal, another rule, a goal instead of an amount.
_TWISTS = {"times", "goal", "less", "not_counted", "status", "rule", "except"}


class Intent(StrEnum):
    """What is wanted."""

    GAP = "gap"
    WHY = "why"
    LIST = "list"
    HISTORY = "history"
    WHAT_IF = "what_if"
    PLAN = "plan"
    POLICY = "policy"
    UNIT = "unit"
    UNCLEAR = "unclear"
    FOREIGN = "foreign"


# What the rules are overruled in by the likeness to examples, and how probable it must make another intent; only one
# that needs nothing more said.
_DOUBTED = {
    Intent.UNCLEAR: 0.5,
    Intent.FOREIGN: 0.7,
    Intent.POLICY: 0.75,
    Intent.GAP: 0.85,
    Intent.LIST: 0.85,
    Intent.HISTORY: 0.85,
    Intent.PLAN: 0.85,
}
_BESIDE = 0.2  # as probable at most may what the rules say then be
_ALONE = (Intent.LIST, Intent.HISTORY)  # of one person
_READY = {Intent.GAP, Intent.PLAN, Intent.LIST, Intent.WHY, Intent.HISTORY}


@dataclass(frozen=True)
class Reading:
    """A question as understood. `people`: the names or numbers of those it is about, if not oneself.

    `span`: first and last day of a part of a year. `units`: places as they are named. `rest`: what no phrase explains;
    `kinds`: the kinds of thing asked for; `domain`: a word of the field is in it; `assumes`: hours that aren't there
    yet. `likely`: intents to offer where none is sure, likeliest first.
    """

    question: str
    intent: Intent
    years: Sequence[int] = ()
    span: tuple[date, date] | None = None
    categories: Sequence[str] = ()
    organisers: Sequence[str] = ()
    statuses: Sequence[str] = ()
    people: Sequence[str] = ()
    items: Sequence[Item] = ()
    units: Sequence[str] = ()
    survey: Survey | None = None
    rest: Sequence[str] = ()
    kinds: frozenset[str] = frozenset()
    domain: bool = True
    assumes: bool = False
    likely: Sequence[str] = ()

    @property
    def year(self) -> int | None:
        """The first year named."""
        return self.years[0] if self.years else None


def read(question: str, today: date, role: Role = Role.TEACHER, places: Mapping[str, str] = NO_PLACES) -> Reading:
    """What the question wants. Never fails: what can't be understood has an intent of its own.

    `role`: who asks. `places`: names of units around the asker, by how they may be said, with their paths.
    """
    cut = _without_soon([_of_whom(token, role) for token in tokens(question, places)], today)
    people, times, items = people_in(cut), times_in(cut, today), items_in(cut)
    kinds = {token.kind for token in cut}
    if items:
        kinds = (kinds | {"hours"}) - {"number"}
    signs = _signs(cut, kinds, people, items) | ({"manager"} if role is not Role.TEACHER else set())
    signs |= {"years"} if len(times.years) > 1 else set()
    signs |= ({"odd", "vague"} if times.vague else set()) | ({"part"} if times.span else set())
    intent, sure = _settled(cut, signs, people)
    years, units = times.years, _units(cut, role)
    if intent is Intent.UNIT and "compare" in kinds and len(years) == 1 and years[0] != today.year:
        years = [today.year, *years]
    return Reading(
        question=question,
        intent=intent,
        years=years,
        span=times.span,
        categories=values(cut, "category"),
        organisers=values(cut, "organiser"),
        statuses=values(cut, "status"),
        people=people,
        items=items or (),
        units=units,
        survey=survey_in(cut, kinds, len(units)) if intent is Intent.UNIT else None,
        rest=[token.text for token in cut if token.kind in _LEFT_OVER and token.text not in people],
        kinds=_kinds(question),
        domain=bool(kinds & _FIELD) or "phone" in _kinds(question),
        assumes="what_if" in kinds or {"more", "hours"} <= kinds,
        likely=sure,
    )


def _without_soon(cut: Sequence[Token], today: date) -> Sequence[Token]:
    """A what-if without a time that is still to come this year (下个月再上8学时校本): it changes nothing."""
    if not {token.kind for token in cut} & {"what_if", "more"} or any(token.kind in _BY_NOW for token in cut):
        return cut
    soon = _SOON | ({"下个月"} if today.month < 12 else set())
    return [token for token in cut if token.kind not in ("month_ago", "vague_time") or token.text not in soon]


def _of_whom(token: Token, role: Role) -> Token:
    """A teacher has no unit to speak of: 我这边 is the teacher alone."""
    alone = role is Role.TEACHER and token.kind == "own_unit" and token.value == "own" and token.text.startswith("我")
    return token._replace(kind="self") if alone else token


def _settled(cut: Sequence[Token], signs: set[str], people: Sequence[str]) -> tuple[Intent, Sequence[str]]:
    """The intent, and where none is sure those to offer, likeliest first."""
    intent, offered = _likeliest(cut, signs, people)
    uncounted = intent is Intent.UNIT and _uncounted(cut, signs)
    return (Intent.UNCLEAR, ()) if uncounted or (intent in _ALONE and _of_many(signs)) else (intent, offered)


def _of_many(signs: set[str]) -> bool:
    """Whether an administrator who says nobody may mean all teachers: 历年达标情况, 被驳回的有哪些老师."""
    return "manager" in signs and not signs & {"self", "person"} and bool(signs & {"history", "by_level", "own_unit"})


def _uncounted(cut: Sequence[Token], signs: set[str]) -> bool:
    """Whether a unit is asked about as nothing is counted: of a group or a kind of school, by a number of hours, who
    took no part or whose records wait or were rejected, how each has changed, how it stood in a part of a year.
    """
    limited = "odd" in signs and signs & (
        {"group", "stage"} if "about_money" in signs else {"group", "stage", "except"}
    )
    absent = any(token.kind == "less" and token.text[0] in "没不" for token in cut)
    by_status = set(values(cut, "status")) - ({"待审核"} if "people" in signs else set())
    changed = "by_level" in signs and any(token.text in _CHANGES for token in cut)
    # 这个月还有谁没达标: who lacks hours lacks them now.
    now = any(token.kind == "month_ago" and token.text in _SOON for token in cut)
    lacking = any(token.kind == "gap" and token.text[0] in "没未还差缺欠" for token in cut)
    part = "part" in signs and not (now and lacking)
    return "manager" in signs and bool(limited or absent or by_status or changed or part)


def _likeliest(cut: Sequence[Token], signs: set[str], people: Sequence[str]) -> tuple[Intent, Sequence[str]]:
    """What the rules say, or the likeness to examples where that is surer.

    What is left over may be chatter: it is passed over where the rules without it and the likeness to the examples say
    the same, and asked back where they don't.
    """
    first = _intent(signs | {"spare"} if signs & {"odd", "named"} else signs)
    if first is Intent.FOREIGN and _points(cut):
        return Intent.UNCLEAR, ()
    if first not in _DOUBTED or "bare" in signs or (first is Intent.HISTORY and "years" in signs):
        return first, ()
    chances = probabilities(cut, people)
    likeliest = Intent(next(iter(chances)))
    vetoed = signs & {"odd", "named", "part", "what_if"} or _contradicted(likeliest, signs)
    if first is Intent.UNCLEAR and not signs & {"odd", "named"}:
        bold = _intent(signs - {"spare"})
        if bold not in (Intent.UNCLEAR, Intent.FOREIGN, Intent.POLICY) and chances[bold] >= _SURE:
            return bold, ()
    ready = likeliest in _READY or (likeliest is Intent.UNIT and "manager" in signs)
    if ready and not vetoed and chances[likeliest] >= _DOUBTED[first] and chances.get(first, 0) <= _BESIDE:
        return likeliest, ()
    if likeliest is Intent.FOREIGN and chances[likeliest] >= _FOREIGN and not vetoed:
        return likeliest, ()
    return first, [one for one, chance in chances.items() if chance >= _LIKELY] if first is Intent.UNCLEAR else ()


def _contradicted(intent: Intent, signs: set[str]) -> bool:
    """Whether words of a question speak against an intent that it is like."""
    against = {
        Intent.GAP: {"organiser", "pieces"} | ({"more"} if "hours" in signs else set()),
        Intent.LIST: {"gap"},
        Intent.HISTORY: {"records"},
        Intent.UNIT: {"person"},
        Intent.FOREIGN: {"person", "credit", "hours", "category", "organiser", "status", "gap"},
    }
    return bool(signs & against.get(intent, set()))


def _points(cut: Sequence[Token]) -> bool:
    """Whether a question only points at something (那个弄好了没) or hardly says anything (改一下)."""
    left = "".join(token.text for token in cut if token.kind == "rest")
    if not left:
        words = [token.text for token in cut if token.kind != "stop"]
        return any(token.kind in _POINTING for token in cut) or any(word in _VAGUE for word in words)
    if cut[-1].text in _THIS:
        return True  # 刚才说的那个
    short = sum(len(token.text) for token in cut) <= _SHORT and any(token.kind in ("filler", "why") for token in cut)
    return len(left) <= 2 and (short or cut[0].text in _THIS or any(token.kind == "top" for token in cut))


def _units(cut: Sequence[Token], role: Role) -> list[str]:
    """The units named, by their paths where they are known; one above the asker's own as it is said."""
    named = [token.value or token.text for token in cut if token.kind == "place"]
    levels = [(token.value, token.text) for token in cut if token.kind == "own_unit" and token.value != "own"]
    if role is Role.TEACHER:
        return named
    above = [text for level, text in levels if _RANKS.index(level) > _RANKS.index(role)]
    own = [OWN] if named and levels and not above and any(token.kind in ("rate", "compare") for token in cut) else []
    return [*own, *above, *named]


@cache
def _rules() -> Sequence[tuple[Intent, set[str], set[str], set[str], set[str]]]:
    return [
        (Intent(rule["to"]), *(set(rule.get(key, ())) for key in ("all", "any", "and", "none")))  # type: ignore[misc]
        for rule in contents("intents")["rules"]
    ]


def _intent(signs: set[str]) -> Intent:
    """The first rule that fits: of two that do, the one that says more comes first."""
    for intent, every, some, more, none in _rules():
        if every <= signs and (not some or some & signs) and (not more or more & signs) and not none & signs:
            return intent
    return Intent.FOREIGN


def _signs(cut: Sequence[Token], kinds: set[str], people: Sequence[str], items: Sequence[Item] | None) -> set[str]:
    """What the rules go by: the kinds of words, and what only several words together tell."""
    if "goal" in kinds and "what_if" not in kinds:
        kinds = kinds | {"gap"}  # 修够了吗 asks for the gap; 如果修够 sets a goal
    counts = "count" in kinds and kinds & {"self", "credit", "category", "organiser", "status"}
    alone = {"self", "credit"} <= kinds and not kinds & {"rule", "policy", "each", "list", "records"}
    alone = alone or {"year", "credit"} <= kinds <= {"year", "credit", "category", "filler", "stop"}  # 今年的学时
    matter = any(token.kind == "topic" and token.text not in phrases()["general"] for token in cut)
    said = "".join(token.text for token in cut)
    measures = phrases()["measures"]
    signs = {
        "person": people,
        "items": items,
        "unit": "place" in kinds,
        "standing": kinds & {"gap", "have"} or alone or counts,
        "listed": kinds & {"records", "status"} or ("list" in kinds and kinds & {"self", "credit"}),
        "spare": "rest" in kinds and not people,
        "odd": _odd(cut, kinds, people),
        "named": _named(cut, people),
        "twist": kinds & (_TWISTS - {"less"}) or lessened(cut) or (items and multiplied(cut)),
        "done": any(token.kind == "have" and "了" in token.text for token in cut),
        "unheeded": matter and not kinds & {"self", "year", "category"},
        "bare": ("policy" in kinds and kinds <= {"policy", "have", "filler", "stop"} and len(cut) < 3)
        or _is_a_word(cut)
        or (kinds <= {"topic", "credit", "list", "filler", "stop"} and any(t.text in _THIS[:2] for t in cut))
        or (len(cut) < 6 and kinds <= {"hours", "policy", "filler", "stop"} and any(t.text in _SUCH for t in cut[:1])),
        "bare_gap": kinds <= {"gap", "filler", "policy", "stop"},
        "pending_through": kinds & {"what_if", "approved"} and _pending(cut, kinds),
        "about_money": any(word in said for word in measures["ratio"]),
        "about_reach": any(word in said for word in measures["coverage"]),
    }
    return kinds | {sign for sign, there in signs.items() if there}


def _pending(cut: Sequence[Token], kinds: set[str]) -> bool:
    """Whether what is assumed to be approved waits for it: said so, or nothing else is said (要是都通过了)."""
    others = {"status", "hours", "number", "top", "take", "more", "category", "organiser"}
    return values(cut, "status") == ["待审核"] or ({"what_if", "approved"} <= kinds and not kinds & others)


def _is_a_word(cut: Sequence[Token]) -> bool:
    """Whether all that is said is one word that asks nothing: 学时, 培训, 专业."""
    words = [token for token in cut if token.kind != "stop"]
    return len(words) == 1 and (words[0].kind in ("category", "organiser") or words[0].text in phrases()["general"])


def _odd(cut: Sequence[Token], kinds: set[str], people: Sequence[str]) -> bool:
    """Whether something is said that no part of the answer would heed, and that changes it: a number, a group."""
    text, specific = "".join(token.text for token in cut), phrases()["specific"]
    matters = any(token.kind == "topic" and token.text not in phrases()["general"] for token in cut)
    # Beside a verdict a number is somebody's belief (够90了吧), which the answer sets right.
    amounts = "number" in kinds and (kinds & {"what_if", "more", "take"} or not kinds & {"gap", "goal", "have"})
    limited = (
        bool(amounts)
        or {"apart", "hours"} <= kinds
        or "%" in text
        or ("number" in kinds and any(word in text for word in _NUMBERED))
        or "except" in kinds
        or ("stage" in kinds and kinds & {"own_unit", "by_level", "rate", "people", "rank"})
        or ("group" in kinds and not people)
    )
    return bool(limited) or matters or ("rest" in kinds and not people and any(word in text for word in specific))


def _named(cut: Sequence[Token], people: Sequence[str]) -> bool:
    """Whether a word left over, or the first word of a question without "I", may be somebody's name."""
    if people or any(token.kind == "self" for token in cut):
        return False
    left = [token.text for token in cut if token.kind == "rest"]
    if any(may_be_name(text) or (text.isascii() and text.isalpha()) for text in left):
        return True
    first = cut[0].text if cut and cut[0].kind == "filler" else ""
    return len(first) > 1 and first[0] in SURNAMES and first[0] not in "年那" and first != "全部"


def _kinds(question: str) -> frozenset[str]:
    text = re.sub("[好这那前近过]几", "", plain(question))  # 这几年 asks for no number
    return frozenset(kind for kind, listed in phrases()["kinds"].items() if any(one in text for one in listed))
