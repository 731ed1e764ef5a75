"""The pages that tell how to do something: their files and commands, tried in the order in which they stand."""

import os
import re
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Blocks of files, each named in code somewhere before it, and of commands.
_BLOCK = re.compile(r"^```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"`([\w./-]+\.(?:md|yaml|csv))`")


def steps(page: Path) -> Iterator[tuple[str, str]]:
    """What a page has one do: (name, content) of a file to write, ("", script) of commands to run."""
    text, last = page.read_text("utf-8"), 0
    for block in _BLOCK.finditer(text):
        if block["kind"] == "console":
            yield "", "\n".join(line.removeprefix("$ ") for line in block["text"].splitlines() if line.startswith("$ "))
        else:
            yield _FILE.findall(text[last : block.start()])[-1], block["text"]
        last = block.end()


def followed(page: str, folder: Path) -> str:
    """What the commands of a page print; its files are written into `folder`."""
    scripts = Path(sysconfig.get_path("scripts"))
    environment = os.environ | {"PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}", "COLUMNS": "200"}
    printed, exported = "", ["set -e"]
    for name, content in steps(ROOT / "docs" / page):
        if name:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(content, "utf-8")
            continue
        run = subprocess.run(
            ["sh", "-c", "\n".join([*exported, content])],
            cwd=folder,
            env=environment,
            capture_output=True,
            encoding="utf-8",
        )
        assert run.returncode == 0, run.stdout + run.stderr
        printed += run.stdout
        exported += [line for line in content.splitlines() if line.startswith("export ")]
    return printed


@pytest.mark.parametrize("page", ["adding-a-city.md", "adding-a-city.zh.md"])
def test_a_city_is_added_as_its_page_says(page: str, tmp_path: Path) -> None:
    printed = followed(page, tmp_path)
    assert "还差 6 学时" in printed
    assert "已计入 42 学时，要求不少于 48 学时" in printed
    assert "超出 6" in printed
    assert "每年参加培训不少于48学时" in printed


def test_both_languages_have_one_do_the_same() -> None:
    assert [*steps(ROOT / "docs/adding-a-city.md")] == [*steps(ROOT / "docs/adding-a-city.zh.md")]


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/proof.md", "docs/proof.zh.md"])
def test_what_a_page_names_is_there(page: str) -> None:
    """Files by their whole path or its end, folders, and links to other pages."""
    text = (ROOT / page).read_text("utf-8")
    parts = [
        ROOT / name for name in ("api", "assistant", "corpus", "docs", "evals", "ingest", "pyproject.toml", ".ci/run")
    ]
    there = [str(path) for part in parts for path in (part, *part.rglob("*"))]
    for name in re.findall(r"`([\w./-]+(?:/|\.(?:py|yaml|md|toml)))`", text):
        assert any(path.endswith(f"/{name.rstrip('/')}") for path in there), name
    for link in re.findall(r"\]\(([\w./-]+)\)", text):
        assert (ROOT / page).parent.joinpath(link).exists(), link
