"""Ten thousand callbacks with faults, and a server that is killed: each message is answered once, or explained once."""

import asyncio
import json
import random
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from api.app import create_app
from api.wecom import app as door
from api.wecom import chat, client
from api.wecom import post as outbound
from api.wecom.crypto import Box
from assistant.ask import Assistant
from tests.wecom import echo, fake, fake_bot
from tests.wecom.conftest import app_settings, environment
from tests.wecom.fake import Caller, FakeWeCom, happened, message
from tests.wecom.fake_bot import FakeBot, LateAnswers

ACCOUNTS = {"LinXiaoLan": "t0001", "ChenJing": "t0003"}
UNKNOWN = "nobody.yet"
BOMB = "<!DOCTYPE x [<!ENTITY a 'ha'>]><xml>&a;</xml>"
CALLBACKS = 10_000
_AT_ONCE = 40

Reply = dict[str, Any]


class Gate:
    """WeCom's side of callbacks to some workers: straight into the applications, without a network."""

    def __init__(self, workers: list[FastAPI], chance: random.Random) -> None:
        self.posted = 0
        self._workers, self._chance, self._slots = workers, chance, asyncio.Semaphore(_AT_ONCE)
        self._app, self._bot = Box(fake.TOKEN, fake.AES_KEY, fake.CORP), Box(fake_bot.TOKEN, fake_bot.AES_KEY, "")

    async def app(self, xml: str, **forged: str) -> int:
        """Post a callback of the self-built app; the status."""
        timestamp, nonce = str(int(time.time())), secrets.token_hex(5)
        sealed = self._app.seal(xml, timestamp, nonce)
        body = f"<xml><ToUserName>{fake.CORP}</ToUserName><Encrypt>{sealed.encrypted}</Encrypt></xml>"
        query = {"msg_signature": sealed.signature, "timestamp": timestamp, "nonce": nonce, **forged}
        status, said = await self._post(door.PATH, query, body)
        assert status != 200 or said == b""
        return status

    async def bot(self, told: Reply | str, **forged: str) -> tuple[int, Reply | None]:
        """Post a callback of the bot; the status, and what it is answered with."""
        timestamp, nonce = str(int(time.time())), secrets.token_hex(5)
        plain = told if isinstance(told, str) else json.dumps(told)
        sealed = self._bot.seal(plain, timestamp, nonce)
        query = {"msg_signature": sealed.signature, "timestamp": timestamp, "nonce": nonce, **forged}
        status, said = await self._post("/wecom/bot", query, json.dumps({"encrypt": sealed.encrypted}))
        if status != 200 or not said:
            return status, None
        got = json.loads(said)
        opened: Reply = json.loads(self._bot.open(got["msgsignature"], str(got["timestamp"]), nonce, got["encrypt"]))
        return status, opened

    async def _post(self, path: str, query: dict[str, str], body: str) -> tuple[int, bytes]:
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": body.encode(), "more_body": False}

        async def send(event: Any) -> None:
            sent.append(event)

        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": path,
            "query_string": urlencode(query).encode(),
            "headers": [(b"host", b"xueshi.example.cn")],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
        }
        async with self._slots:
            self.posted += 1
            await self._chance.choice(self._workers)(scope, receive, send)
        return sent[0]["status"], b"".join(event.get("body", b"") for event in sent)


