"""The pages that tell how to do something: their files and commands, tried in the order in which they stand."""

import os
import re
import shlex
import shutil
import socket
import subprocess
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docx
import pytest
import typer
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

from api.cli import app
from evals.bench.home import answers
from tests.conftest import SAMPLE

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


# The READMEs.

pytestmark = pytest.mark.sqlite("commands that other tests run on PostgreSQL")
READMES = ["README.md", "README.zh.md"]


def commands(page: str) -> list[str]:
    """The commands of a page, without what is said beside them."""
    shown = re.findall(r"^\$ (.*)$", (ROOT / page).read_text("utf-8"), re.MULTILINE)
    return [re.sub(r"\s+#.*", "", line) for line in shown]


def test_the_tour_of_the_readme_shows_what_it_says(tmp_path: Path) -> None:
    tour = [line for line in commands("README.md") if line.startswith("make ask")]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("XUESHI_")}
    environment |= {"XUESHI_HOME": str(tmp_path), "COLUMNS": "200"}
    printed = [
        subprocess.run(["sh", "-c", line], cwd=ROOT, env=environment, capture_output=True, encoding="utf-8")
        for line in tour
    ]
    assert [run.returncode for run in printed] == [0] * 6, printed[-1].stderr
    gap, why, what_if, plan, other, roster = (run.stdout for run in printed)
    assert "还差 12 学时" in gap
    assert "上限" in why
    assert "假设再取得 4 学时专业科目、8 学时个人选修科目" in what_if
    assert "合计" in plan
    assert "不在您可以查看的范围内" in other
    assert "T0001" in roster


def test_both_readmes_have_the_same_commands() -> None:
    """Up to words that stand for something else (主机, host) and what is said of them."""
    english, chinese = (
        [shlex.split(re.sub(r"[^\x00-\x7f]+", "", line))[:2] for line in commands(one)] for one in READMES
    )
    assert english == chinese


NOTICE = """某市教育局关于2023年中小学教师培训工作的通知

各学校：
一、任务
中小学教师每年参加培训不少于90学时。
二、经费
各学校要落实教师培训经费。
"""


def notices(folder: Path) -> None:
    """The files that the README's commands read, of each format that it names."""
    (folder / "notices").mkdir()
    (folder / "notices/宜兴.txt").write_text(NOTICE.replace("某市", "江苏省无锡市宜兴市", 1), "utf-8")
    word = docx.Document()
    for line in NOTICE.split():
        word.add_paragraph(line)
    word.save(str(folder / "办法.docx"))
    pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))
    canvas = Canvas(str(folder / "通知.pdf"))
    canvas.setFont("STSong-Light", 16)
    for number, line in enumerate(NOTICE.split()):
        canvas.drawString(90, 720 - 28 * number, line)
    canvas.save()
    for file in SAMPLE:
        shutil.copy(file, folder)


def test_every_xueshi_command_of_the_readme_does_its_work(made_home: Path, tmp_path: Path) -> None:
    """In the order of the page, in one folder. What the tests of moving do on two databases isn't done again."""
    notices(tmp_path)
    shutil.copytree(made_home, tmp_path / "home")
    scripts = Path(sysconfig.get_path("scripts"))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("XUESHI_")}
    environment |= {"PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}", "XUESHI_HOME": str(tmp_path / "home")}
    environment |= {"XUESHI_TODAY": "2023-11-15", "XUESHI_AUTH_SECRET": "x" * 32}
    lines = [line for line in commands("README.md") if re.match(r"(XUESHI_HOME=\S+ )?xueshi (?!move|serve)", line)]
    assert len(lines) == 16
    for line in lines:
        here = line.replace("/srv/new", str(tmp_path / "new"))
        run = subprocess.run(["sh", "-c", here], cwd=tmp_path, env=environment, capture_output=True, encoding="utf-8")
        assert run.returncode == 0, (line, run.stdout, run.stderr)
    assert (tmp_path / "名单.xlsx").read_bytes()[:2] == b"PK"
    assert "时间,账号" in (tmp_path / "trail.csv").read_text("utf-8")
    assert [*(tmp_path / "verdicts").rglob("*.parquet")]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    serve = ["xueshi", "serve", "--port", address.rpartition(":")[2]]
    with subprocess.Popen(serve, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL) as server:
        while server.poll() is None and not answers(f"http://{address}/readyz"):
            time.sleep(0.1)
        ready = answers(f"http://{address}/readyz")
        server.terminate()
    assert ready


@pytest.mark.parametrize("page", READMES)
def test_every_command_that_a_readme_names_is_there_with_its_options(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    named = [line.partition("xueshi ")[2] for line in commands(page) if re.match(r"(XUESHI_\w+=\S+ )*xueshi ", line)]
    named += re.findall(r"`xueshi ([^`]+)`", text)
    assert len(named) > 40
    for said in named:
        command: Any = typer.main.get_command(app)
        words = re.split(r"[\s\[\]|\\]+", said)
        while words and hasattr(command, "commands"):
            name = words.pop(0)
            assert name in command.commands, said
            command = command.commands[name]
        options = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
        assert {word.partition("=")[0] for word in words if word.startswith("--")} <= options, said
