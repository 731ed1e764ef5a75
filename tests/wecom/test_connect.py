"""The bot's long connection: answers are pushed, and go on whatever becomes of the line."""

import asyncio
import itertools
import signal
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from api.cli_wecom import HOLDING, connect_command
from api.running import Running
from api.wecom import app, chat, post
from api.wecom.chat import Chat, To
from api.wecom.client import Client
from api.wecom.connect import WAY, Displaced, Line, Pace
from api.wecom.post import Post, by_app
from assistant.ask import Assistant, Happening
from assistant.bootstrap import install
from assistant.errors import SettingsError, Unavailable
from assistant.events import Text, Waiting
from assistant.settings import Settings
from assistant.store import feedback, runs, turns
from assistant.store import post as kept_post
from assistant.store.database import Database
from tests.wecom.conftest import app_settings
from tests.wecom.fake import FakeWeCom
from tests.wecom.fake_socket import BOT, SECRET, Body, FakeGateway, gateway
from tests.wecom.test_post import left, orphan

GAP, POLICY = "我今年还差多少学时？", "培训费用谁出？"
ME, OTHER = "LinXiaoLan", "ChenJing"
# A busy machine may be long in answering: only a test about that says how long it waits.
QUICK = Pace(ping=0.05, push=0.02, settle=0.02, answer=30.0, first=0.01, longest=0.05, give_up=60.0)

_NUMBERS = itertools.count(1)


def message(userid: str, text: str = "", group: str = "", **others: Any) -> Body:
    """A member's message as the connection tells it."""
    where = {"chattype": "group", "chatid": group} if group else {"chattype": "single"}
    told = {"msgid": f"m{next(_NUMBERS)}", "from": {"userid": userid}, "msgtype": "text", "text": {"content": text}}
    return {**told, **where, **others}


def event(userid: str, kind: str, **data: Any) -> Body:
    """Something that a member did."""
    return message(userid, msgtype="event", event={"eventtype": kind, kind: data})


@pytest.fixture
def settings(home: Path, wecom: FakeWeCom) -> Settings:
    return app_settings(home, wecom, wecom_bot_id=BOT, wecom_bot_secret=SecretStr(SECRET))


class Bot:
    """A bot that holds the connection to a gateway."""

    def __init__(self, gateway: FakeGateway, database: Database, line: Line) -> None:
        self.gateway, self.database, self.line = gateway, database, line
        self.holding = asyncio.create_task(line.hold())

    async def ask(self, userid: str, text: str, group: str = "") -> str:
        """What is shown in the end."""
        content: str = (await self.gateway.ended(await self.gateway.tell(message(userid, text, group))))[-1]["content"]
        return content

    async def idle(self) -> None:
        """Return once nothing that it was told of is being answered."""
        await self.gateway.until(lambda: not self.line._tasks)

    def asked(self, name: str = "t0001") -> list[str]:
        """The questions of an account."""
        with self.database.read() as connection:
            return [one.question for one in turns.threads(connection, name, 100)]

    def kept(self, name: str) -> list[str]:
        """The questions of an account that have been answered."""
        with self.database.read() as connection:
            found = [turns.turns(connection, name, one.id) for one in turns.threads(connection, name, 100)]
        return [turn.question for thread in found for turn in thread if turn.answer]


@asynccontextmanager
async def bot(settings: Settings, pace: Pace = QUICK) -> AsyncIterator[Bot]:
    """A bot, connected."""
    installation = install(settings)
    client, running = Client(settings, installation.database), Running(installation)
    outbound = Post(installation.database)
    outbound.add_way(app.WAY, by_app(client))
    talks = Chat(installation, running, outbound, client)
    async with gateway() as made:
        line = Line(settings.model_copy(update={"wecom_ws_url": made.url}), talks, outbound, pace)
        bot = Bot(made, installation.database, line)
        outbound.start()
        try:
            await made.connected()
            yield bot
        finally:
            bot.holding.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await bot.holding
            talks.close()
            await asyncio.to_thread(outbound.close)
            await asyncio.to_thread(running.close)
            client.close()
            installation.close()


