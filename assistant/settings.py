"""The one module that reads the environment (and `.env`). Names and defaults are those of the README's table."""

import difflib
import os
import re
import shutil
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from dotenv import dotenv_values
from pydantic import (
    Field,
    HttpUrl,
    SecretStr,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from assistant.errors import SettingsError

PREFIX = "XUESHI_"
_LABEL = "[a-z0-9]([a-z0-9-]*[a-z0-9])?"
_ORIGIN = re.compile(rf"https?://({_LABEL}(\.{_LABEL})*|\[[0-9a-f:]+\])(:[1-9]\d{{0,4}})?")
_OWN_PORTS = {(True, "443"), (False, "80")}
_PLAIN = "^[!-~]*$"
# What is needed together.
_WECOM = (
    ("企业微信自建应用的设置", "wecom_corp_id", "wecom_agent_id", "wecom_secret", "wecom_token", "wecom_aes_key"),
    ("企业微信智能机器人（回调）的设置", "wecom_bot_token", "wecom_bot_aes_key"),
    ("企业微信智能机器人（长连接）的设置", "wecom_bot_id", "wecom_bot_secret"),
)
EMBEDDED = "chroma:"
SHIPPED_CORPUS = Path(__file__).resolve().parent.parent / "corpus"


class Settings(BaseSettings):
    """Settings of one installation; made by `load()`, which turns faults into one line."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_file=".env", env_ignore_empty=True, extra="ignore")

    home: Path = Field(Path(".xueshi"), description="状态目录：数据库、向量库")
    database_url: str = Field("", description="任一 SQLAlchemy 地址；默认为 XUESHI_HOME 中的 SQLite")
    vector_url: str = Field(
        EMBEDDED,
        description="`chroma:` 内嵌；`chroma+http://host:port` 为 Chroma 服务器；`postgresql+psycopg://…` 为 pgvector",
    )
    embedding_model: str = Field("", description="空为自带模型；或 sentence-transformers 能载入的路径、名称")
    model: str = Field("", description="语言模型，如 openai:qwen-plus；空则不用")
    model_base_url: str = Field("", description="OpenAI 兼容接口的地址，如 https://…/v1")
    model_api_key: SecretStr = Field(SecretStr(""), description="语言模型的密钥")
    auth_secret: str = Field("", description="HS256 令牌的共享密钥")
    auth_jwks_url: str = Field("", description="RS256/ES256 令牌的 JWKS 地址")
    public_url: str = Field("http://127.0.0.1:8000", description="用户访问的地址")
    today: date | None = Field(None, description="固定“今天”（YYYY-MM-DD），供测试与审计；默认取上海时间")
    rate_limit: int = Field(30, ge=1, description="每个账号每分钟的提问数")
    corpus: Annotated[list[Path], NoDecode] = Field([], description="另加的政策目录，以 `:` 分隔；同名政策以后者为准")

    origins: Annotated[list[str], NoDecode] = Field([], description="可以嵌入助手的网站，如 https://portal.example.cn")

    wecom_corp_id: str = Field("", pattern=_PLAIN, description="企业 ID，在企业微信管理后台“我的企业”底部")
    wecom_agent_id: str = Field("", pattern="^([1-9][0-9]{0,14})?$", description="自建应用的 AgentId，是一个数字")
    wecom_secret: SecretStr = Field(SecretStr(""), description="自建应用的 Secret，不含空格的英文字符")
    wecom_token: SecretStr = Field(SecretStr(""), description="自建应用“接收消息”的 Token，不含空格的英文字符")
    wecom_aes_key: SecretStr = Field(
        SecretStr(""), description="自建应用“接收消息”的 EncodingAESKey，43 个英文字母和数字"
    )
    wecom_bot_token: SecretStr = Field(SecretStr(""), description="智能机器人回调的 Token，不含空格的英文字符")
    wecom_bot_aes_key: SecretStr = Field(SecretStr(""), description="智能机器人回调的 EncodingAESKey，43 个字母和数字")
    wecom_bot_id: str = Field("", pattern=_PLAIN, description="智能机器人长连接的 Bot ID")
    wecom_bot_secret: SecretStr = Field(SecretStr(""), description="智能机器人长连接的 Secret，不含空格的英文字符")
    wecom_api_base: str = Field("https://qyapi.weixin.qq.com", description="企业微信接口的地址，如 https://…")
    wecom_ws_url: str = Field(
        "wss://openws.work.weixin.qq.com", pattern="^wss?://", description="企业微信长连接的地址，如 wss://…"
    )

    @field_validator("origins", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return re.findall(r"[^\s,]+", value) if isinstance(value, str) else value

    @field_validator("origins")
    @classmethod
    def _exact(cls, origins: list[str]) -> list[str]:
        for origin in origins:
            # As browsers send it: nothing after the port, and no port that is the scheme's own.
            if not _ORIGIN.fullmatch(origin) or (origin.startswith("https:"), origin.rpartition(":")[2]) in _OWN_PORTS:
                raise ValueError(
                    f"{origin} 不是网站的来源：应写成 https://主机 或 https://主机:端口，小写，末尾没有斜线，不能用 *"
                )
        return origins

    @field_validator("corpus", mode="before")
    @classmethod
    def _folders(cls, value: Any) -> Any:
        return [part for part in value.split(":") if part] if isinstance(value, str) else value

    @field_validator("corpus")
    @classmethod
    def _there(cls, folders: list[Path]) -> list[Path]:
        for folder in folders:
            if not folder.is_dir():
                raise ValueError(f"目录不存在：{folder}")
        return folders

    @field_validator("model_base_url", "model_api_key")
    @classmethod
    def _of_a_model(cls, value: Any, info: ValidationInfo) -> Any:
        if value and not info.data.get("model"):
            raise ValueError("还要设置 XUESHI_MODEL；不用语言模型时请把它也留空")
        return value

    @field_validator("model_api_key", "wecom_secret", "wecom_token", "wecom_bot_token", "wecom_bot_secret")
    @classmethod
    def _in_a_header(cls, value: SecretStr) -> SecretStr:
        if not re.fullmatch(r"[!-~]*", value.get_secret_value()):
            raise ValueError("只能是不含空格的英文字符")
        return value

    @field_validator("wecom_aes_key", "wecom_bot_aes_key")
    @classmethod
    def _of_32_bytes(cls, value: SecretStr) -> SecretStr:
        if not re.fullmatch(r"([A-Za-z0-9+/]{43})?", value.get_secret_value()):
            raise ValueError("应为管理后台显示的 43 个字母和数字，请整段复制")
        return value

    @model_validator(mode="after")
    def _whole(self) -> Self:
        for what, *names in _WECOM:
            missing = [name for name in names if not getattr(self, name)]
            if 0 < len(missing) < len(names):
                told = "、".join(PREFIX + name.upper() for name in missing)
                raise ValueError(f"缺少设置 {told}：{what}要么填全，要么都留空。")
        return self

    @field_validator("public_url", "auth_jwks_url", "model_base_url", "wecom_api_base")
    @classmethod
    def _web_address(cls, value: str) -> str:
        if value:
            TypeAdapter(HttpUrl).validate_python(value)
        return value.rstrip("/")

    @field_validator("vector_url")
    @classmethod
    def _of_vectors(cls, value: str) -> str:
        try:
            server = urlsplit(value)
            chroma = server.scheme == "chroma+http" and server.hostname and server.port != 0
            pgvector = server.scheme == "postgresql+psycopg" and server.path.strip("/")
        except ValueError:
            chroma = pgvector = False
        if not (value == EMBEDDED or chroma or pgvector):
            raise ValueError("只能是 chroma:、chroma+http://主机:端口 或 postgresql+psycopg://用户:密码@主机/数据库")
        return value

    @field_validator("today", mode="before")
    @classmethod
    def _iso(cls, value: Any) -> Any:
        # Left alone, a number would be read as seconds since 1970.
        return date.fromisoformat(value) if isinstance(value, str) else value

    @property
    def database(self) -> str:
        """The SQLAlchemy URL in force."""
        return self.database_url or f"sqlite:///{self.home / 'xueshi.db'}"

    @property
    def corpora(self) -> list[Path]:
        """Corpus folders, the shipped one first; a policy in a later folder takes the place of one in an earlier."""
        return [SHIPPED_CORPUS, *self.corpus]

    def clock(self) -> date:
        """Today in Asia/Shanghai, or the day that `XUESHI_TODAY` fixes."""
        return self.today or datetime.now(ZoneInfo("Asia/Shanghai")).date()


def traced() -> bool:
    """Whether OpenTelemetry's own variables say where traces go. Their service is called xueshi if by no other name."""
    where = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
    off = os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or os.environ.get("OTEL_TRACES_EXPORTER") == "none"
    if off or not any(os.environ.get(name) for name in where):
        return False
    os.environ.setdefault("OTEL_SERVICE_NAME", "xueshi")
    return True


def shares_metrics() -> bool:
    """Whether Prometheus's client adds up the counts of several processes."""
    return "PROMETHEUS_MULTIPROC_DIR" in os.environ


def share_metrics(folder: Path) -> None:
    """Have processes that are started from now on add up their counts, from nothing, through files in a folder."""
    if not shares_metrics():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(0o700, parents=True)
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder.resolve())