class Play:
    """The messages of a run, and what became of them."""

    def __init__(self, wecom: FakeWeCom, chance: random.Random) -> None:
        self.wecom, self.chance = wecom, chance
        self.streams: dict[str, set[str]] = {}  # what each message's stream said in the end, however often it came
        self.due: dict[str, set[str]] = {}  # and what it should
        self.expected = Counter[tuple[str, str]]()  # of each text, how often a member is sent it by the app
        self.everything: list[str] = []  # the app's messages
        self._numbers = iter(range(CALLBACKS))

    def question(self, userid: str, word: str = "") -> str:
        """One that nobody has asked before."""
        return f"{userid}的{word}第{next(self._numbers)}号问题"

    def app(self, userid: str, kind: str = "text") -> str:
        """A message to the app, and what it must lead to."""
        question = self.question(userid)
        said = echo.said(ACCOUNTS[userid], question) if userid in ACCOUNTS else door.UNKNOWN.format(userid=userid)
        self.expected[userid, said if kind == "text" or userid not in ACCOUNTS else door.ONLY_TEXT] += 1
        xml = message(userid, secrets.token_hex(8), question, kind)
        self.everything.append(xml)
        return xml

    async def deliver(self, gate: Gate, xml: str) -> None:
        """One to three times, as WeCom does when it hears nothing."""
        for _ in range(self.chance.choice([1, 1, 2, 3])):
            assert await gate.app(xml) == 200

    async def talk(self, gate: Gate, userid: str, word: str = "", group: str = "", **others: Any) -> None:
        """A message to the bot, one to three times, and its stream to the end."""
        question = self.question(userid, word)
        where = {"chattype": "group", "chatid": group} if group else {"chattype": "single"}
        sender = {"msgid": secrets.token_hex(8), "from": {"userid": userid}, **where}
        told = sender | {"msgtype": "text", "text": {"content": question}, **others}
        line = echo.said(ACCOUNTS[userid], question) if userid in ACCOUNTS else door.UNKNOWN.format(userid=userid)
        if group and userid in ACCOUNTS:
            self.expected[userid, line] += 1
            line = chat._DIRECTLY
        self.due[question] = {chat._WORDLESS if others else line}
        ends = self.streams.setdefault(question, set())
        for _ in range(self.chance.choice([1, 1, 2])):
            _, frame = await gate.bot(told)
            while frame and not frame["stream"]["finish"]:
                await asyncio.sleep(0.2)
                stream = {"msgtype": "stream", "stream": {"id": frame["stream"]["id"]}}
                _, frame = await gate.bot(sender | stream | {"msgid": secrets.token_hex(8)})
            assert frame
            ends.add(frame["stream"]["content"].split("\n")[0])

    async def forged(self, gate: Gate) -> None:
        """A callback of somebody who isn't WeCom."""
        xml, told = message("ChenJing", secrets.token_hex(8), "我还差多少？"), {"msgid": "x", "msgtype": "text"}
        match self.chance.randrange(5):
            case 0:
                assert await gate.app(xml, msg_signature="0" * 40) == 403
            case 1:
                assert await gate.app(xml, nonce="1") == 403
            case 2:
                assert (await gate.bot(told, timestamp=str(int(time.time()) - 400)))[0] == 403
            case 3:
                assert (await gate.bot('{"msgid": "m",'))[0] == 403
            case _:
                assert await gate.app(self.chance.choice([BOMB, "{", happened("LinXiaoLan", "unsubscribe")])) == 200


async def shuffled(chance: random.Random, work: list[Coroutine[Any, Any, None]]) -> None:
    chance.shuffle(work)
    await asyncio.gather(*work)


async def played(play: Play, homes: list[dict[str, Any]]) -> int:
    """Three days, and the workers started anew between them; how many callbacks were posted."""
    chance, posted = play.chance, 0
    faults: list[int | str] = [-1, 45009, "page", "silent", "unheard"]
    for day in range(3):
        workers = [create_app(app_settings(**home)) for home in homes]
        async with AsyncExitStack() as running:
            for app in workers:
                await running.enter_async_context(app.router.lifespan_context(app))
            gate = Gate(workers, chance)
            if day == 1:  # WeCom's own bad day: only what can be sent again without harm
                play.wecom.revoke()
                play.wecom.scatter("message/send", [chance.choice(faults) for _ in range(60)], among=240)
                xmls = [play.app(chance.choice([*ACCOUNTS])) for _ in range(300)]
            else:
                xmls = [
                    play.app(chance.choice([*ACCOUNTS, UNKNOWN]), chance.choice(["text", "image"])) for _ in range(300)
                ]
            work = [play.deliver(gate, xml) for xml in xmls]
            for _ in range(150):
                userid = chance.choice([*ACCOUNTS])
                work += [play.talk(gate, userid), play.talk(gate, userid, msgtype="image", text={})]
            work += [play.talk(gate, userid, echo.PERSONAL, "g1") for userid in ACCOUNTS for _ in range(20)]
            work += [play.talk(gate, UNKNOWN, group=chance.choice(["", "g1"])) for _ in range(60)]
            work += [play.forged(gate) for _ in range(600)]
            await shuffled(chance, work)
            posted += gate.posted
            while posted < CALLBACKS * (day + 1) // 3:  # long after, WeCom tells of old messages once more
                batch = [play.deliver(gate, chance.choice(play.everything)) for _ in range(100)]
                posted -= gate.posted
                await shuffled(chance, batch)
                posted += gate.posted
            await asyncio.to_thread(play.wecom.wait, play.expected.total())
        for app in workers:
            app.state.installation.close()
    return posted


