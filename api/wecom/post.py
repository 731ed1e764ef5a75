"""The post: what came in is answered, and what is to be said is sent, whichever process dies meanwhile.

A message is taken in before it is acknowledged, and forgotten with the write that puts down its answer; an answer is
forgotten once it is sent. What a process was answering when it died, another one answers. What it was sending may have
arrived: it is sent again where WeCom shows the same message only once (an answer with a link to its receipt, by the
app; whatever goes to a `response_url`), and else given up, so that nobody is answered twice. What can't be sent for a
reason that passes is tried again after longer and longer pauses.
"""

import logging
import secrets
import threading
import time
from collections.abc import Callable, Collection
from typing import Any, NamedTuple

from api.wecom.client import PASSING, REPEATABLE, UNCLEAR, Client, WeComError
from assistant.errors import XueshiError, trace
from assistant.store import post
from assistant.store.database import Database
from assistant.store.post import Letter, Waiting

# In seconds.
_LOOK = 5.0  # between two looks for what others have left, and for what is due
_FIRST, _LONGEST = 5.0, 300.0  # pauses before a message is sent again, doubled from the one to the other
_GIVE_UP = REPEATABLE - 300.0  # what is older isn't sent again: WeCom might not know it any more
_LOG = logging.getLogger(__name__)


class Undelivered(Exception):
    """A message wasn't sent; the text says why, without its words. `passing`: it can be tried again, and may go out."""

    def __init__(self, why: str, passing: bool) -> None:
        super().__init__(why)
        self.passing = passing


class Outgoing(NamedTuple):
    """A message to be sent by a way to whom that calls `to`. `repeatable`: as a Letter's."""

    way: str
    to: str
    message: dict[str, Any]
    repeatable: bool = False


Send = Callable[[Letter], None]  # raises Undelivered
Resume = Callable[[list[Waiting]], None]  # answers messages that another process has left


class Post:
    """What one process answers and sends, of what is kept for all."""

    def __init__(self, database: Database) -> None:
        self.holder = secrets.token_hex(16)
        self._database = database
        self._doors: dict[str, Resume] = {}
        self._ways: dict[str, Send] = {}
        self._dropped = set[str]()  # messages whose answers couldn't be put down
        self._closing = threading.Event()
        rounds = {"xueshi-wecom-in": self._look_in, "xueshi-wecom-out": self._look_out}
        self._threads = [
            threading.Thread(target=self._go_round, args=(look,), name=name, daemon=True)
            for name, look in rounds.items()
        ]

    def add_door(self, name: str, resume: Resume) -> None:
        """Have messages that came to a door, and that nobody answers any more, given to `resume`."""
        self._doors[name] = resume

    def add_way(self, name: str, send: Send) -> None:
        """Have messages that go a way sent."""
        self._ways[name] = send

    def start(self) -> None:
        """Begin to look after what was left, at all doors and ways that were added."""
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Leave what is left to others; return when nothing is being sent."""
        self._closing.set()
        for thread in self._threads:
            thread.join()

    def answer(self, names: Collection[str], *told: Outgoing) -> None:
        """Send what messages are answered with, unless all of them have been answered meanwhile; of none: at any rate.

        Unavailable: nothing could be put down; they will be answered anew.
        """
        try:
            with self._database.write() as connection:
                if names and not post.answered(connection, names):
                    return
                letters = [post.post(connection, *one, sending=one.way in self._ways) for one in told]
        except XueshiError:
            self._dropped.update(names)
            raise
        for letter in letters:
            if letter.sending:
                self._deliver(letter)

    def leave(self, name: str) -> None:
        """Leave a message for later, to whomever."""
        with self._database.write() as connection:
            post.let_go(connection, name)

    def tell(self, told: Outgoing) -> None:
        """Send a message that can't be put down; if it can't be sent, it is lost."""
        try:
            self._ways[told.way](Letter("", *told, at=time.time(), tries=1, sending=True))
        except Undelivered as failed:
            _LOG.error("a message could not be sent: %s", failed)

    def _deliver(self, letter: Letter) -> None:
        """Send a message that is put down as being sent, and put down what became of it."""
        pause = 0.0
        try:
            self._ways[letter.way](letter)
        except Undelivered as failed:
            if failed.passing and time.time() < letter.at + _GIVE_UP:
                pause = min(_FIRST * 2 ** (letter.tries - 1), _LONGEST)
                _LOG.warning("a message could not be sent, and is tried again in %.0f s: %s", pause, failed)
            else:
                _LOG.error("a message could not be sent: %s", failed)
        try:
            with self._database.write() as connection:
                if pause:
                    post.put_off(connection, letter, pause)
                else:
                    post.done(connection, letter)
        except XueshiError as error:  # it still says that it is being sent, and whoever finds it will see to it
            _LOG.error("what became of a message could not be put down: %s", error)

    # Looking after what was left.

    def _go_round(self, look: Callable[[], None]) -> None:
        while True:
            try:
                look()
            except Exception as error:  # the next look may go well
                _LOG.error("the post could not be looked after: %s", trace(error))
            if self._closing.wait(_LOOK):
                return

    def _look_in(self) -> None:
        """Say what is still held, and take over what others no longer hold."""
        with self._database.read() as connection:
            if not post.is_held(connection, self._doors, self.holder):
                return
        dropped = set(self._dropped)
        with self._database.write() as connection:
            post.hold(connection, self.holder)
            for name in dropped:
                post.let_go(connection, name)
            left = post.take_over(connection, self._doors, self.holder)
        self._dropped -= dropped
        for door in {door for door, _ in left}:
            self._doors[door]([waiting for at, waiting in left if at == door])

    def _look_out(self) -> None:
        """Send what is due."""
        while not self._closing.is_set():
            with self._database.read() as connection:
                if not post.is_due(connection, self._ways):
                    return
            with self._database.write() as connection:
                letter = post.due(connection, self._ways)
                missed = letter is not None and letter.sending and not letter.repeatable
                if letter is not None and missed:
                    post.done(connection, letter)
            if missed:
                _LOG.error("a message was being sent when its process ended: it may not have arrived")
            elif letter:
                self._deliver(letter)


def by_app(client: Client) -> Send:
    """The way of the self-built app: `to` is a member's userid."""

    def send(letter: Letter) -> None:
        try:
            client.send(letter.to, letter.message, letter.repeatable)
        except WeComError as error:
            # Without an answer of WeCom's nobody knows whether it went out.
            unclear = error.code == UNCLEAR and letter.repeatable
            raise Undelivered(str(error), unclear or error.code in PASSING) from None

    return send
