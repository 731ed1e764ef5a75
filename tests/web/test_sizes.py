"""What a portal's visitors have to load, compressed; and what the scripts may not contain."""

import gzip
import re
from pathlib import Path

import pytest

import api.app

PAGES = Path(api.app.__file__).parent / "pages"
SCRIPTS = sorted(PAGES.glob("*.js"))
_IMPORT = re.compile(r'^(?:import|export) [^;]*?"\./([\w-]+\.js)";', re.MULTILINE)


def loaded(*names: str) -> set[str]:
    """The files, and the modules that they import."""
    found = set[str]()
    wanted = list(names)
    while wanted:
        name = wanted.pop()
        if name not in found:
            found.add(name)
            wanted += _IMPORT.findall((PAGES / name).read_text("utf-8"))
    return found


def size(names: set[str]) -> int:
    """Bytes, each file compressed by itself, as it is sent."""
    return sum(len(gzip.compress((PAGES / name).read_bytes())) for name in names)


@pytest.mark.parametrize(
    ("names", "most"),
    [
        pytest.param(["widget.js", "widget.css"], 3, id="launcher"),
        pytest.param(["mount.js", "chat.css"], 35, id="chat in a page"),
        pytest.param(["chat.html", "chat-page.js", "chat.css"], 35, id="chat page"),
        pytest.param(["embed.html", "embed.js", "chat.css"], 35, id="chat in a frame"),
    ],
)
def test_it_is_small(names: list[str], most: int) -> None:
    files = loaded(*names)
    assert size(files) <= most * 1000, sorted(files)


def test_imports_are_followed() -> None:
    assert {"chat.js", "stream.js", "answer.js", "words.js", "dom.js"} <= loaded("mount.js")
    assert loaded("widget.js") == {"widget.js"}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_makes_no_markup_and_keeps_nothing(script: Path) -> None:
    forbidden = (
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|localStorage|sessionStorage"
    )
    assert re.findall(forbidden, script.read_text("utf-8")) == []


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_runs_on_chromium_81(script: Path) -> None:
    code = script.read_text("utf-8")
    newer = (
        r"\?\?=|\|\|=|&&=|replaceChildren|replaceAll\(|\.at\(-|structuredClone|randomUUID|(?<![\w&])this\.#|\bstatic \{"
    )
    assert re.findall(newer, code) == []