@pytest.mark.sqlite("takes minutes, and asks no more of a database than the post's own tests")
def test_ten_thousand_callbacks_with_faults_are_each_answered_or_explained_once(
    home: Path, tmp_path: Path, wecom: FakeWeCom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Assistant, "_by_planner", echo.answered)
    monkeypatch.setattr(client, "_PAUSE", 0.01)
    monkeypatch.setattr(outbound, "_LOOK", 0.1)
    monkeypatch.setattr(outbound, "_FIRST", 0.05)
    wecom.a_minute = CALLBACKS
    bot = {"wecom_bot_token": SecretStr(fake_bot.TOKEN), "wecom_bot_aes_key": SecretStr(fake_bot.AES_KEY)}
    beside = {"database_url": f"sqlite:///{home / 'xueshi.db'}"}
    homes = [{"home": home, "wecom": wecom, **bot}, {"home": tmp_path / "beside", "wecom": wecom, **bot, **beside}]
    play = Play(wecom, random.Random(20231115))
    assert asyncio.run(played(play, homes)) >= CALLBACKS
    # By the app: each text to whom it is for, as often as it was asked for.
    assert Counter((one.userid, first_line(one.text)) for one in wecom.sent) == play.expected
    assert play.streams == play.due


def first_line(text: str) -> str:
    return text.split("\n")[0]


# A kill.


@contextmanager
def server(home: Path, wecom: FakeWeCom, port: int, thinks: float) -> Iterator["subprocess.Popen[bytes]"]:
    """A server of its own, from when it answers; it is killed at last."""
    bot = {"WECOM_BOT_TOKEN": fake_bot.TOKEN, "WECOM_BOT_AES_KEY": fake_bot.AES_KEY}
    env = environment(home, wecom, RATE_LIMIT="1000000", **bot)
    process = subprocess.Popen([sys.executable, "-m", "tests.wecom.echo", str(port), str(thinks)], env=env)
    try:
        end = time.monotonic() + 60
        while not answers(port):
            assert process.poll() is None
            assert time.monotonic() < end, "the server could not start"
            time.sleep(0.1)
        yield process
    finally:
        process.kill()
        process.wait()


def answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == 200
    except httpx.HTTPError:
        return False


def test_after_a_kill_each_message_is_answered_once_or_explained_once(
    home: Path, wecom: FakeWeCom, late: LateAnswers
) -> None:
    wecom.a_minute = CALLBACKS
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    questions = {f"第{number}号问题": [*ACCOUNTS][number % 2] for number in range(60)}
    xmls = [message(userid, question, question) for question, userid in questions.items()]
    asked: list[tuple[Reply, Reply]] = []
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as http:
        caller, bot = Caller(http), FakeBot(http, late)
        with server(home, wecom, port, thinks=1) as process:
            for number in range(10):
                told = bot.message([*ACCOUNTS][number % 2], f"机器人第{number}号问题")
                frame = bot.reply(told)
                assert frame
                asked.append((told, frame))
            posted = 0
            while len(wecom.sent) < 3:
                if posted < len(xmls):
                    assert caller.post(xmls[posted]).status_code == 200
                    posted += 1
            process.send_signal(signal.SIGKILL)
            process.wait()
        assert len(wecom.sent) < posted, "it was killed too late to tell anything"
        with server(home, wecom, port, thinks=0.02):
            for xml in [*xmls[:10], *xmls[posted:]]:  # that some were acknowledged wasn't always heard
                caller.post(xml)
            wecom.wait(len(questions), 60)
            ends = [end(bot, told, frame) for told, frame in asked]
            caller.post(message("ChenJing", "last", "最后一个问题"))
            wecom.wait(len(questions) + 1, 60)
    expected = {(userid, echo.said(ACCOUNTS[userid], question)) for question, userid in questions.items()}
    expected.add(("ChenJing", echo.said("t0003", "最后一个问题")))
    assert Counter((one.userid, first_line(one.text)) for one in wecom.sent) == Counter(expected)
    for (told, _), said in zip(asked, ends, strict=True):
        answer = echo.said(ACCOUNTS[told["from"]["userid"]], told["text"]["content"])
        assert first_line(said) == answer or "请重新提问" in said
    assert late.got == []


def end(bot: FakeBot, told: Reply, frame: Reply) -> str:
    """What a message's stream says in the end."""
    over = time.monotonic() + 60
    while not frame["stream"]["finish"]:
        assert time.monotonic() < over, "the stream didn't end"
        time.sleep(0.1)
        frame = bot.refresh(told, frame["stream"]["id"])
    content: str = frame["stream"]["content"]
    return content
