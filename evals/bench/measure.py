"""Times taken in turn, printed as Markdown tables."""

import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path


def side_by_side(work: Sequence[Callable[[], object]], rounds: int = 2000) -> list[float]:
    """Median seconds of each, taken in turn."""
    return [statistics.median(times) for times in in_turn(work, rounds)]


def in_turn(work: Sequence[Callable[[], object]], rounds: int) -> list[list[float]]:
    """The seconds of each, taken in turn so that the machine's drift hits all alike."""
    taken: list[list[float]] = [[] for _ in work]
    for _ in range(rounds):
        for number, one in enumerate(work):
            start = time.perf_counter()
            one()
            taken[number].append(time.perf_counter() - start)
    return taken


def table(title: str, first: str, columns: list[str]) -> None:
    """The head of a Markdown table."""
    print(f"\n### {title}\n\n| {' | '.join([first, *columns])} |\n|{'---|' * (len(columns) + 1)}")


def row(*cells: str) -> None:
    """A row of it."""
    print(f"| {' | '.join(cells)} |", flush=True)


def peak() -> float:
    """The most memory that this process ever held, in MB. (getrusage counts what its parent held, too.)"""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1024
