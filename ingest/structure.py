"""Splitting a digest into clauses: its headings carry the numbers of the original, and the numbers make the locators.

A locator is the path of numbers in half-width parentheses, from the outermost: `附件1/四/(三)`. Text before the first
number of the document or of an attachment is `0`, text after its last clause `尾`. A heading without text is a clause
without text.
"""

import re
import unicodedata

from assistant.policy import Clause

_HEADING = re.compile(r"^(#{1,6})\s+(.+?)\s*$")
_NUMERAL = "[一二三四五六七八九十百]+"
_NUMBERS = [
    (re.compile(r"(附件\d*)[:：\s]*(.*)"), "{}"),
    (re.compile(rf"(第(?:{_NUMERAL}|\d+)[编章节条])\s*(.*)"), "{}"),
    (re.compile(rf"({_NUMERAL})、\s*(.*)"), "{}"),
    (re.compile(rf"[(（]({_NUMERAL})[)）]\s*(.*)"), "({})"),
    (re.compile(r"(\d+)[.．、]\s*(.*)"), "{}"),
    (re.compile(r"[(（](\d+)[)）]\s*(.*)"), "({})"),
]
TAIL = "尾"


def number(heading: str) -> tuple[str, str] | None:
    """The number of a heading as it stands in a locator, and the words after it; None where it has no number."""
    for pattern, form in _NUMBERS:
        if match := pattern.fullmatch(heading.strip()):
            return form.format(unicodedata.normalize("NFKC", match[1])), match[2]
    return None


def split(body: str) -> list[Clause]:
    """The clauses of a digest's body, in order. ValueError: which line is at fault, and why."""
    clauses: list[Clause] = []
    path: list[tuple[int, str]] = []  # the levels and numbers of the headings that we are inside of
    heading, text, locator = "", list[str](), "0"

    def close() -> None:
        content = "\n".join(line for line in text if line)
        if locator.split("/")[-1] == "0" and not content:
            return
        if any(clause.locator == locator for clause in clauses):
            raise ValueError(f"有两个条款的位置都是 {locator}")
        clauses.append(Clause(locator=locator, heading=heading, text=content))

    for row, line in enumerate(body.splitlines(), 1):
        match = _HEADING.match(line)
        if not match:
            text.append(line.strip())
            continue
        close()
        level, words = len(match[1]), match[2]
        while path and path[-1][0] >= level:
            path.pop()
        if words == TAIL:
            found: tuple[str, str] | None = (TAIL, "")
            # An attachment's tail stands beside its sections, the document's own at the outermost level.
            attachment = path[:1] if path and path[0][1].startswith("附件") else []
            path = attachment
        else:
            found = number(words)
        if found is None:
            raise ValueError(f"正文第 {row} 行的标题没有编号：{words}")
        path.append((level, found[0]))
        locator, heading, text = "/".join(part for _, part in path), found[1], []
        if found[0].startswith("附件"):
            # The attachment's heading is a clause of its own; what follows it belongs to its opening.
            close()
            locator, heading = f"{locator}/0", ""
    close()
    if not clauses:
        raise ValueError("没有任何条款")
    return clauses
