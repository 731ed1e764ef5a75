"""The intelligent bot's conversations, whichever way its messages come: by callback or on the long connection.

Each message is a run: it goes on whoever asks for its stream, which any process can find again by the stream's id. A
stream's content is cumulative (page 101031). WeCom stops asking for it six minutes after the message, so it ends
before, and an answer that comes later is sent as a message of its own. What is personal is never shown in a group: a
line there, and the answer through the companion app. What isn't told by the stream is owed, by whichever process, until
it is sent.
"""

import asyncio
import hashlib
import json
import logging
import re
import secrets
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from starlette.concurrency import run_in_threadpool

from api.running import Running
from api.wecom import app as companion
from api.wecom import render
from api.wecom.client import Client, WeComError
from api.wecom.post import Outgoing, Post
from api.wecom.said import Message
from assistant.answer import Answer, Outcome
from assistant.bootstrap import Installation
from assistant.errors import NotFound, XueshiError, trace
from assistant.events import doing
from assistant.identity import Account
from assistant.store import feedback, people, post, runs, turns, wecom
from assistant.store.post import Waiting
from assistant.store.runs import Numbered, RunInfo
from assistant.text import is_text

WINDOW = 330.0  # seconds after a message within which its stream ends
DOOR = "bot"
_LOOK = 0.2  # seconds
_COMMENT = 1000  # characters
_ENCRYPTED = re.compile(r"wo[A-Za-z0-9_-]{20,}")
_LOG = logging.getLogger(__name__)

# Of nobody in particular are answers that rest on the search for clauses alone, with one of these outcomes.
_FOR_ALL = {Outcome.ANSWERED, Outcome.CLARIFY, Outcome.NO_EVIDENCE, Outcome.OUT_OF_SCOPE, Outcome.UNAVAILABLE}
_SEARCH = doing("search_policy").text
_REASONS = {1: "与问题无关", 2: "内容不完整", 3: "内容有错误", 4: "分析错误"}

_UNSURE = "企业微信暂时不能确认您的身份，没有作答。请稍后再试；一直如此，请管理员运行 xueshi doctor。"
_WORDLESS = "请用文字或语音提问，例如：我今年还差多少学时？图片和文件暂时看不了。"
_WELCOME = "您好，我是学时通。可以问我：\n我今年还差多少学时？\n为什么有的学时没有计入？\n镇级培训最多能计多少学时？"
LATER = "这个问题要多花些时间，还在处理。有了答案会另发一条消息，不用再问。"
_DIRECTLY = "这个问题涉及个人或单位的数据，不在群里显示。答案发到您的应用消息里；没有收到的话，请单独向我提问。"
_ALONE = "这个问题涉及个人或单位的数据，不在群里显示。请打开与我的单聊，再问一次。"
_UNFINISHED = "这次回答没有完成，请重新提问。"


class To(NamedTuple):
    """How a message of its own gets into a conversation: a way of the post, and what that calls the receiver.

    `streams`: this way streams go, too, so that a stream dies with its process, and isn't asked for at another.
    """

    way: str
    to: str
    streams: bool = False


class Owed(NamedTuple):
    """What is needed to send what an answer's stream doesn't tell, as it is put down. `to` None: nothing can be sent.

    `key`: of the run, by which it is found again. `streamed`: there is a stream.
    """

    key: str
    in_group: bool
    streamed: bool
    to: To | None

    @classmethod
    def read(cls, asked: dict[str, Any]) -> "Owed":
        """What was put down."""
        return cls(**{**asked, "to": To(*asked["to"]) if asked["to"] else None})


class Frame(NamedTuple):
    """A stream as it stands: its whole content, and whether that is the last. `feedback`: the id that ratings name.

    `all_told`: once it is finished, nothing is left to be told otherwise.
    """

    stream_id: str
    content: str
    finish: bool
    feedback: str = ""
    card: dict[str, Any] | None = None
    all_told: bool = True

    @property
    def body(self) -> dict[str, Any]:
        """The reply (page 101031)."""
        stream: dict[str, Any] = {"id": self.stream_id, "finish": self.finish, "content": self.content}
        if self.feedback:
            stream["feedback"] = {"id": self.feedback}
        if self.card:
            return {"msgtype": "stream_with_template_card", "stream": stream, "template_card": self.card}
        return {"msgtype": "stream", "stream": stream}


class Heard(NamedTuple):
    """The reply to a message, whether that came for the first time, and its name, where anything may be owed."""

    frame: Frame
    first: bool
    name: str | None = None


class _Who(NamedTuple):
    """A member: its userid, and its account where it has one."""

    userid: str
    account: Account | None


