"""Answers as readable text in a terminal."""

import sys

from rich.console import Console
from rich.table import Table
from rich.text import Text

from assistant.answer import Answer, Calculation


def terminal() -> Console:
    """Standard output; where it is no terminal, lines as long as they are."""
    return Console(highlight=False) if sys.stdout.isatty() else Console(highlight=False, width=400, soft_wrap=True)


def show(answer: Answer, console: Console) -> None:
    """The answer, its calculation step by step, its tables, and the clauses that it cites."""
    console.print(Text(answer.text.replace("[^", "[")))
    if answer.calculation:
        _calculation(answer.calculation, console)
    if answer.projection:
        console.print("\n[bold]假设之后[/bold]")
        _calculation(answer.projection, console)
    for table in answer.tables:
        shown = Table(*table.columns, title=f"{table.caption}（共 {table.total_rows} 条）", title_justify="left")
        for row in table.rows:
            shown.add_row(*map(Text, row))
        console.print(shown)
    if answer.citations:
        console.print("\n[bold]依据[/bold]")
    for cited in answer.citations:
        kind = "摘要" if cited.text == "digest" else "原文"
        number = f"（{cited.number}）" if cited.number else ""
        console.print(Text(f"[{cited.id}] 《{cited.title}》{number}{cited.locator}（{kind}）"))
        console.print(Text(f"    “{cited.quote}”"))
    if answer.suggestions:
        console.print(Text("\n还可以问：" + "　".join(answer.suggestions)), style="dim")


def _calculation(made: Calculation, console: Console) -> None:
    shown = Table("科目类别", "要求", "已审核", "计入", "还差", "依据")
    for column in shown.columns[1:5]:
        column.justify = "right"
    for line in made.categories:
        mark = f"[{line.citation}]" if line.citation else ""
        shown.add_row(line.category, line.required or "—", line.recorded, line.counted, line.shortfall, Text(mark))
    shown.add_section()
    shown.add_row("合计", made.required, "", made.counted, made.remaining, "", style="bold")
    console.print(shown)
    console.print("[bold]核算过程[/bold]")
    for number, step in enumerate(made.steps, 1):
        mark = f" [{step.citation}]" if step.citation else ""
        console.print(Text(f"{number:>3}. {step.text}{mark}"))
