"""Clients of Vercel's AI SDK read our streams: its own parser, of every major version that speaks this protocol."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.web.conftest import Site, missing

VERSIONS = {"ai5": "5.0.277", "ai6": "6.0.326", "ai7": "7.0.173"}
SCRIPT = Path(__file__).parent / "ai_client.mjs"
Client = Callable[[str, str], dict[str, Any]]


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every version of the package, from the npm registry."""
    npm, folder = shutil.which("npm"), tmp_path_factory.mktemp("ai")
    if npm is None:
        missing("npm")
    command = [str(npm), "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder)]
    wanted = [f"{name}@npm:ai@{version}" for name, version in VERSIONS.items()]
    if subprocess.run([*command, *wanted], capture_output=True).returncode:
        missing("the npm registry")
    shutil.copy(SCRIPT, folder)
    return folder


@pytest.fixture(params=VERSIONS)
def client(request: pytest.FixtureRequest, packages: Path, site: Site) -> Client:
    """Ask as an account by one version; the message that the client made of the stream."""

    def ask(account: str, question: str) -> dict[str, Any]:
        command = ["node", SCRIPT.name, request.param, site.url, site.token(account), question]
        done = subprocess.run(command, cwd=packages, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        made: dict[str, Any] = json.loads(done.stdout)
        assert made["error"] is None
        message: dict[str, Any] = made["last"]
        return message

    return ask


@pytest.mark.parametrize(
    ("question", "kinds"),
    [
        ("我今年还差多少学时？", {"data-calculation", "data-progress", "data-suggestions", "source-document"}),
        ("如果我再修4学时专业科目，还差多少？", {"data-projection"}),
        ("我怎么补最省？", {"data-plan"}),
        ("列出我今年的记录", {"data-table"}),
        ("今天天气怎么样？", {"data-outcome"}),
    ],
)
def test_a_client_of_the_ai_sdk_reads_every_part(client: Client, question: str, kinds: set[str], site: Site) -> None:
    message = client("t0001", question)
    parts = {part["type"] for part in message["parts"]}
    assert kinds | {"text", "data-outcome"} <= parts
    assert "data-status" not in parts  # shown while it lasts, and kept nowhere
    headers = {"Authorization": f"Bearer {site.token('t0001')}"}
    kept = httpx.get(f"{site.url}/v1/answers/{message['id']}", headers=headers).json()["answer"]
    assert "".join(part["text"] for part in message["parts"] if part["type"] == "text") == kept["text"]
    assert message["metadata"]["threadId"] == kept["thread_id"]
    others = {"Authorization": f"Bearer {site.token('t0002')}"}
    assert httpx.get(f"{site.url}/v1/answers/{message['id']}", headers=others).status_code == 404
