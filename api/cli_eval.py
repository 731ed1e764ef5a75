"""`xueshi eval`: the evaluation cases, put to whatever model is set; `xueshi feedback`: what users said, as cases."""

import gc
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from api.show import terminal
from assistant import settings
from assistant.errors import InputError
from assistant.settings import Settings

if TYPE_CHECKING:
    from evals.case import Case
    from evals.report import Report
    from evals.run import Result

_MOST_SHOWN = 40  # failures on the terminal; JSON and HTML have them all


def eval_command(
    suite: Annotated[
        str | None, typer.Argument(metavar="[SUITE]", help="一个组的名称，或 tuning、test、hostile；不填为全部各组")
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="结果另存为 JSON；- 为只在标准输出上给出 JSON")
    ] = None,
    html_file: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="结果另存为一个网页")] = None,
) -> None:
    """在示例库上逐例提问并核对；低于已达到的水平，或有一个错数、一处泄露、一条编造的引用，退出码为 1。"""
    from evals.case import load_cases
    from evals.report import as_html, as_json, below, report
    from evals.truth import truth

    gc.enable()  # off since the start, which is all that most commands are
    made = report(_held(settings.load(), load_cases(truth().accounts), suite))
    content = json.dumps(as_json(made), ensure_ascii=False, indent=2) + "\n"
    if str(json_file) == "-":
        sys.stdout.write(content)
    else:
        _show(made)
        if json_file:
            _write("--json", json_file, content)
    if html_file:
        _write("--html", html_file, as_html(made))
    if shut := below(made):
        raise InputError(shut)


def _held(given: Settings, cases: "Sequence[Case]", suite: str | None) -> "list[Result]":
    """The cases of a suite, put to the model that is set; of `hostile`, to models that mean harm."""
    from evals.run import run, sample_installation

    with Progress(transient=True, disable=not sys.stderr.isatty(), console=Console(stderr=True)) as bar:
        task = bar.add_task("评测", total=None)
        if suite == "hostile":
            from evals.hostile import attacked, size

            bar.update(task, total=size(cases))
            return attacked(given, cases, lambda: bar.advance(task))
        chosen = _chosen(cases, suite)
        bar.update(task, total=len(chosen))
        with sample_installation(given) as installation:
            return run(installation, chosen, lambda: bar.advance(task))


def _chosen(cases: "Sequence[Case]", suite: str | None) -> "list[Case]":
    """The cases of a suite. InputError: there is none of that name."""
    chosen = [case for case in cases if suite in (None, case.group, case.split)]
    if not chosen:
        names = "、".join(dict.fromkeys(case.group for case in cases))
        raise InputError(f"没有 {suite} 这一组：可以是 tuning、test、hostile，或 {names}。")
    return chosen


def _show(made: "Report") -> None:
    from evals.report import HEADS, cells, left_out

    out, table = terminal(), Table(*HEADS)
    for column in table.columns[2:]:
        column.justify = "right"
    for one in made.groups:
        table.add_row(*cells(one))
    table.add_section()
    for one in made.totals:
        table.add_row(*cells(one), style="bold")
    out.print(table)
    for failed in made.failures[:_MOST_SHOWN]:
        out.print(Text(f"{failed.case.name}（{failed.case.account}）{' → '.join(failed.case.ask)}", style="bold"))
        for fault in failed.faults:
            out.print(Text(f"    {fault.kind}：{fault.said}"))
        if failed.answer:
            out.print(Text(f"    答（{failed.answer.outcome}）：{failed.answer.text[:120]}", style="dim"))
    if len(made.failures) > _MOST_SHOWN:
        out.print(f"另有 {len(made.failures) - _MOST_SHOWN} 例没有通过，见 --json 或 --html。")
    if made.unseen:
        out.print(left_out(made))


def _write(option: str, path: Path, content: str) -> None:
    try:
        path.write_text(content, "utf-8")
    except OSError as error:
        raise InputError(f"{option} {path}：无法写入（{error.strerror}），请换一个路径。") from None


def feedback_command(
    output: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", help="写入这个文件；不填则写到标准输出")
    ] = None,
) -> None:
    """导出用户对回答的评价，成为待审核的评测用例（YAML）；含个人资料，只供审核。"""
    from assistant.store import audit, feedback
    from assistant.store.audit import Act
    from assistant.store.database import Database
    from evals.collected import drafts

    with Database(settings.load().database).write() as connection:
        audit.note(connection, Act.FEEDBACK, None)
        content = drafts(feedback.every(connection))
    if output:
        _write("--output", output, content)
    else:
        sys.stdout.write(content)