def play(settings: Settings, scene: Callable[[Bot], Awaitable[None]], pace: Pace = QUICK) -> None:
    """Run a scene with a bot that is connected."""

    async def whole() -> None:
        async with bot(settings, pace) as made:
            await scene(made)

    asyncio.run(whole())


def test_an_answer_is_pushed_as_a_stream_and_its_card_behind_it(settings: Settings, held: threading.Event) -> None:
    async def scene(bot: Bot) -> None:
        req_id = await bot.gateway.tell(message(ME, GAP))
        await bot.gateway.until(lambda: "核算" in str(bot.gateway.streams(req_id)))
        held.set()
        states = await bot.gateway.ended(req_id)
        assert [state["finish"] for state in states] == [False] * (len(states) - 1) + [True]
        assert len({state["id"] for state in states}) == 1
        assert states[-1]["content"].startswith("2023年您还差 12 学时")
        assert states[0]["feedback"]["id"] in states[-1]["content"]
        await bot.gateway.until(lambda: bot.gateway.of("aibot_send_msg"))
        [card] = bot.gateway.of("aibot_send_msg")
        assert (card["chatid"], card["chat_type"], card["msgtype"]) == (ME, 1, "template_card")
        assert {one["msgtype"] for one in bot.gateway.of("aibot_respond_msg")} == {"stream"}

    play(settings, scene)


def test_members_are_answered_as_themselves_and_groups_with_nothing_personal(
    settings: Settings, wecom: FakeWeCom
) -> None:
    async def scene(bot: Bot) -> None:
        assert "还差 12 学时" not in await bot.ask(OTHER, GAP)
        assert "还没有登记" in await bot.ask("nobody.yet", GAP)
        assert "不在群里显示" in await bot.ask(ME, f"@学时通 {GAP}", "g1")
        assert "参加培训的费用" in await bot.ask(ME, f"@学时通 {POLICY}", "g1")
        await bot.gateway.until(lambda: wecom.texts(ME))
        assert "还差 12 学时" in wecom.texts(ME)[0]
        assert not any(body.get("chatid") == "g1" for body in bot.gateway.of("aibot_send_msg"))

    play(settings, scene)


def test_a_message_that_comes_again_is_answered_once(settings: Settings) -> None:
    async def scene(bot: Bot) -> None:
        twice = message(ME, POLICY)
        told = [await bot.gateway.tell(twice) for _ in range(3)]
        await bot.ask(OTHER, POLICY)  # once this has come, the others have
        await bot.idle()
        # Whichever is taken in first.
        [answered] = [states for req_id in told if (states := bot.gateway.streams(req_id))]
        assert [state["finish"] for state in answered].count(True) == 1
        assert bot.asked() == [POLICY]

    play(settings, scene)


