"""What `deploy/` holds fits the program: names, versions, and an installation from wheels alone."""

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from assistant.settings import Settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
NAMES = {f"XUESHI_{name.upper()}" for name in Settings.model_fields}
PACKAGES = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"][
    "packages"
]


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    made: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return made


def test_the_file_for_containers_is_valid(tmp_path: Path) -> None:
    docker = shutil.which("docker")
    if not docker or subprocess.run([docker, "compose", "version"], capture_output=True).returncode:
        pytest.skip("no docker compose here")
    shutil.copytree(DEPLOY, tmp_path / "deploy")
    example = (DEPLOY / "env.example").read_text()
    assert subprocess.run([docker, "compose", "config"], cwd=tmp_path / "deploy", capture_output=True).returncode
    (tmp_path / "deploy" / ".env").write_text(example.replace("POSTGRES_PASSWORD=", "POSTGRES_PASSWORD=x"))
    done = subprocess.run([docker, "compose", "config"], cwd=tmp_path / "deploy", capture_output=True, encoding="utf-8")
    assert (done.returncode, done.stderr) == (0, "")


def test_only_the_proxy_is_reached_and_nothing_runs_with_more_rights_than_it_needs(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert [name for name, service in services.items() if "ports" in service] == ["proxy"]
    apis = [service for name, service in services.items() if name.startswith("api-")]
    assert len(apis) == 2
    for service in (*apis, services["proxy"]):
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
    assert all("no-new-privileges:true" in service["security_opt"] for service in services.values())


def test_settings_in_it_are_taken(compose: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    given = {name: value for name, value in compose["services"]["api-1"]["environment"].items() if name in NAMES}
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    settings = Settings(_env_file=None)  # type: ignore[call-arg]
    assert (
        settings.vector_url == f"chroma+http://{next(name for name in compose['services'] if name == 'vectors')}:8000"
    )
    assert "@database/" in settings.database


def test_no_file_names_a_setting_that_there_is_not() -> None:
    for file in DEPLOY.iterdir():
        assert {*re.findall(r"\bXUESHI_[A-Z_]*[A-Z]", file.read_text())} <= NAMES, file.name


def test_server_and_client_of_the_vectors_are_of_one_version(compose: dict[str, Any]) -> None:
    locked = re.search(r"^chromadb==(\S+)$", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    assert locked
    assert compose["services"]["vectors"]["image"] == f"chromadb/chroma:{locked[1]}"


def test_the_image_holds_every_package_and_its_process_is_not_root() -> None:
    lines = (DEPLOY / "Dockerfile").read_text().splitlines()
    copied = {line.split()[1] for line in lines if line.startswith("COPY ") and len(line.split()) == 3}
    assert {*PACKAGES} <= copied
    let_in = {line[1:] for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines() if line[0] == "!"}
    assert {*PACKAGES, "requirements.lock", "pyproject.toml"} <= let_in
    assert [line for line in lines if line.startswith("USER ")] == ["USER 10001:10001"]


def wheel(folder: Path, said: str) -> None:
    """A package of the name, whose command says something."""
    folder.mkdir(exist_ok=True)
    about = "Metadata-Version: 2.1\nName: xueshi\nVersion: 0.1.0\n" + "".join(
        f"Provides-Extra: {extra}\n" for extra in ("model", "pgvector", "postgres")
    )
    with zipfile.ZipFile(folder / "xueshi-0.1.0-py3-none-any.whl", "w") as file:
        file.writestr("said.py", f"def main():\n    print({said!r})\n")
        file.writestr("xueshi-0.1.0.dist-info/METADATA", about)
        file.writestr("xueshi-0.1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr("xueshi-0.1.0.dist-info/entry_points.txt", "[console_scripts]\nxueshi = said:main\n")
        file.writestr("xueshi-0.1.0.dist-info/RECORD", "")


def test_the_bundle_s_script_installs_and_upgrades_from_wheels_alone(tmp_path: Path) -> None:
    shutil.copy(DEPLOY / "install", tmp_path)
    (tmp_path / "python-version").write_text("{}.{}\n".format(*sys.version_info))
    for said in ("the first", "the second"):
        wheel(tmp_path / "wheels", said)
        # An index that there is not: whoever asked it would fail.
        environment = {"PATH": "/usr/bin:/bin", "PYTHON": sys.executable, "PIP_INDEX_URL": "http://127.0.0.1:9/"}
        done = subprocess.run([tmp_path / "install", tmp_path / "into"], env=environment, capture_output=True)
        assert (done.returncode, done.stderr) == (0, b"")
        shown = subprocess.run([tmp_path / "into/bin/xueshi"], capture_output=True, encoding="utf-8")
        assert shown.stdout.strip() == said


def test_the_bundle_s_script_says_which_python_it_needs(tmp_path: Path) -> None:
    shutil.copy(DEPLOY / "install", tmp_path)
    (tmp_path / "python-version").write_text("2.7\n")
    for python in (sys.executable, "/nowhere/python"):
        environment = {"PATH": "/usr/bin:/bin", "PYTHON": python}
        done = subprocess.run(
            [tmp_path / "install", tmp_path / "into"], env=environment, capture_output=True, encoding="utf-8"
        )
        assert done.returncode == 1
        assert "Python 2.7" in done.stderr
        assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "into").exists()
