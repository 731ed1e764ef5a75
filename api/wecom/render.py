"""Answers that fit into WeCom's messages: the conclusion, the gap by category, up to three citations, a link.

Limits are bytes of UTF-8: 2,048 for an app's text and markdown (page 90236), 20,480 for a bot's (pages 101031, 101138).
Every figure and quote is the answer's own. What doesn't fit is left out whole, or cut behind a sentence, never inside a
figure. Text of records and names can't become a link, a mention or a colour.
"""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from assistant.answer import Answer, Calculation, Citation, Outcome, Projection, Table
from assistant.events import parts

APP, BOT = 2_048, 20_480  # bytes
_CITED = 3
_QUOTED = 48  # characters of a quote
_ROWS = 8
_BLOCKS = 10  # of a progress bar
_MORE = "……（未完，全文见链接）"
_MARK = re.compile(r"\[\^(\d+)\]")
_CUT_MARK = re.compile(r"\[\^?\d*$")
_CUT_FIGURE = re.compile(r"[\d.,%〇零一二两三四五六七八九十百千万]+$")
# What WeCom's markdown would make a link, a mention or a colour of.
_HARMLESS = str.maketrans({"<": "＜", ">": "＞", "`": "'", "*": "＊"})
# Characters of the card's fields (page 101032).
_DESCRIPTION, _BUTTON = 30, 10
_LINES, _BUTTONS = 6, 6
# What these say is said wholly: there is nothing more to look up.
_BARE = {Outcome.CLARIFY, Outcome.NOT_PERMITTED, Outcome.OUT_OF_SCOPE, Outcome.UNAVAILABLE}


def markdown(answer: Answer, url: str, most: int) -> str:
    """An answer as WeCom's markdown. `url`: of its receipt; `most`: bytes of UTF-8."""
    return _fitted(answer, f"[查看过程和依据]({url})", most, marked=True)


def text(answer: Answer, url: str, most: int) -> str:
    """An answer as plain text, for members on the WeChat plug-in, which shows no markdown. As `markdown`."""
    return _fitted(answer, f"过程和依据：{url}", most, marked=False)


def so_far(said: str, most: int) -> str:
    """The beginning of an answer that is still being made, as markdown within `most` bytes."""
    return cut(_harmless(_MARK.sub("", said)), most)


def cut(said: str, most: int) -> str:
    """A text within `most` bytes of UTF-8: behind a sentence, else between characters, never inside a figure."""
    if len(said.encode()) <= most:
        return said
    room, kept = most - len(_MORE.encode()), ""
    for part in parts(said):
        if len((kept + part).encode()) > room:
            break
        kept += part
    if not kept:
        kept = said.encode()[: max(room, 0)].decode(errors="ignore")
        kept = _CUT_FIGURE.sub("", _CUT_MARK.sub("", kept))
    return (kept.rstrip() + _MORE) if room >= 0 else ""


def progress_card(answer: Answer, url: str) -> dict[str, Any] | None:
    """A `text_notice` template card (page 101032) with the progress that was calculated; None: none was."""
    if answer.outcome is not Outcome.ANSWERED or (made := answer.calculation) is None or answer.projection:
        return None
    return {
        "card_type": "text_notice",
        "source": {"desc": "学时通"},
        "main_title": {
            "title": f"{made.from_:%Y-%m-%d} 至 {made.to:%m-%d}" if made.from_.year == made.to.year else "学时进度",
            "desc": _bar(made),
        },
        "emphasis_content": {"title": made.remaining, "desc": "还差学时"},
        "sub_title_text": f"已计入 {made.counted} 学时，要求 {made.required} 学时",
        "horizontal_content_list": [
            {"keyname": line.category, "value": _state(line.counted, line.required, line.shortfall)}
            for line in made.categories
            if line.required is not None
        ][:_LINES],
        "card_action": {"type": 1, "url": url},
    }


def choice_card(answer: Answer) -> dict[str, Any] | None:
    """A `button_interaction` card with the choices of a question asked back; their keys are their places from 0."""
    if answer.outcome is not Outcome.CLARIFY or not answer.suggestions:
        return None
    return {
        "card_type": "button_interaction",
        "source": {"desc": "学时通"},
        "main_title": {"title": "您想问的是"},
        "button_list": [
            {"text": _short(choice, _BUTTON), "style": 2, "key": str(place)}
            for place, choice in enumerate(answer.suggestions[:_BUTTONS])
        ],
        "task_id": answer.id,
    }


