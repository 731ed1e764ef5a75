"""Whether a clause that was found answers the question: a score alone doesn't tell."""

from collections.abc import Sequence

from assistant.figures import figures
from assistant.planner.read import Reading
from assistant.planner.words import plain, subject
from assistant.results import Found
from assistant.retrieval.search import sentences

# Words that a limit is asked by, and words that say one: a floor never answers for a ceiling.
_CEILING = ("最多", "上限", "封顶", "不超过"), ("最多", "不超过", "上限")
_FLOOR = ("最少", "至少", "下限", "不少于"), ("不少于", "不低于", "至少", "最少", "以上")


def answers(reading: Reading, found: Found) -> bool:
    """Whether a clause speaks of the matter asked about, and its quote holds the kind of thing asked for."""
    question, quoted = plain(reading.question), plain(found.quote)
    units = {figure.unit for figure in figures(found.quote)}
    if "phone" in reading.kinds:
        return "电话" in quoted and _speaks_of(subject(question), quoted)
    if "number" in reading.kinds and not units - {"date"}:
        return False
    if "number" in reading.kinds and any(word in question for word in ("学时", "课时")) and "学时" not in units:
        return False
    if "time" in reading.kinds and not units & {"date", "年", "月", "日", "天", "个月"} and "年" not in quoted:
        return False
    named = [_NAMED[name] for name in (*reading.organisers, *reading.categories)]
    for asked, said in (_CEILING, _FLOOR):
        if any(word in question for word in asked):
            parts = [part for part in sentences(found.quote) if any(word in part for word in said)]
            if not any(all(any(word in part for word in words) for words in named) for part in parts):
                return False
    asked_figures = {figure.value for figure in figures(question)} - {reading.year}
    if not asked_figures <= {figure.value for figure in figures(found.clause.text)}:
        return False
    return _speaks_of(subject(question), plain(f"{found.clause.heading}{found.clause.text}"))


# How the texts of policies name who organises, and the categories.
_NAMED = {
    "国家级": ("国家级",),
    "省级": ("省级",),
    "市级": ("市级",),
    "市教研室": ("教研室",),
    "镇级": ("镇",),
    "校级": ("校本",),
    "公需科目": ("公需",),
    "专业科目": ("专业",),
    "个人选修科目": ("选修", "校本"),
}


def _speaks_of(matter: Sequence[str], text: str) -> bool:
    """Whether each part of the matter stands in the text, at least half of its pairs of characters."""
    return all(
        2 * sum(pair in text for pair in pairs) >= len(pairs)
        for pairs in ([part[at : at + 2] for at in range(len(part) - 1)] or [part] for part in matter)
    )