class _Told(NamedTuple):
    """What a run has told so far: what is being done, all that was done, the text, and the error that ended it.

    `known`: it is still kept.
    """

    known: bool
    status: str
    done: set[str]
    text: str
    error: str

    @classmethod
    def of(cls, events: Sequence[Numbered]) -> "_Told":
        status, done, texts, error = "", set[str](), dict[str, str](), ""
        for part in (json.loads(data) for _, data in events if data.startswith("{")):
            match part:
                case {"type": "data-status", "data": {"text": status}}:
                    done.add(status)
                case {"type": "text-delta", "id": name, "delta": delta}:
                    texts[name] = texts.get(name, "") + delta
                case {"type": "data-replaced", "data": {"text": name}}:
                    texts.pop(name, None)
                case {"type": "error", "errorText": error}:
                    pass
        return cls(bool(events), status, done, "".join(texts.values()), error)


class _Result(NamedTuple):
    """What an ended run says: the content of its stream, a card beside it, and what is for the asker alone."""

    content: str
    card: dict[str, Any] | None = None
    private: str | None = None


class Chat:
    """The conversations of one bot."""

    def __init__(self, installation: Installation, running: Running, outbound: Post, client: Client | None) -> None:
        """`outbound`: the post, with the ways of this bot; `client`: of the companion app, None where there is none."""
        self._settings, self._database = installation.settings, installation.database
        self._running, self._post, self._client = running, outbound, client
        self._tasks = set[asyncio.Task[None]]()
        outbound.add_door(DOOR, self._resume)

    async def hear(self, message: Message, to: To | None) -> Heard:
        """Begin to answer a message; what its stream doesn't tell is sent `to` the conversation."""
        owed = Owed(_run_key(message), message.in_group, streamed=True, to=to)
        heard, begun = await run_in_threadpool(self._heard, message, owed)
        if begun and heard.name:
            self._attend(heard.name, *begun, owed)
        return heard

    def _heard(self, message: Message, owed: Owed) -> tuple[Heard, tuple[_Who, RunInfo] | None]:
        """What is said at once; and for whom which run was begun, if one was. In one go: threads are many here."""
        try:
            who = self._who(message.sender.userid)
            name, run = self._take(who, message, message.question, owed)
        except XueshiError as error:
            # Where nobody can tell whether it came before, it is explained each time.
            return Heard(_line(str(error)), first=True), None
        if who.account is None:
            return Heard(_line(companion.UNKNOWN.format(userid=who.userid)), bool(name), name), None
        if run is None:
            return Heard(_line(_WORDLESS), bool(name), name), None
        return Heard(self._frame(who.account, run, message.in_group), bool(name), name), (who, run)

    def told(self, name: str | None, *rest: Outgoing) -> None:
        """Take note that a message has been answered to the end, but for the rest, which is sent.

        `name` None: only the rest is sent.
        """
        try:
            if name or rest:
                self._post.answer([name] if name else [], *rest)
        except XueshiError as error:  # it will be looked at again, and what was streamed be told as a message
            _LOG.warning("that a message was answered could not be put down: %s", error)

    async def look(self, userid: str, stream_id: str) -> Frame:
        """A stream as it stands now, for the member whose message it answers."""
        return await run_in_threadpool(self._look, userid, stream_id)

    def _look(self, userid: str, stream_id: str) -> Frame:
        kind, _, run_id = stream_id.partition(".")
        try:
            who = self._who(userid)
            if who.account is None:
                return Frame(stream_id, companion.UNKNOWN.format(userid=who.userid), finish=True)
            return self._frame(who.account, self._run(who.account, run_id), kind != "single")
        except XueshiError as error:
            return Frame(stream_id, str(error), finish=True)

    async def welcome(self, message: Message) -> str:
        """What a member is greeted with."""
        try:
            who = await run_in_threadpool(self._who, message.sender.userid)
        except XueshiError as error:
            return str(error)
        return _WELCOME if who.account else companion.UNKNOWN.format(userid=who.userid)

    async def choose(self, message: Message, to: To | None) -> dict[str, Any] | None:
        """Ask what a member chose on a card of ours; the card that takes its place. None: it isn't one of theirs."""
        owed = Owed(_run_key(message), message.in_group, streamed=False, to=to)
        try:
            who = await run_in_threadpool(self._who, message.sender.userid)
            if not (who.account and message.event):
                return None
            click = message.event.template_card_event
            choice = await run_in_threadpool(self._choice, who.account, click.task_id, click.event_key)
            name, run = await run_in_threadpool(self._take, who, message, choice, owed)
        except XueshiError:
            return None
        if not (name and run):
            return None
        self._attend(name, who, run, owed)
        return render.chosen_card(choice, click.task_id, self._url(click.task_id))

    async def rate(self, message: Message) -> None:
        """Keep what a member thinks of an answer of their own; of others' answers nothing is kept."""
        try:
            await run_in_threadpool(self._rate, message)
        except XueshiError as error:
            _LOG.info("a rating was not kept: %s", trace(error))

    def close(self) -> None:
        """Give up what is still to be sent; from any thread."""
        for task in list(self._tasks):
            with suppress(RuntimeError):  # the loop may have ended with its server
                task.get_loop().call_soon_threadsafe(task.cancel)

    # Who it is.

    def _who(self, userid: str) -> _Who:
        """NotFound: WeCom can't say whose an encrypted id is just now."""
        encrypted = bool(_ENCRYPTED.fullmatch(userid))
        with self._database.read() as connection:
            known = (encrypted and wecom.userid(connection, userid)) or userid
            found = people.member(connection, known)
        if found is None and known == userid and encrypted and self._client:
            known = self._decrypt(self._client, userid)
            if known != userid:
                return self._who(userid)
        return _Who(known, found)

    def _decrypt(self, client: Client, userid: str) -> str:
        """Learn whose an encrypted id is (page 101521); nothing is learnt of members outside the app's range."""
        asked = {"open_userid_list": [userid], "source_agentid": int(self._settings.wecom_agent_id)}
        try:
            told = client.call("batch/openuserid_to_userid", asked)
        except WeComError as error:
            _LOG.warning("an encrypted id could not be converted: %s", error.code)
            raise NotFound(_UNSURE) from None
        for one in told.get("userid_list", []):
            if one.get("open_userid") == userid and one.get("userid"):
                with self._database.write() as connection:
                    wecom.keep_userid(connection, userid, one["userid"])
                return str(one["userid"])
        return userid

    # Answering.

    def _take(self, who: _Who, message: Message, question: str, owed: Owed) -> tuple[str | None, RunInfo | None]:
        """Take a message in, None: it came before; and the run of its question, None: there is none to be answered.

        All in one write, since whoever waits for the word back waits for each. The run goes on with the conversation;
        sent again, a message has the same run.
        """
        key, talk = f"bot:{message.msgid}", f"bot:{_digest(message.chatid)}" if message.in_group else "bot"
        account, noted = who.account, None
        with self._database.write(account.name if account else None) as connection:
            name = post.take(connection, key, DOOR, self._post.holder, message.sender.userid, owed._asdict())
            if account and question:
                thread = wecom.thread(connection, account.name, talk)
                noted = self._running.note(connection, account, question, thread, owed.key)
                wecom.keep_thread(connection, account.name, talk, noted.run.thread_id)
            elif name and not (owed.to and owed.to.streams):  # it is said at once; nothing is owed
                post.answered(connection, [name])
        return name, noted and self._running.start(noted)

    def _run(self, account: Account, run_id: str) -> RunInfo:
        with self._database.read() as connection:
            return runs.run(connection, account.name, run_id)

    def _frame(self, account: Account, run: RunInfo, in_group: bool) -> Frame:
        stream_id = f"{'group' if in_group else 'single'}.{run.id}"
        frame = Frame(stream_id, LATER, finish=True, feedback=run.answer_id, all_told=False)
        told = _Told.of(self._running.so_far(run.id))
        run = self._run(account, run.id)
        if run.ended_at is None and not _is_late(run, time.time()):
            doing_now = f"{told.status}…" if told.status else ""
            said = "" if in_group else render.so_far(told.text, render.BOT)
            return frame._replace(content=said or doing_now, finish=False)
        if run.ended_at is None or _is_late(run, run.ended_at):
            return frame
        result = self._result(account, run, in_group)
        return frame._replace(content=result.content, card=result.card, all_told=not result.private)

    def _result(self, account: Account, run: RunInfo, in_group: bool) -> _Result:
        told = _Told.of(self._running.so_far(run.id))
        try:
            with self._database.read() as connection:
                kept = turns.turn(connection, account.name, run.answer_id).answer
        except NotFound:  # it ended without an answer
            return _Result(told.error or _UNFINISHED)
        if kept is None or kept.get("stopped"):  # a part of an answer may say the contrary of the whole
            return _Result(_UNFINISHED)
        answer, url = Answer.model_validate(kept), self._url(run.answer_id)
        if in_group and not _is_for_all(answer, told):
            private = render.text(answer, url, render.APP)
            return _Result(_DIRECTLY, private=private) if self._client else _Result(_ALONE)
        card = None if in_group else render.choice_card(answer) or render.progress_card(answer, url)
        return _Result(render.markdown(answer, url, render.BOT), card)

    def _url(self, answer_id: str) -> str:
        return f"{self._settings.public_url}/answers/{answer_id}"

    # What isn't told by the stream.

    def _attend(self, name: str, who: _Who, run: RunInfo, owed: Owed) -> None:
        task = asyncio.create_task(self._see_to(name, who, run, owed))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _see_to(self, name: str, who: _Who, run: RunInfo, owed: Owed) -> None:
        """Once a run has ended, send what its stream doesn't tell."""
        try:
            async for _ in self._running.follow(run.id, 0):
                pass
            while not await run_in_threadpool(self._see_to_end, name, who, run, owed, left=False):
                await asyncio.sleep(_LOOK)
        except Exception as error:
            _LOG.error("answer %s could not be sent: %s", run.answer_id, trace(error))

    def _see_to_end(self, name: str, who: _Who, run: RunInfo, owed: Owed, left: bool) -> bool:
        """If a run has ended, send what its stream doesn't tell: an answer that came late, one not for a group.

        `left`: the process that answered is no more. False: it hasn't ended.
        """
        if who.account is None or (run := self._run(who.account, run.id)).ended_at is None:
            return who.account is None
        result = self._result(who.account, run, owed.in_group)
        late = not owed.streamed or _is_late(run, run.ended_at)
        told = []
        if result.private:
            direct = {"msgtype": "text", "text": {"content": result.private}}
            told.append(Outgoing(companion.WAY, who.userid, direct, self._url(run.answer_id) in result.private))
        if owed.to and (late or (left and owed.to.streams)):
            message = {"msgtype": "markdown", "markdown": {"content": result.content}}
            told.append(Outgoing(owed.to.way, owed.to.to, message, repeatable=not owed.to.streams))
        elif late:
            _LOG.warning("answer %s came too late, and there is nowhere to send it", run.answer_id)
        if told or left or not (owed.to and owed.to.streams):  # else whoever streams it says when it is told
            self._post.answer([name], *told)
        return True

    def _resume(self, left: list[Waiting]) -> None:
        """See to messages whose process is no more."""
        for one in left:
            owed, done = Owed.read(one.asked), True
            try:
                who = self._who(one.userid)
                with self._database.read() as connection:
                    run = runs.called(connection, who.account.name, owed.key) if who.account else None
                if run is None:  # it never began to be answered, and so wasn't acknowledged
                    # Called again, WeCom sends it again; on the long connection nobody does.
                    lost = {"msgtype": "markdown", "markdown": {"content": companion.LOST}}
                    letters = [Outgoing(*owed.to[:2], lost)] if owed.to and owed.to.streams else []
                    self._post.answer([one.name], *letters)
                    continue
                self._running.so_far(run.id)  # a run whose process has died is ended by whoever looks
                done = self._see_to_end(one.name, who, run, owed, left=True)
            except Exception as error:
                _LOG.error("a message that was left could not be seen to: %s", trace(error))
                done = False
            if not done:
                self._post.leave(one.name)

    # Choices and ratings.

    def _choice(self, account: Account, answer_id: str, place: str) -> str:
        """NotFound: it is no choice of an answer of the account's own."""
        with self._database.read() as connection:
            choices = Answer.model_validate(turns.turn(connection, account.name, answer_id).answer).suggestions
        if not (place.isascii() and place.isdecimal() and int(place[:4]) < len(choices)):
            raise NotFound("没有这个选项。")
        return choices[int(place[:4])]

    def _rate(self, message: Message) -> None:
        said = message.event.feedback_event if message.event else None
        account = self._who(message.sender.userid).account
        if said is None or account is None:
            return
        reasons = [_REASONS[one] for one in said.inaccurate_reason_list if one in _REASONS]
        comment = "；".join([*reasons, *([said.content.strip()] if is_text(said.content) else [])])
        with self._database.write() as connection:
            if said.type == 3:
                feedback.withdraw(connection, account.name, said.id)
            elif said.type in (1, 2):
                rating: feedback.Rating = "up" if said.type == 1 else "down"
                feedback.rate(connection, account.name, said.id, rating, comment.strip("；")[:_COMMENT] or None)


def _line(said: str) -> Frame:
    """A stream of one line."""
    return Frame(f"line.{secrets.token_hex(8)}", said, finish=True)


def _is_late(run: RunInfo, at: float) -> bool:
    return at > run.asked_at + WINDOW


def _is_for_all(answer: Answer, told: _Told) -> bool:
    """Whether an answer may be read by a group; where it isn't known what it was made of, it may not."""
    figures = answer.calculation or answer.projection or answer.plan is not None or answer.tables
    return answer.outcome in _FOR_ALL and not figures and told.known and told.done <= {_SEARCH}


def _run_key(message: Message) -> str:
    """What the run of a message is called, however often the message comes."""
    return f"wecom:{_digest(message.msgid)}"


def _digest(name: str) -> str:
    """Of one length and harmless, whatever is in it."""
    return hashlib.sha256(name.encode(errors="replace")).hexdigest()[:40]