def chosen_card(choice: str, task_id: str, url: str) -> dict[str, Any]:
    """The card that takes the place of a card of choices once one is taken."""
    return {
        "card_type": "text_notice",
        "main_title": {"title": "已收到", "desc": _short(choice, _DESCRIPTION)},
        "sub_title_text": "答案随后发到这里。",
        "card_action": {"type": 1, "url": url},
        "task_id": task_id,
    }


def _fitted(answer: Answer, link: str, most: int, marked: bool) -> str:
    link = "" if answer.outcome in _BARE else link
    cited = answer.citations[:_CITED]
    beside = list(_beside(answer, marked))
    quotes = [_quoted(one) for one in cited]
    # The conclusion gives way to what stands beside it, down to half of the room.
    room = most - _size(link)
    head = cut(_harmless(answer.text), room - min(sum(map(_size, beside + quotes)), room // 2) - 2)
    room -= _size(head)
    blocks, shown = [head], set[str]()
    for block in beside:
        if _size(block) <= room:
            blocks.append(block)
            room -= _size(block)
    notes = []
    for one, quote in zip(cited, quotes, strict=True):
        if _size(quote) <= room:
            notes.append(quote)
            shown.add(one.id)
            room -= _size(quote)
    body = "\n\n".join(filter(None, [*blocks, "\n".join(notes), link]))
    # Marks only become shorter.
    return _MARK.sub(lambda mark: f"[{mark[1]}]" if mark[1] in shown else "", body)


def _size(block: str) -> int:
    """Bytes of a block and the empty line before it."""
    return len(block.encode()) + 2


def _beside(answer: Answer, marked: bool) -> Iterator[str]:
    """What stands beside the conclusion, most needed first."""
    states = [_gaps(made, marked) for made in (answer.calculation, answer.projection) if made]
    if states:  # in one: what is assumed never stands without what is
        yield "\n\n".join(states)
    if answer.outcome is Outcome.CLARIFY and answer.suggestions:
        yield "\n".join(f"{place}. {_harmless(one)}" for place, one in enumerate(answer.suggestions, 1))
    for table in answer.tables:
        yield _rows(table)


def _gaps(made: Calculation, marked: bool) -> str:
    """Of each category with a minimum, what counts, what is asked and what is missing; what is assumed has no bar."""
    bold, quote = ("**", "> ") if marked else ("", "")
    if isinstance(made, Projection):
        head, once = f"{bold}假设之后（不是现状）将计入 {made.counted} / {made.required} 学时{bold}", "假设之后"
    else:
        head, once = f"{bold}目前已计入 {made.counted} / {made.required} 学时{bold} {_bar(made)}", ""
    states = [
        f"{quote}{once}{_harmless(line.category)}：{_state(line.counted, line.required, line.shortfall, bool(once))}"
        for line in made.categories
        if line.required is not None
    ]
    return "\n".join([head, *states])


def _state(counted: str, required: str, shortfall: str, assumed: bool = False) -> str:
    will, done = ("将", "可达到") if assumed else ("", "已达到")
    return f"{counted} / {required}，" + (done if shortfall == "0" else f"{will}还差 {shortfall}")


def _bar(made: Calculation) -> str:
    """Progress in tenths, full only where nothing is missing."""
    required = Decimal(made.required)
    done = int((required - Decimal(made.remaining)) / required * _BLOCKS) if required else _BLOCKS
    done = max(0, min(done, _BLOCKS if made.met else _BLOCKS - 1))
    return "■" * done + "□" * (_BLOCKS - done)


def _rows(table: Table) -> str:
    """The first rows of a table, one a line."""
    lines = [f"{_harmless(table.caption)}（{'、'.join(map(_harmless, table.columns))}）"]
    lines += ["· " + "｜".join(_harmless(cell) for cell in row) for row in table.rows[:_ROWS]]
    if table.total_rows > _ROWS:
        lines.append(f"共 {table.total_rows} 行，其余见链接。")
    return "\n".join(lines)


def _quoted(one: Citation) -> str:
    number = f"（{one.number}）" if one.number else ""
    digest = "（摘要）" if one.text == "digest" else ""
    where = f"《{one.title}》{number}{one.locator}{digest}"
    return f"[^{one.id}] {_harmless(where)}：“{_short(_harmless(one.quote), _QUOTED)}”"


def _short(said: str, most: int) -> str:
    """At most so many characters, not cut inside a figure."""
    said = " ".join(said.split())
    return said if len(said) <= most else _CUT_FIGURE.sub("", said[: most - 1]) + "…"


def _harmless(said: str) -> str:
    return said.translate(_HARMLESS).replace("](", "]（")
