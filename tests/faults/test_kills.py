"""A process killed at a hundred random steps: nothing acknowledged is lost, nothing is there twice, nobody mends it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from assistant.settings import SHIPPED_CORPUS

ROOT = Path(__file__).parents[2]
SEED = 20231115


@pytest.fixture
def home(made_home: Path, tmp_path: Path) -> Path:
    """A home that is ready for questions, and another text of one policy beside it: 96 hours a year in place of 90."""
    folder = shutil.copytree(SHIPPED_CORPUS / "dongguan-2023", tmp_path / "changed" / "dongguan-2023")
    for name, old, new in (
        ("policy.md", "全年累计不少于90学时", "全年累计不少于96学时"),
        ("rules.yaml", "at_least: 90,", "at_least: 96,"),
    ):
        content = (folder / name).read_text()
        assert content.count(old) == 1
        (folder / name).write_text(content.replace(old, new).split("  examples:\n")[0])
    return shutil.copytree(made_home, tmp_path / "home")


@pytest.mark.parametrize(
    ("work", "kills", "states"),
    [
        ("importing", 40, {"nothing", "all"}),
        ("answering", 40, {"nothing", "asked", "all"}),
        ("indexing", 20, {"nothing", "text", "all"}),
    ],
)
def test_a_kill_leaves_nothing_to_mend(
    work: str, kills: int, states: set[str], home: Path, request: pytest.FixtureRequest
) -> None:
    if request.config.getoption("--database") == "postgresql":
        kills //= 4  # each takes several times as long: the server copies a database
    command = [sys.executable, "-m", "tests.faults.kills", work, str(home), str(SEED), str(kills)]
    path = os.pathsep.join([*filter(None, [os.environ.get("PYTHONPATH")]), str(ROOT)])
    environment = os.environ | {"PYTHONPATH": path, "TOKENIZERS_PARALLELISM": "false"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, encoding="utf-8", timeout=600)
    assert done.returncode == 0, done.stderr
    seen = {state: int(count) for state, _, count in (part.partition("=") for part in done.stdout.split())}
    assert seen.pop("steps") > 3
    assert sum(seen.values()) >= kills
    assert seen.keys() <= states
    assert len(seen) > 1, "no kill came amid the work"
