"""Whether a clause that was found answers the question: a score alone doesn't tell.

A clause must hold the kind of thing asked for (an amount in the unit asked, a date, a telephone number, conditions,
what follows) and every matter that the question hangs on. And it must be about the subject: its words stand in the
clause, these or others of the thesaurus for the same thing, or the clause is near in meaning and ahead of all others.
"""

import re
from collections.abc import Sequence

from assistant.figures import figures
from assistant.planner.read import Intent, Reading
from assistant.planner.words import phrases, plain, subject
from assistant.results import Found
from assistant.retrieval.search import sentences
from assistant.retrieval.thesaurus import groups_in

# How near the best clause must be, and how far ahead of the next in score, to be about the subject whatever its words;
# how far where an amount is asked for; how near at least, whatever the words. Chosen on evals/questions/tuning.yaml.
_NEAR, _AHEAD, _NUMBER_AHEAD = 0.4, 0.1, 0.3
_FARTHEST = 0.35

# Words that a limit is asked by, and words that say one: a floor never answers for a ceiling.
_CEILING = ("最多", "上限", "封顶", "不超过"), ("最多", "不超过", "上限")
_FLOOR = ("最少", "至少", "下限", "不少于"), ("不少于", "不低于", "至少", "最少", "以上")

# What is counted in a question, and the units that an answer to it may have.
_COUNTED = {
    "学时|课时|学分": {"学时", "课时", "学分"},
    "天|日子": {"天", "日", "周"},
    "元|钱|块": {"元", "%", "万"},
    "成|个点": {"%", "成"},
    "个(?!点)|名|人|位": {"个", "名", "人", "位", "项", "期", "批", "门", ""},
    "年": {"年"},
}
_ASKED = {re.compile(rf"(?:多少|(?<![好这那前近过])几)万?(?:{nouns})"): units for nouns, units in _COUNTED.items()}
_HOW_MANY = re.compile(r"(?:多少|几)[十百千万亿]*")
_EACH = re.compile("一(?=天|年|次|个|门|位|人|期|周|学时|课时|学分)")  # 一天多少钱 asks for each day, not for one
_CONDITION = re.compile(r"条件[：是为有]|须具备|应具备|年龄|教龄|以上职称|以上学历")
_OF_A_PLACE = re.compile(r"[\u4e00-\u9fff]{2,}[省市县区镇]")

# How the texts of policies name who organises, and the categories.
_NAMED = {
    "国家级": ("国家级", "国家和省", "国培"),
    "省级": ("省级", "省培"),
    "市级": ("市级",),
    "市教研室": ("教研室", "教研部门"),
    "镇级": ("镇",),
    "校级": ("校本", "校级"),
    "公需科目": ("公需",),
    "专业科目": ("专业",),
    "个人选修科目": ("选修", "校本"),
}


def answering(reading: Reading, found: Sequence[Found]) -> Found | None:
    """The first of the clauses found, best first, that answers the question; None: none does."""
    for number, one in enumerate(found[:2]):  # what comes third is seldom right, however well its words fit
        ahead = found[0].score - found[1].score if number == 0 and len(found) > 1 else 0.0
        if _holds_the_kind(reading, one) and _holds_the_matter(reading, one) and _is_about(reading, one, ahead):
            return one
    return None


def needs_attachment(reading: Reading, found: Found) -> bool:
    """Whether a clause only points to an attachment that the corpus lacks, and that is named for what is asked."""
    if "time" in reading.kinds or "附件" not in found.clause.text:
        return False
    matter = [part for part in subject(plain(reading.question)) if len(part) > 1]
    return any(_speaks_of(part, plain(title)) for part in matter for title in found.policy.absent)


def _holds_the_kind(reading: Reading, found: Found) -> bool:
    """Whether the quote holds the kind of thing that is asked for."""
    question, quoted, text = plain(reading.question), plain(found.quote), plain(found.clause.text)
    units = {figure.unit for figure in figures(found.quote)}
    kinds = reading.kinds
    if "phone" in kinds:
        return "电话" in quoted
    if "place" in kinds and not re.search(r"@|www\.|https?:", quoted):
        return False
    if "number" in kinds and not units - {"date"}:
        return False
    if "number" in kinds and re.search("学时|课时|学分", question) and not units & {"学时", "课时", "学分"}:
        return False
    if re.search("百分之几|比例|占比|几成|几个点", question) and "%" not in units:
        return False
    if "number" in kinds and any(asked.search(question) and not wanted & units for asked, wanted in _ASKED.items()):
        return False
    if "time" in kinds and not units & {"date", "年", "月", "日", "天", "个月"} and "年" not in quoted:
        return False
    if "condition" in kinds and not _CONDITION.search(text):
        return False
    outcomes = phrases()["outcomes"]
    if any(word in question for word in outcomes["asked"]) and not any(word in text for word in outcomes["said"]):
        return False
    return _holds_the_limit(reading, question, found)


def _holds_the_limit(reading: Reading, question: str, found: Found) -> bool:
    """Whether a limit that is asked for is said of what it is asked for."""
    named = [_NAMED[name] for name in (*reading.organisers, *reading.categories)]
    for asked, said in (_CEILING, _FLOOR):
        if any(word in question for word in asked):
            parts = [part for part in sentences(found.quote) if any(word in part for word in said)]
            if not any(all(any(word in part for word in words) for words in named) for part in parts):
                return False
    return True


def _holds_the_matter(reading: Reading, found: Found) -> bool:
    """Whether the clause has every figure, place, organiser, category and special matter of the question."""
    question, text = plain(reading.question), plain(f"{found.clause.heading}{found.clause.text}")
    asked_figures = {figure.value for figure in figures(_EACH.sub("", _HOW_MANY.sub("", question)))} - {reading.year}
    if not asked_figures <= {figure.value for figure in figures(found.clause.text)}:
        return False
    if not all(any(word in text for word in _NAMED[name]) for name in (*reading.organisers, *reading.categories)):
        return False
    known = f"{plain(found.policy.unit)}{plain(found.policy.title)}{text}"
    places = [name for name in phrases()["places"] if name in question]
    places += [match.group() for part in reading.rest for match in _OF_A_PLACE.finditer(part)]
    if any(name not in known for name in places):
        return False
    return all(_said(word, text) for word in phrases()["specific"] if word in question)


def _is_about(reading: Reading, found: Found, ahead: float) -> bool:
    """Whether a clause is about the subject: `ahead` is its lead in score over the next."""
    question = plain(reading.question)
    if not reading.domain and not groups_in(question):
        return False
    if found.near is not None and found.near < _FARTHEST:
        return False
    if (found.near or 0) >= _NEAR and ahead >= (_NUMBER_AHEAD if "number" in reading.kinds else _AHEAD):
        return True
    matter = subject(question)
    if reading.intent is Intent.FOREIGN and len(matter) < 2:
        return False
    text = plain(found.quote if "phone" in reading.kinds else f"{found.clause.heading}{found.clause.text}")
    return all(_speaks_of(part, text) for part in matter)


def _speaks_of(part: str, text: str) -> bool:
    """Whether a part of the subject stands in the text: half of its pairs of characters, or other words for it."""
    pairs = [part[at : at + 2] for at in range(len(part) - 1)] or [part]
    return 2 * sum(pair in text for pair in pairs) >= len(pairs) or _said(part, text)


def _said(word: str, text: str) -> bool:
    """Whether the text has a word, or another for the same thing."""
    return word in text or any(other in text for group in groups_in(word) for other in group.other)
