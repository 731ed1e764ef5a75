"""What a run of cases amounts to: shares by group and split, the gate, and the same as JSON and as a page."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from assistant.answer import Outcome
from evals.case import SPLITS, Split
from evals.proof import Kind
from evals.run import Result

LEVELS = Path(__file__).parent / "levels.yaml"
# What no answer may ever be.
NEVER = (Kind.NUMBER, Kind.LEAK, Kind.CITATION)
_BAR = 18  # pixels that a bar is high
_LABEL, _WIDE = 220, 400  # pixels that a label takes, and that a full bar is long


class Tally(NamedTuple):
    """How the cases of a group and a split came out; `never` counts those with each of NEVER."""

    group: str
    split: Split
    cases: int
    passed: int
    asked_back: int
    never: Mapping[Kind, int]

    @property
    def share(self) -> str:
        """Passed of all, cut to a tenth of a percent, so that not quite all never looks like all."""
        whole, part = divmod(self.passed * 1000 // self.cases, 10)
        return f"{whole}.{part}%"


@dataclass(frozen=True)
class Report:
    """Results and their tallies: by group and split, then in all by split."""

    results: Sequence[Result]
    groups: Sequence[Tally]
    totals: Sequence[Tally]

    @property
    def failures(self) -> list[Result]:
        """What didn't pass, to be looked at; of test cases only if they were asked for: seen, they test no more."""
        splits = {result.case.split for result in self.results}
        shown = "tuning" if "tuning" in splits else "test"
        return [result for result in self.results if not result.passed and result.case.split == shown]

    @property
    def unseen(self) -> int:
        """How many failures of test cases aren't shown."""
        return sum(not result.passed for result in self.results) - len(self.failures)


def report(results: Sequence[Result]) -> Report:
    """The report on results."""
    groups = dict.fromkeys(result.case.group for result in results)
    by_group = [
        _tally(group, split, [one for one in results if one.case.group == group])
        for group in groups
        for split in SPLITS
    ]
    totals = [_tally("合计", split, results) for split in SPLITS]
    return Report(results, [one for one in by_group if one.cases], [one for one in totals if one.cases])


def _tally(group: str, split: Split, results: Iterable[Result]) -> Tally:
    own = [result for result in results if result.case.split == split]
    return Tally(
        group,
        split,
        len(own),
        sum(result.passed for result in own),
        sum(bool(result.answer and result.answer.outcome is Outcome.CLARIFY) for result in own),
        {kind: sum(result.has(kind) for result in own) for kind in NEVER},
    )


def below(made: Report, path: Path = LEVELS) -> list[str]:
    """Why the gate stays shut, a line each; none: it opens.

    Every group has to reach the share of its split in the file; one that isn't there, all of it.
    """
    levels: Mapping[str, Mapping[str, Any]] = yaml.safe_load(path.read_text("utf-8")) or {}
    said = []
    for one in made.groups:
        level = Fraction(str(levels.get(one.group, {}).get(one.split, 1)))
        if Fraction(one.passed, one.cases) < level:
            said.append(f"{one.group}（{one.split}）通过 {one.passed}/{one.cases}，低于已达到的 {float(level):.1%}。")
    for one in made.totals:
        said += [f"{one.split} 中有 {count} 例{kind}，一例也不允许。" for kind, count in one.never.items() if count]
    return said


def as_json(made: Report) -> dict[str, Any]:
    """The report for machines: tallies, and every case with what was wrong."""
    return {
        "totals": [_tallied(one) for one in made.totals],
        "groups": [_tallied(one) for one in made.groups],
        "cases": [
            {
                "group": one.case.group,
                "number": one.case.number,
                "split": one.case.split,
                "as": one.case.account,
                "ask": one.case.ask,
                "passed": one.passed,
                "faults": [{"kind": fault.kind.name.lower(), "said": fault.said} for fault in one.faults],
                "outcome": one.answer and one.answer.outcome,
                "text": one.answer and one.answer.text,
            }
            for one in made.results
        ],
    }


def _tallied(one: Tally) -> dict[str, Any]:
    never = {kind.name.lower(): count for kind, count in one.never.items()}
    return {**one._asdict(), "never": never}


def as_html(made: Report) -> str:
    """The report as one page that needs nothing else: bars by group, the same figures in a table, and the failures."""
    rows = "".join(_row(one) for one in (*made.groups, *made.totals))
    heads = "".join(f"<th>{escape(head)}</th>" for head in HEADS)
    failed = "".join(_failure(one) for one in made.failures)
    return f"""<!doctype html>
<html lang="zh">
<meta charset="utf-8">
<title>学时通评测</title>
<style>
body {{ font: 15px/1.6 system-ui, sans-serif; margin: 2rem auto; max-width: 64rem; padding: 0 1rem; color: #1d2430 }}
table {{ border-collapse: collapse }} th, td {{ padding: .2rem .7rem; border-bottom: 1px solid #dde2ea }}
th, td {{ text-align: right }}
th:nth-child(-n+2), td:nth-child(-n+2) {{ text-align: left }} li {{ margin: .6rem 0 }} .said {{ color: #5b6577 }}
.tuning {{ fill: #9db7d9 }} .test {{ fill: #2f66b0 }} svg text {{ font-size: 13px; fill: #1d2430 }}
</style>
<h1>学时通评测</h1>
<p>浅色为 tuning（调整时看过），深色为 test（没有看过）。条长为通过的比例。</p>
{_chart(made.groups)}
<table><tr>{heads}</tr>{rows}</table>
<h2>没有通过的 {len(made.failures)} 例</h2>
<p>{escape(left_out(made))}</p>
<ol>{failed}</ol>
</html>
"""


def left_out(made: Report) -> str:
    """What is said of failures that aren't shown."""
    return f"test 中没有通过的 {made.unseen} 例不在此列出；要看请用 xueshi eval test。" if made.unseen else ""


HEADS = ("组", "划分", "例数", "通过", "比例", "反问", *NEVER)


def cells(one: Tally) -> list[str]:
    """A tally in the order of HEADS."""
    counts = one.cases, one.passed, one.share, one.asked_back, *one.never.values()
    return [one.group, one.split, *map(str, counts)]


def _row(one: Tally) -> str:
    return "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells(one)) + "</tr>"


def _failure(one: Result) -> str:
    asked = "　".join(map(escape, one.case.ask))
    wrong = "；".join(escape(f"{fault.kind}：{fault.said}") for fault in one.faults)
    came = f'<br><span class="said">{escape(one.answer.text)}</span>' if one.answer else ""
    return f"<li><b>{escape(one.case.name)}</b>（{escape(one.case.account)}）{asked}<br>{wrong}{came}</li>"


def _chart(groups: Sequence[Tally]) -> str:
    """A bar for each group and split, its share beside it."""
    high = _BAR * len(groups) + 4
    bars = []
    for place, one in enumerate(groups):
        top, long = place * _BAR, _WIDE * one.passed // one.cases
        bars.append(
            f'<text x="0" y="{top + 14}">{escape(one.group)} {one.split}</text>'
            f'<rect class="{one.split}" x="{_LABEL}" y="{top + 3}" width="{long}" height="{_BAR - 4}"/>'
            f'<text x="{_LABEL + long + 6}" y="{top + 14}">{one.share}</text>'
        )
    box = f'width="100%" viewBox="0 0 {_LABEL + _WIDE + 60} {high}"'
    return f'<svg {box} role="img" aria-label="各组通过的比例">{"".join(bars)}</svg>'
