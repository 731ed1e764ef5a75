"""Settings: where they are read from, which wins, that a wrong one is named, and that both READMEs list them all."""

import re
from datetime import date
from pathlib import Path

import pytest

from api.demo import demo_settings
from assistant.errors import SettingsError
from assistant.settings import SHIPPED_CORPUS, Settings, load

ROOT = Path(__file__).parents[1]
NAMES = {f"XUESHI_{name.upper()}" for name in Settings.model_fields}


@pytest.fixture(autouse=True)
def empty_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder without `.env`, and no setting in the environment."""
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def listed(readme: str) -> set[str]:
    """The settings that the tables of a README name."""
    rows = [line for line in (ROOT / readme).read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    return {name for row in rows for name in re.findall(r"\bXUESHI_[A-Z0-9_]*[A-Z0-9]", row)}


@pytest.mark.parametrize("readme", ["README.md", "README.zh.md"])
def test_a_readme_lists_every_setting_and_no_other(readme: str) -> None:
    assert listed(readme) == NAMES


def test_without_any_setting_there_is_a_default_for_each() -> None:
    settings = load()
    assert settings.home == Path(".xueshi")
    assert settings.database == f"sqlite:///{Path('.xueshi', 'xueshi.db')}"
    assert (settings.vector_url, settings.rate_limit) == ("chroma:", 30)
    assert settings.public_url == "http://127.0.0.1:8000"
    assert (settings.auth_secret, settings.auth_jwks_url, settings.embedding_model) == ("", "", "")
    assert settings.corpora == [SHIPPED_CORPUS]
    assert settings.today is None
    assert isinstance(settings.clock(), date)


def test_the_demo_has_its_own_address_and_no_wecom(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XUESHI_WECOM_BOT_TOKEN", "token")
    monkeypatch.setenv("XUESHI_WECOM_BOT_AES_KEY", "k" * 43)
    demo = demo_settings(9000)
    assert demo.public_url == "http://127.0.0.1:9000"
    assert demo.wecom_bot_token.get_secret_value() == demo.wecom_bot_aes_key.get_secret_value() == ""
    monkeypatch.setenv("XUESHI_PUBLIC_URL", "http://demo.example.cn")
    assert demo_settings(9000).public_url == "http://demo.example.cn"


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XUESHI_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XUESHI_TODAY", "2023-11-15")
    assert load().database == f"sqlite:///{tmp_path / 'state' / 'xueshi.db'}"
    assert load().clock() == date(2023, 11, 15)


def test_a_dotenv_file_is_read_and_the_environment_wins(monkeypatch: pytest.MonkeyPatch, empty_place: Path) -> None:
    (empty_place / ".env").write_text("# questions a minute\nXUESHI_RATE_LIMIT=7\nXUESHI_TODAY='2023-11-15'\n")
    assert (load().rate_limit, load().clock()) == (7, date(2023, 11, 15))
    monkeypatch.setenv("XUESHI_RATE_LIMIT", "9")
    assert (load().rate_limit, load().clock()) == (9, date(2023, 11, 15))


def test_an_empty_setting_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.setenv(name, "")
    assert (load().rate_limit, load().today, load().corpora) == (30, None, [SHIPPED_CORPUS])


def test_corpora_are_added_to_the_shipped_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    monkeypatch.setenv("XUESHI_CORPUS", ":".join(map(str, folders)))
    assert load().corpora == [SHIPPED_CORPUS, *folders]


def test_what_others_set_is_nobodys_business(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME_XUESHI", "x")
    monkeypatch.setenv("RATE_LIMIT", "x")
    assert load().rate_limit == 30


WRONG = {
    "XUESHI_TODAY": ["abc", "0", "1700000000", "2023-02-29", "15.11.2023", "2023-11-15T08:00"],
    "XUESHI_RATE_LIMIT": ["0", "-1", "1.5", "many"],
    "XUESHI_CORPUS": ["/nowhere/at/all", f"{SHIPPED_CORPUS}:/nowhere/at/all", __file__],
    "XUESHI_VECTOR_URL": [
        *("ftp://x", "chroma", "http://localhost:8000", "chroma+http://", "chroma+http://x:port"),
        *("postgresql://u@x/vectors", "postgresql+psycopg://u@x", "sqlite:///vectors.db"),
    ],
    "XUESHI_PUBLIC_URL": ["xueshi", "ftp://x", "javascript:alert(1)"],
    "XUESHI_MODEL_BASE_URL": ["http://127.0.0.1:8000/v1"],
    "XUESHI_MODEL_API_KEY": ["sk-1"],
    "XUESHI_AUTH_JWKS_URL": ["keys", "file:///etc/passwd"],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_a_wrong_setting_is_named_in_one_line(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=name) as refused:
        load()
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [("XUESHI_MODEL_BASE_URL", "qwen"), ("XUESHI_MODEL_API_KEY", "sk-secret\u3000"), ("XUESHI_MODEL_API_KEY", "密钥")],
)
def test_a_model_s_wrong_setting_is_named_and_its_key_is_not_told(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv("XUESHI_MODEL", "openai:qwen-plus")
    monkeypatch.setenv("XUESHI_MODEL_API_KEY", "sk-secret")
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=name) as refused:
        load()
    assert len(str(refused.value).splitlines()) == 1
    assert not re.search("sk-|密钥", str(refused.value))


def test_a_model_s_settings_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XUESHI_MODEL", "openai:qwen-plus")
    monkeypatch.setenv("XUESHI_MODEL_BASE_URL", "https://models.example/v1/")
    monkeypatch.setenv("XUESHI_MODEL_API_KEY", "sk-secret")
    settings = load()
    assert (settings.model, settings.model_base_url) == ("openai:qwen-plus", "https://models.example/v1")
    assert settings.model_api_key.get_secret_value() == "sk-secret"
    assert "sk-secret" not in f"{settings!r} {settings} {settings.model_dump()}"


@pytest.mark.parametrize("place", ["environment", ".env"])
def test_a_name_that_is_no_setting_is_refused(monkeypatch: pytest.MonkeyPatch, empty_place: Path, place: str) -> None:
    if place == ".env":
        (empty_place / ".env").write_text("XUESHI_RATE_LIMT=3\n")
    else:
        monkeypatch.setenv("XUESHI_RATE_LIMT", "3")
    with pytest.raises(SettingsError, match=r"XUESHI_RATE_LIMT.*XUESHI_RATE_LIMIT") as refused:
        load()
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.parametrize("url", ["chroma:", "chroma+http://vectors:8001", "postgresql+psycopg://u:p@x/vectors"])
def test_where_vectors_are_kept_is_read(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("XUESHI_VECTOR_URL", url)
    assert load().vector_url == url


def test_an_address_s_password_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XUESHI_VECTOR_URL", "postgresql://xueshi:hunter2@db/xueshi")
    with pytest.raises(SettingsError, match="XUESHI_VECTOR_URL") as refused:
        load()
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("name", ["XUESHI_AUTH_SECRET", "XUESHI_DATABASE_URL", "XUESHI_MODEL_API_KEY"])
def test_secrets_are_not_told(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "hunter2")
    monkeypatch.setenv("XUESHI_RATE_LIMIT", "0")
    with pytest.raises(SettingsError) as refused:
        load()
    assert "hunter2" not in str(refused.value)
