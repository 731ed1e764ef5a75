"""Names of people in a text: nobody is named whom neither a result nor the question names.

What looks like a name, by its surname, is looked up among all teachers, whoever asks: the text is refused for naming
somebody, never told why. A teacher whose name is an everyday word of answers (高中, 安全) is not told from the word.
"""

import re
from collections.abc import Iterator
from functools import cache

from assistant.planner.words import DOUBLE_SURNAMES, SURNAMES, phrases

_HAN = re.compile(r"[\u3400-\u9fff·]+")
_LONGEST = 4  # characters of a name written without a dot
# Words of answers that questions don't use.
_OTHERS = [
    "年您",
    "全额",
    "已计入",
    "未计入",
    "计入",
    "还差",
    "要求",
    "不少于",
    "核算",
    "期间",
    "合计",
    "另有",
    "通过",
    "全部",
    "现有",
    "依据",
    "规则",
    "说明",
    "有效期",
    "结束",
    "后续",
    "沿用",
    "没有",
    "查到",
    "列在",
    "下面",
    "以上",
    "超出",
    "涉及",
    "驳回",
    "原因",
    "平均",
    "每周",
    "方案",
    "单位",
    "学校",
    "教师",
    "可以",
    "可能",
    "需要",
    "应当",
    "应该",
    "建议",
    "尽快",
    "向学",
    "核实",
    "管理员",
    "咨询",
    "部门",
    "附件",
    "条款",
    "适用于",
    "不能",
    "不会",
    "判断",
    "其他",
    "地方",
    "截至",
    "其中",
    "达标",
    "达到",
    "名单",
    "高于",
    "低于",
    "较高",
    "较低",
]


def candidates(text: str) -> Iterator[str]:
    """What may be a name in a folded text: a surname and what follows it, and names with a dot."""
    for run in _HAN.findall("".join(text.split())):
        for part in _without_words(run):
            yield from _in(part)


def _in(run: str) -> Iterator[str]:
    for at, char in enumerate(run):
        if char in SURNAMES or run.startswith(DOUBLE_SURNAMES, at):
            yield from (run[at : at + size] for size in range(2, _LONGEST + 1) if at + size <= len(run))
        if char == "·":
            before, after = run[:at].rpartition("·")[2], run[at + 1 :].partition("·")[0]
            yield from (f"{before[-n:]}·{after[:m]}" for n in range(1, 6) for m in range(1, 6))


def _without_words(run: str) -> Iterator[str]:
    """The parts of a row of characters that no everyday word explains, the longest word first at each place."""
    known, longest = _words()
    start = at = 0
    while at < len(run):
        size = next((n for n in range(longest, 1, -1) if run[at : at + n] in known), 0)
        if size:
            yield run[start:at]
            start = at = at + size
        else:
            at += 1
    yield run[start:]


@cache
def _words() -> tuple[frozenset[str], int]:
    """Words of two characters and more, and how long the longest is."""

    def flat(value: object) -> Iterator[str]:
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            yield from (one for part in value.values() for one in flat(part))
        elif isinstance(value, list):
            yield from (one for part in value for one in flat(part))

    known = frozenset(word for word in (*flat(phrases()), *_OTHERS) if 1 < len(word) < 9)
    return known, max(map(len, known))
