"""The time that a question is about: years, or a stretch of days."""

import re
from calendar import monthrange
from collections.abc import Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import NamedTuple

from assistant.figures import numeral
from assistant.planner.words import Token

_FIRST_YEAR, _AHEAD = 1970, 10
_MOST_YEARS = 5
_UNTIL_NOW = ("至今", "到现在", "截至目前", "截止目前", "到目前", "目前为止")
_PARTS = ("month", "month_ago", "span", "day", "months")
_EDGE = re.compile("[之以]?[前后]$|左右")
_FROM = ("从", "自", "自从")
_RECENT = 2015  # from here on two digits are a year (22年), before they may be a number of years


class Times(NamedTuple):
    """`years` in the order said; `span`: first and last day of a part of a year. `vague`: a time that is neither."""

    years: Sequence[int] = ()
    span: tuple[date, date] | None = None
    vague: bool = False


def times_in(cut: Sequence[Token], today: date) -> Times:
    """The years or days that a question names; of a stretch of years the latest first."""
    kinds = {token.kind for token in cut}
    years = _years(cut, today.year)
    year = years[0] if years else today.year
    sane = all(_FIRST_YEAR <= one <= today.year + _AHEAD for one in years) and len(years) <= _MOST_YEARS
    spans = _spans(cut, today, year if sane else today.year)
    odd = any(token.kind == "short_year" and 2000 + int(token.value) not in years for token in cut)
    # Before or after a month: whether it is part of it, nobody can tell.
    edged = any(one.kind in _PARTS and _EDGE.match(after.text) for one, after in pairwise(cut))
    vague = ("vague_time" in kinds and not spans) or odd or not sane or edged or (bool(spans) and len(years) > 1)
    if not spans or vague:
        return Times(years, None, vague)
    return Times(
        years, (spans[0][0], spans[-1][1]), spans[0][0] > spans[-1][1] or (len(spans) > 1 and not _joined(cut))
    )


def _years(cut: Sequence[Token], this_year: int) -> list[int]:
    found: list[int] = []
    for place, token in enumerate(cut):
        if token.kind == "year":
            year = _year(token.value, this_year)
            before = cut[place - 1].text if place else ""
            if found and found[-1] < year and (token.text in _UNTIL_NOW or before in ("到", "至", "-", "~", "—")):
                found[-1:] = range(year, found[-1] - 1, -1)
            elif place + 1 < len(cut) and cut[place + 1].kind == "since" and year < this_year:
                found += range(this_year, year - 1, -1)
            else:
                found.append(year)
        elif token.kind == "short_year" and _RECENT <= 2000 + int(token.value) <= this_year + 1:
            found.append(2000 + int(token.value))
        elif token.kind == "last_years":
            found += range(this_year, this_year - token.value, -1)
        elif token.kind == "former_years":
            found += range(this_year - 1, this_year - token.value - 1, -1)
    return list(dict.fromkeys(found))


def _year(said: int | str, this_year: int) -> int:
    """A year from what a phrase stands for (-1: last year) or from its digits."""
    if isinstance(said, int):
        return this_year + said
    return int(said) if said[0].isdigit() else int(numeral(said) or 0)


def _spans(cut: Sequence[Token], today: date, year: int) -> list[tuple[date, date]]:
    """The stretches named, in order. A month said as a limit (截至10月底) begins with its year, 以来 ends today."""
    found: list[tuple[date, date]] = []
    for place, token in enumerate(cut):
        after = cut[place + 1] if place + 1 < len(cut) else None
        if after and after.text == "了":
            continue  # 都十一月了: the day on which it is asked
        if found and (token.kind == "since" or token.text in _UNTIL_NOW) and cut[place - 1].kind in _PARTS:
            found[-1] = found[-1][0], today
        if token.kind == "span":
            first, last = str(token.value).split("/")
            found.append((date.fromisoformat(f"{year}-{first}"), date.fromisoformat(f"{year}-{last}")))
        elif token.kind == "month_ago":
            first_day = today.replace(day=1)
            for _ in range(-token.value):
                first_day = (first_day - timedelta(days=1)).replace(day=1)
            found.append(_month(first_day.year, first_day.month))
        elif token.kind == "day":
            month, day = (_number(part) for part in re.split("[月日号]", token.value)[:2])
            if 1 <= month <= 12 and 1 <= day <= monthrange(year, month)[1]:
                found.append((date(year, month, day), date(year, month, day)))
            else:
                found.append((date.max, date.min))  # there is no such day
        elif token.kind == "months":
            found += [_month(year, _number(char)) for char in token.value[:2]]
        elif token.kind == "month":
            span = _month(year, _number(token.value[:-1]))
            until = place > 0 and cut[place - 1].kind == "until" and not any(one.kind == "month" for one in cut[:place])
            begins = place > 0 and cut[place - 1].text in _FROM
            found.append((date(year, 1, 1), span[1]) if until else (span[0], today) if begins else span)
    return found


def _number(said: str) -> int:
    return int(said) if said.isdigit() else int(numeral(said) or 0)


def _month(year: int, month: int) -> tuple[date, date]:
    return date(year, month, 1), date(year, month, monthrange(year, month)[1])


def _joined(cut: Sequence[Token]) -> bool:
    """Whether two months are said as a stretch: 1月到6月."""
    places = [place for place, token in enumerate(cut) if token.kind in _PARTS]
    between = cut[places[0] + 1 : places[-1]]
    return len(places) <= 2 and all(token.text in "到至-~—" for token in between)
