"""What is asked of a unit: by which level, whom alone, in which order, how many, of money or of reach."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from assistant.figures import numeral
from assistant.planner.words import Token, phrases, values

_OF_CATEGORIES = ("哪一科", "哪科", "哪类", "哪一类", "哪个科目", "哪种科目", "哪块", "哪方面")


class Survey(NamedTuple):
    """What is asked of a unit: by which level, whom alone, in which order, how many; of money or reach, as a file."""

    level: str | None = None
    only: str | None = None
    order: str | None = None
    top: int | None = None
    about: str | None = None
    export: bool = False


def survey_in(cut: Sequence[Token], kinds: set[str], units: int) -> Survey:
    """What is asked of a unit."""
    levels, orders = values(cut, "by_level"), values(cut, "rank")
    tops = [number for token in cut if token.kind == "top" if (number := _number(token.text))]
    said = "".join(token.text for token in cut)
    abouts = [name for name, words in phrases()["measures"].items() if any(word in said for word in words)]
    about = abouts[0] if len(abouts) == 1 else "both" if abouts else None
    if tops and not orders and any(token.text.startswith("倒数") for token in cut if token.kind == "top"):
        orders = ["lowest_rate"]  # 倒数三所学校
    if any(word in said for word in _OF_CATEGORIES) and not levels:
        orders = []  # 哪一科缺得最多: every category is told
    level = levels[0] if levels and ((units < 2 and not about) or levels[0] != "teacher") else None
    if level is None and (kinds & {"list", "records", "export", "no_records"}) and "people" not in kinds and not about:
        level = "teacher"
    if level is None and ("people" in kinds or "有几" in said) and "category" in kinds:
        level = "teacher"  # whoever lacks hours of a category is counted one by one
    if level is None and orders and "compare" not in kinds:
        of_people = (
            "title" in kinds
            or orders[0] == "most_counted"
            or any(t.text[-1:] in "人位名" for t in cut if t.kind == "top")
        )
        level = "teacher" if of_people else "school"
    if about == "coverage" and level is None and "校本" in said:
        level = "school"  # it is schools that the rule holds for
    order = orders[0] if orders else None
    only = _only(cut, kinds) if level == "teacher" else None
    return Survey(level, only, order, tops[0] if tops else None, about, "export" in kinds)


def _only(cut: Sequence[Token], kinds: set[str]) -> str | None:
    """Which teachers are meant: those who are short, unless others are said."""
    if "no_records" in kinds:
        return "no_records"
    if "rank" in kinds:
        return "short" if "least_remaining" in values(cut, "rank") else None
    verdicts = [(place, token) for place, token in enumerate(cut) if token.kind in ("gap", "goal")]
    if not verdicts:
        return None
    place, token = verdicts[-1]
    negated = place > 0 and cut[place - 1].text in ("没", "没有", "未", "不", "还没", "都没")
    all_of_them = any(one.text == "都" for one in cut) and any(one.text == "吗" for one in cut)
    met = token.kind == "goal" or token.value == "met"
    return "met" if met and not negated and not all_of_them else "short"


def _number(text: str) -> int | None:
    digits = re.sub(r"[前后倒数名位个所家人]", "", text)
    if len(digits) == 2 and set(digits) <= set("两二三四五六七八九"):
        return None  # 两三个 is no number
    value = int(digits) if digits.isdigit() else numeral(digits) if digits else None
    return int(value) if value else None
