"""`xueshi doctor`: settings, stores, model and WeCom, step by step; what is wrong is told with how to mend it."""

import secrets
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import typer

from assistant import settings
from assistant.errors import HomeInUse, Unavailable, XueshiError
from assistant.settings import Settings

if TYPE_CHECKING:
    from api.wecom.client import Client
    from assistant.store.database import Database

# What is looked at, and what looks: it says how it is, or raises what is wrong.
_Step = tuple[str, Callable[[], str]]
_PATIENCE = 10  # seconds
_OFF = "没有设置，不启用"


def command() -> None:
    """检查设置、存储、语言模型和企业微信，逐项说明哪里不对、怎样改；有不对的，退出码为 1。"""
    faults = 0
    for name, look in _steps(settings.load()):
        try:
            typer.echo(f"✓ {name}：{look()}")
        except XueshiError as error:
            faults += 1
            typer.echo(f"✗ {name}：{error}")
    typer.echo(f"有 {faults} 处需要处理。" if faults else "全部正常。")
    if faults:
        raise typer.Exit(1)


def _steps(given: Settings) -> Iterator[_Step]:
    from assistant.store.database import Database

    yield "身份核验", lambda: _tokens(given)
    opened = list[Database]()

    def database() -> str:
        opened.append(Database(given.database))
        return _accounts(opened[0])

    yield "数据库", database
    if opened:
        yield "政策", lambda: _policies(opened[0])
    yield "向量库", lambda: _vectors(given)
    yield "语言模型", lambda: _model(given)
    if opened:
        yield from _wecom(given, opened[0])
        opened[0].close()


def _tokens(given: Settings) -> str:
    from api.tokens import Tokens

    Tokens(given)
    return "可以核验登录凭证"


def _accounts(database: "Database") -> str:
    from assistant.store import people

    with database.read() as connection:
        if not people.any_account(connection):
            raise Unavailable("还没有登记任何账号：请运行 xueshi ingest records 导入 accounts.csv。")
    return "可以读写，已登记账号"


def _policies(database: "Database") -> str:
    from assistant.store import policies

    with database.read() as connection:
        policies.rule_sets(connection)
        return f"已收录 {len(policies.metas(connection))} 份"


def _vectors(given: Settings) -> str:
    from assistant.retrieval.index import Index

    index = Index(given.home, given.vector_url, given.embedding_model)
    try:
        index.open()
        index.check()
    except HomeInUse:
        return "正由运行中的 xueshi serve 使用"
    finally:
        index.close()
    return "可以读取"


def _model(given: Settings) -> str:
    from assistant.chat import chat_model
    from assistant.model import Limits

    if not given.model:
        return "没有设置，由内置的规划器作答"
    chat = chat_model(given, Limits())
    try:
        chat.invoke("你好")
    except Exception:  # of the provider's own making, and it may tell the key
        raise Unavailable(
            f"{given.model} 没有回答：请核对 XUESHI_MODEL、XUESHI_MODEL_BASE_URL、XUESHI_MODEL_API_KEY 和网络；"
            "在此之前由内置的规划器作答。"
        ) from None
    return f"{given.model} 有回答"


# WeCom.


def _wecom(given: Settings, database: "Database") -> Iterator[_Step]:
    from api.wecom.client import Client

    if not given.wecom_corp_id:
        yield "企业微信应用", lambda: _OFF
    else:
        client, told = Client(given, database), dict[str, object]()
        yield "企业微信应用", lambda: _app(client, told)
        if told:
            yield "企业微信登录", lambda: _domain(given, str(told.get("redirect_domain") or ""))
        client.close()
        token, key = given.wecom_token.get_secret_value(), given.wecom_aes_key.get_secret_value()
        yield "企业微信应用的回调", lambda: _echo(given, "/wecom/app", token, key, given.wecom_corp_id)
        yield "企业微信成员", lambda: _members(database)
    if given.wecom_bot_token:
        bot, bot_key = given.wecom_bot_token.get_secret_value(), given.wecom_bot_aes_key.get_secret_value()
        yield "智能机器人的回调", lambda: _echo(given, "/wecom/bot", bot, bot_key, "")
    else:
        yield "智能机器人的回调", lambda: _OFF
    # Not tried: the connection that is held would be taken over.
    yield (
        "智能机器人的长连接",
        lambda: (
            "已设置，由 xueshi wecom connect 连接（检查时不连，以免挤掉正用的连接）" if given.wecom_bot_id else _OFF
        ),
    )


def _app(client: "Client", told: dict[str, object]) -> str:
    told.update(client.check())
    if told.get("close"):
        raise Unavailable("应用已停用：请到管理后台“应用管理”中启用它。")
    return f"取得 access_token，应用是“{told.get('name')}”"


def _domain(given: Settings, trusted: str) -> str:
    ours = urlsplit(given.public_url)
    if ours.scheme != "https":
        raise Unavailable(f"XUESHI_PUBLIC_URL（{given.public_url}）须是教师的手机能打开的 https 地址，否则不能登录。")
    if trusted.lower() != ours.netloc.lower():
        raise Unavailable(
            f"应用的可信域名是“{trusted}”，与 XUESHI_PUBLIC_URL 的 {ours.netloc} 不一致："
            "请在应用的“网页授权及JS-SDK”中改成后者，端口也要相同。"
        )
    return f"可信域名是 {trusted}"


def _echo(given: Settings, path: str, token: str, key: str, receiver: str) -> str:
    """Verify our own address as WeCom does when it is entered (official page 90930)."""
    import httpx

    from api.wecom.crypto import Box

    address, word, now, nonce = given.public_url + path, secrets.token_hex(8), str(int(time.time())), "doctor"
    sealed = Box(token, key, receiver).seal(word, now, nonce)
    query = {"msg_signature": sealed.signature, "timestamp": now, "nonce": nonce, "echostr": sealed.encrypted}
    try:
        answer = httpx.get(address, params=query, timeout=_PATIENCE)
    except httpx.HTTPError:
        raise Unavailable(
            f"打不开 {address}：请确认 xueshi serve 在运行，XUESHI_PUBLIC_URL、域名、证书和反向代理无误。"
        ) from None
    if answer.status_code != 200 or answer.text != word:
        raise Unavailable(
            f"{address} 没有通过 URL 验证（HTTP {answer.status_code}）：请在改过设置后重启 xueshi serve，"
            "并确认反向代理把它原样转给本服务。"
        )
    return f"{address} 通过 URL 验证"


def _members(database: "Database") -> str:
    from assistant.store import reminders

    with database.read() as connection:
        count = reminders.reachable(connection)
    if not count:
        raise Unavailable("没有账号登记了企业微信成员：请在 accounts.csv 的 wecom_userid 列填写成员账号后再导入。")
    return f"{count} 个账号登记了企业微信成员"