def test_a_late_answer_comes_as_a_message(
    settings: Settings, held: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(bot: Bot) -> None:
        monkeypatch.setattr(chat, "WINDOW", 0.0)
        states = await bot.gateway.ended(await bot.gateway.tell(message(ME, GAP)))
        assert states[-1]["content"] == chat.LATER
        held.set()
        await bot.gateway.until(lambda: bot.gateway.of("aibot_send_msg"))
        [late] = bot.gateway.of("aibot_send_msg")
        assert (late["chatid"], late["msgtype"]) == (ME, "markdown")
        assert "还差 12 学时" in late["markdown"]["content"]

    play(settings, scene)


def test_events_are_answered(settings: Settings) -> None:
    async def scene(bot: Bot) -> None:
        entered = await bot.gateway.tell(event(ME, "enter_chat"))
        await bot.gateway.until(lambda: bot.gateway.of("aibot_respond_welcome_msg"))
        assert [one.req_id for one in bot.gateway.said if "welcome" in one.cmd] == [entered]
        states = await bot.gateway.ended(await bot.gateway.tell(message(ME, "学时")))
        await bot.gateway.until(lambda: bot.gateway.of("aibot_send_msg"))
        card = bot.gateway.of("aibot_send_msg")[0]["template_card"]
        await bot.gateway.tell(event(ME, "template_card_event", event_key="0", task_id=card["task_id"]))
        await bot.gateway.until(lambda: len(bot.gateway.of("aibot_send_msg")) == 2)
        [update] = bot.gateway.of("aibot_respond_update_msg")
        assert update["template_card"]["task_id"] == card["task_id"]
        assert "还差 12 学时" in bot.gateway.of("aibot_send_msg")[1]["markdown"]["content"]
        await bot.gateway.tell(event(ME, "feedback_event", id=states[0]["feedback"]["id"], type=2))
        await bot.gateway.until(lambda: _opinions(bot) == [("t0001", "down")])

    play(settings, scene)


def _opinions(bot: Bot) -> list[tuple[str, str]]:
    with bot.database.read() as connection:
        return [(one.opinion.account, one.opinion.rating) for one in feedback.every(connection)]


async def _deaf(gateway: FakeGateway) -> None:
    """It stops answering, until the bot has noticed."""
    gateway.deaf = True
    await gateway.until(lambda: gateway._socket is None or gateway._socket.state.name == "CLOSED")
    gateway.deaf = False


async def _cut(gateway: FakeGateway) -> None:
    gateway.cut()


async def _busy(gateway: FakeGateway) -> None:
    """It refuses the next subscriptions for a reason that passes."""
    gateway.fail("aibot_subscribe", 45009, -1)
    await gateway.close()


ENDS: list[Callable[[FakeGateway], Awaitable[None]]] = [
    lambda gateway: gateway.close(1000),
    lambda gateway: gateway.close(1001),
    lambda gateway: gateway.close(1011),
    _cut,
    _deaf,
    _busy,
]


@pytest.mark.parametrize("end", ENDS, ids=["clean", "away", "error", "cut", "deaf", "busy"])
def test_after_every_kind_of_close_it_connects_again_and_finishes_what_was_begun(
    settings: Settings, held: threading.Event, end: Callable[[FakeGateway], Awaitable[None]]
) -> None:
    async def scene(bot: Bot) -> None:
        req_id = await bot.gateway.tell(message(ME, GAP))
        await bot.gateway.until(lambda: bot.gateway.streams(req_id))
        await end(bot.gateway)
        await bot.gateway.connected(2)
        held.set()
        states = await bot.gateway.ended(req_id)
        assert "还差 12 学时" in states[-1]["content"]
        assert "已达到要求" in await bot.ask(OTHER, GAP)
        assert not any(one["msgtype"] == "markdown" for one in bot.gateway.of("aibot_send_msg"))

    play(settings, scene, replace(QUICK, answer=0.3) if end is _deaf else QUICK)


@pytest.mark.parametrize("code", [846605, 846608])
def test_an_answer_whose_stream_is_forgotten_is_sent_once_as_a_message(
    settings: Settings, held: threading.Event, code: int
) -> None:
    async def scene(bot: Bot) -> None:
        req_id = await bot.gateway.tell(message(ME, POLICY))
        await bot.gateway.until(lambda: bot.gateway.streams(req_id))
        bot.gateway.fail("aibot_respond_msg", code)
        await bot.gateway.close()
        await bot.gateway.connected(2)
        held.set()
        await bot.gateway.until(lambda: bot.gateway.of("aibot_send_msg"))
        [sent] = bot.gateway.of("aibot_send_msg")
        assert "参加培训的费用" in sent["markdown"]["content"]
        assert (sent["chatid"], sent["chat_type"]) == (ME, 1)

    play(settings, scene)


def test_when_another_connection_takes_over_it_stops(settings: Settings) -> None:
    async def scene(bot: Bot) -> None:
        await bot.gateway.kick()
        with pytest.raises(Displaced, match="另一个连接"):
            await asyncio.wait_for(bot.holding, 30)
        assert bot.gateway.subscribed == 1

    play(settings, scene)


def test_a_part_of_an_answer_that_was_stopped_is_not_told_as_the_whole(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def endless(*_: object) -> Iterator[Happening]:
        yield Text("2023年您还差 12")
        while True:
            yield Waiting()

    async def scene(bot: Bot) -> None:
        req_id = await bot.gateway.tell(message(ME, GAP))
        await bot.gateway.until(lambda: "还差" in str(bot.gateway.streams(req_id)))
        run_id = bot.gateway.streams(req_id)[0]["id"].partition(".")[2]
        with bot.database.write() as connection:
            runs.stop(connection, run_id)
        last = (await bot.gateway.ended(req_id))[-1]
        assert "请重新提问" in last["content"]
        assert "还差" not in last["content"]

    monkeypatch.setattr(Assistant, "_by_planner", endless)
    play(settings, scene)


@pytest.fixture
def quick_post(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left is soon looked for, and what couldn't be sent soon tried again."""
    monkeypatch.setattr(post, "_LOOK", 0.02)
    monkeypatch.setattr(post, "_FIRST", 0.02)


@pytest.mark.usefixtures("quick_post")
@pytest.mark.parametrize(("answered", "mine"), [(True, "2023年您还差 12 学时"), (False, "请重新提问")])
def test_what_a_displaced_connection_left_is_told_once_by_the_one_that_took_over(
    settings: Settings, held: threading.Event, answered: bool, mine: str
) -> None:
    async def whole() -> None:
        async with bot(settings) as first:
            told = [await first.gateway.tell(message(userid, GAP)) for userid in (ME, OTHER)]
            await first.gateway.until(lambda: all(first.gateway.streams(one) for one in told))
            await first.gateway.kick()
            with pytest.raises(Displaced):
                await asyncio.wait_for(first.holding, 30)
            if answered:
                held.set()
                await first.gateway.until(lambda: first.kept("t0001") and first.kept("t0003"))
        assert not any(state["finish"] for one in told for state in first.gateway.streams(one))
        assert first.gateway.of("aibot_send_msg") == []
        with closing(Database(settings.database)) as database:
            orphan(database)
        held.set()
        async with bot(settings) as second:
            await second.gateway.until(lambda: left(second.database) == 0)
            assert "参加培训的费用" in await second.ask(ME, POLICY)
            sent = second.gateway.of("aibot_send_msg")
            assert sorted(one["chatid"] for one in sent) == sorted([ME, OTHER])
            said = {one["chatid"]: one["markdown"]["content"] for one in sent}
            assert mine in said[ME]
            assert ("已达到要求" if answered else "请重新提问") in said[OTHER]
            assert "还差 12" not in said[OTHER]

    asyncio.run(whole())


@pytest.mark.usefixtures("quick_post")
def test_who_was_heard_and_never_answered_is_asked_to_ask_again(settings: Settings) -> None:
    owed = chat.Owed(
        "wecom:none", in_group=False, streamed=True, to=To(WAY, f'{{"chatid": "{ME}", "chat_type": 1}}', True)
    )
    with closing(Database(settings.database)) as database:
        with database.write() as connection:
            assert kept_post.take(connection, "bot:m0", chat.DOOR, "gone", ME, owed._asdict())
        orphan(database)

    async def scene(bot: Bot) -> None:
        await bot.gateway.until(lambda: left(bot.database) == 0)
        [sent] = bot.gateway.of("aibot_send_msg")
        assert (sent["chatid"], sent["markdown"]["content"]) == (ME, app.LOST)

    play(settings, scene)


@pytest.mark.usefixtures("quick_post")
@pytest.mark.parametrize("pushed", [True, False])
def test_what_cannot_be_sent_beside_a_stream_just_now_is_sent_later(settings: Settings, pushed: bool) -> None:
    async def scene(bot: Bot) -> None:
        bot.gateway.fail("aibot_send_msg", 45009, 846609)
        if not pushed:
            bot.gateway.fail("aibot_respond_msg", 846605)
        await bot.gateway.tell(message(ME, GAP))
        await bot.gateway.until(lambda: bot.gateway.of("aibot_send_msg"))
        await bot.idle()
        await bot.gateway.until(lambda: left(bot.database) == 0)
        sent = [one["msgtype"] for one in bot.gateway.of("aibot_send_msg")]
        assert sorted(sent) == sorted(["template_card"] * 3 if pushed else ["markdown", "template_card"] * 2)

    play(settings, scene)


def test_a_fixed_line_whose_stream_is_forgotten_is_sent_once_as_a_message(settings: Settings) -> None:
    async def scene(bot: Bot) -> None:
        bot.gateway.fail("aibot_respond_msg", 846605)
        await bot.gateway.tell(message("nobody.yet", GAP))
        await bot.gateway.until(lambda: bot.gateway.of("aibot_send_msg"))
        await bot.idle()
        assert left(bot.database) == 0
        [sent] = bot.gateway.of("aibot_send_msg")
        assert "还没有登记" in sent["markdown"]["content"]

    play(settings, scene)


def test_a_wrong_secret_stops_it_with_a_line(settings: Settings) -> None:
    async def scene(bot: Bot) -> None:
        bot.gateway.fail("aibot_subscribe", 853000)
        await bot.gateway.close()
        with pytest.raises(SettingsError, match="XUESHI_WECOM_BOT_SECRET"):
            await asyncio.wait_for(bot.holding, 30)

    play(settings, scene)


def test_what_is_malformed_is_passed_over(settings: Settings) -> None:
    async def scene(bot: Bot) -> None:
        for raw in ("", "{", "[]", "null", '{"cmd": "aibot_msg_callback"}', b"\xff\xfe", "[" * 100_000):
            await bot.gateway.send(raw)
        await bot.gateway.tell({"msgtype": "text"})
        await bot.gateway.tell({"msgtype": "event", "event": {"eventtype": "something_new"}})
        assert "参加培训的费用" in await bot.ask(ME, POLICY)
        assert bot.gateway.subscribed == 1

    play(settings, scene)


def test_no_more_is_said_to_a_conversation_than_wecom_takes() -> None:
    assert 60 / Pace().push <= 30
    assert Pace().ping == 30


def test_one_process_holds_it(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"HOME": str(settings.home), "WECOM_BOT_ID": BOT, "WECOM_BOT_SECRET": SECRET}.items():
        monkeypatch.setenv(f"XUESHI_{name}", value)
    refused = pytest.raises(Unavailable, match="另一个进程正在保持智能机器人的长连接")
    with closing(Database(settings.database)) as database, database.alone(HOLDING), refused:
        connect_command()


RUN = [sys.executable, "-c", "from api.cli_wecom import wecom; wecom()", "connect"]


def test_the_command_answers_until_it_is_told_to_stop(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def whole() -> None:
        async with gateway() as made:
            given = {"HOME": str(home), "TODAY": "2023-11-15", "WECOM_BOT_ID": BOT, "WECOM_BOT_SECRET": SECRET}
            for name, value in {**given, "WECOM_WS_URL": made.url}.items():
                monkeypatch.setenv(f"XUESHI_{name}", value)
            process = await asyncio.create_subprocess_exec(*RUN, stderr=asyncio.subprocess.DEVNULL)
            try:
                await made.connected()
                states = await made.ended(await made.tell(message(ME, GAP)))
                assert "还差 12 学时" in states[-1]["content"]
                process.send_signal(signal.SIGTERM)
                assert await asyncio.wait_for(process.wait(), 30) == 0
            finally:
                if process.returncode is None:
                    process.kill()

    asyncio.run(whole())
