"""Answers as Markdown, for chat clients that show nothing else: the text, its tables, its citations as footnotes.

Footnotes are a plain list: clients disagree on `[^1]`, and to CommonMark it is a link. Whatever is read as markup by
chance is escaped, so that a record's title can't become a link, a picture or a formula.
"""

import re
from collections.abc import Iterator

from assistant.answer import Answer, Citation, Outcome, Table

_MARK = re.compile(r"\[\^(\d+)\]")
_MARKUP = re.compile(r"([\\`*_{}\[\]<>|~$!#])")
_RECEIPT = re.compile(r"/answers/(a[\w-]{16})(?![\w-])")


def markdown(answer: Answer, site: str) -> str:
    """An answer as Markdown. `site`: the address that links begin with."""
    return "\n\n".join(_blocks(answer, site))


def receipt(said: str) -> str | None:
    """The id of the answer that a text claims to be; whose it is, and whether it is one, has to be looked up."""
    found = _RECEIPT.findall(said)
    return found[-1] if found else None


def _blocks(answer: Answer, site: str) -> Iterator[str]:
    yield _MARK.sub(r"[\1]", _inert(answer.text))
    for table in answer.tables:
        yield _table(table, site)
    if answer.outcome is Outcome.CLARIFY and answer.suggestions:
        yield "\n".join(f"- {_inert(one)}" for one in answer.suggestions)
    # What only the calculation cites is in the receipt, where the calculation is.
    marks = _MARK.findall(answer.text)
    if notes := [_footnote(one, site) for one in answer.citations if one.id in marks or not marks]:
        yield "依据\n\n" + "\n".join(notes)
    yield f"凭据：<{site}/answers/{answer.id}>"


def _inert(said: str) -> str:
    """A text without markup, but for its marks of citations."""
    cut = _MARK.split(said)  # text, number, text, …
    return "".join(f"[^{part}]" if place % 2 else _MARKUP.sub(r"\\\1", part) for place, part in enumerate(cut))


def _line(said: str) -> str:
    """A text on one line, without any markup."""
    return _MARKUP.sub(r"\\\1", " ".join(said.split()))


def _table(table: Table, site: str) -> str:
    lines = [f"{_line(table.caption)}", "", _row(table.columns), "|" + "---|" * len(table.columns)]
    lines += map(_row, table.rows)
    more = f"共 {table.total_rows} 行，这里是前 {len(table.rows)} 行。" if table.total_rows > len(table.rows) else ""
    if table.export_url:
        more += f"[下载全部]({site}{table.export_url})"
    return "\n".join([*lines, "", more] if more else lines)


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(map(_line, cells)) + " |"


def _footnote(one: Citation, site: str) -> str:
    number = f"（{one.number}）" if one.number else ""
    digest = "（摘要）" if one.text == "digest" else ""
    where = _line(f"《{one.title}》{number}{one.locator}")
    return f"- [{one.id}] [{where}](<{site}{one.url}>){digest}：“{_line(one.quote)}”"