def load(**overrides: Any) -> Settings:
    """Settings from the environment. SettingsError: one line that names the setting at fault."""
    _refuse_unknown()
    try:
        return Settings(**overrides)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        if not first["loc"]:  # of several settings together
            raise SettingsError(str(first["ctx"]["error"])) from None
        name = PREFIX + str(first["loc"][0]).upper()
        field = Settings.model_fields[str(first["loc"][0])]
        own = first["type"] == "value_error" and first["loc"][0] != "today"
        told = str(first["ctx"]["error"]) if own else f"应为：{field.description}"
        secret = field.annotation is SecretStr or "@" in str(first["input"])  # of an address, its password
        given = "" if secret else f"（{first['input']!r}）"
        raise SettingsError(f"设置 {name} 有误{given}：{told}") from None


def _refuse_unknown() -> None:
    """A misspelt name would otherwise be ignored in silence."""
    known = [PREFIX + name.upper() for name in Settings.model_fields]
    given = {**dotenv_values(".env"), **os.environ}
    for name, value in given.items():
        if name.startswith(PREFIX) and value and name not in known:
            near = difflib.get_close_matches(name, known, 1)
            raise SettingsError(f"不认识的设置 {name}" + (f"，是否想写 {near[0]}？" if near else "，请删去。"))
