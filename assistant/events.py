"""What happens while a question is being answered, as whoever asked may see it. The answer itself comes last."""

import re
from dataclasses import dataclass

_DOING = {
    "calculate_hours": "正在核算学时",
    "check_compliance": "正在统计达标情况",
    "list_records": "正在查看学时记录",
    "query_records": "正在查询数据",
    "search_policy": "正在查找政策条款",
}


@dataclass(frozen=True, slots=True)
class Status:
    """What is being done, to be shown until something else is."""

    text: str


@dataclass(frozen=True, slots=True)
class Text:
    """The next part of the answer's text, proven, citations numbered."""

    part: str


@dataclass(frozen=True, slots=True)
class Replaced:
    """The text so far is withdrawn; another takes its place from its beginning."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Nothing has happened for a moment: whoever listens may stop."""


def doing(tool: str) -> Status:
    """What is said while a tool runs, whatever it is called with."""
    return Status(_DOING.get(tool, "正在查找"))


def parts(text: str) -> list[str]:
    """A text cut behind its sentences; all of it, white space included."""
    return re.findall(r".*?[。！？；\n]+(?:\[\^\d+\])*|.+", text, re.DOTALL)
