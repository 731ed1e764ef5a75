"""The threat model names tests that are there, in both languages the same."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def named(file: str) -> list[tuple[str, str]]:
    return _TEST.findall((ROOT / "docs" / file).read_text("utf-8"))


@pytest.mark.parametrize("file", ["threats.md", "threats.zh.md"])
def test_every_test_that_is_named_is_there(file: str) -> None:
    assert len(named(file)) > 60
    missing = [
        f"{path}::{name}" for path, name in named(file) if f"\ndef {name}(" not in (ROOT / path).read_text("utf-8")
    ]
    assert missing == []


def test_both_languages_name_the_same() -> None:
    assert named("threats.md") == named("threats.zh.md")


def test_every_threat_is_proven() -> None:
    for file in ("threats.md", "threats.zh.md"):
        rows = [line for line in (ROOT / "docs" / file).read_text("utf-8").splitlines() if re.match(r"\| [^-|]", line)]
        assert [row for row in rows if not _TEST.search(row)] in (
            ["| threat | how it is stopped | proven by |"] * 4,
            ["| 威胁 | 怎样阻止 | 证明 |"] * 4,
        )
