"""A language model of the operator's choice: built from its settings, held to limits, left alone while it fails."""

import queue
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any, TypeVar

from langchain_core.language_models import BaseChatModel

from assistant.errors import SettingsError
from assistant.events import Waiting
from assistant.settings import Settings

_T = TypeVar("_T")
_MOMENT = 0.25  # seconds
_COMPATIBLE = "openai"  # the provider of every endpoint that speaks OpenAI's chat completions


@dataclass(frozen=True, slots=True)
class Limits:
    """What a question may cost at most, in seconds and characters. The defaults hold; tests choose smaller ones."""

    connect: float = 5.0  # a server that is there answers within a few hundred milliseconds
    silence: float = 20.0  # between two bytes; models think for a while before the first
    whole: float = 60.0  # whoever waits longer has gone away; the planner's answer still comes at once
    retries: int = 1  # of what may pass: no connection, 408, 409, 429, 5xx; the library waits before it
    characters: int = 200_000  # sent and received, a token each at worst: a dozen turns with long tables
    reply: int = 6_000  # characters of one reply; answers take a few hundred
    failures: int = 3  # in a row: then nobody waits for the model any more,
    rest: float = 60.0  # until this many seconds later one question tries it again


class ModelFailed(Exception):
    """The model gave nothing to go by: it can't be reached, breaks off, babbles, never ends. Says what, not whose."""


def chat_model(settings: Settings, limits: Limits) -> BaseChatModel:
    """The model that the settings name. SettingsError: none such, its package is missing, or it lacks its key."""
    provider, _, name = settings.model.partition(":")
    if not (provider and name):
        raise SettingsError("设置 XUESHI_MODEL 有误：应写成“提供方:模型”，如 openai:qwen-plus；留空则不用语言模型。")
    key = settings.model_api_key.get_secret_value()
    options: dict[str, Any] = {"timeout": limits.silence, "max_retries": limits.retries, "temperature": 0}
    if settings.model_base_url:
        options["base_url"] = settings.model_base_url
    if key:
        options["api_key"] = key
    if provider == _COMPATIBLE:
        if not (key or settings.model_base_url):
            raise SettingsError("缺少设置 XUESHI_MODEL_API_KEY：XUESHI_MODEL 所选的语言模型需要密钥。")
        # A server without a key gets none, not the one that the library finds in the environment for another.
        options |= {"timeout": (limits.connect, limits.silence), "api_key": key or "-", "use_responses_api": False}
    try:
        from langchain.chat_models import init_chat_model

        made: BaseChatModel = init_chat_model(name, model_provider=provider, **options)
    except ImportError:
        raise SettingsError(
            f"设置 XUESHI_MODEL 用到的程序包没有安装：请运行 pip install 'xueshi[model]'，"
            f"或安装 LangChain 为 {provider} 提供的程序包。"
        ) from None
    except Exception:  # of the provider's own making, and it may tell the key
        raise SettingsError(
            "设置 XUESHI_MODEL 有误：不认识的提供方，或 XUESHI_MODEL_BASE_URL、XUESHI_MODEL_API_KEY 与它不符。"
        ) from None
    return made


class Circuit:
    """Whether to ask a model at all: after some failures in a row not for a while, and then one question first."""

    def __init__(self, failures: int, rest: float, clock: Callable[[], float] = time.monotonic) -> None:
        """`failures`: how many open it; `rest`: for how many seconds."""
        self._most, self._rest, self._clock = failures, rest, clock
        self._lock = threading.Lock()
        self._failed, self._until = 0, 0.0

    def admits(self) -> bool:
        """Whether the next question may go to the model; whoever may tells how it went."""
        with self._lock:
            if self._failed < self._most:
                return True
            if self._clock() < self._until:
                return False
            self._until = self._clock() + self._rest  # this one tries; the others wait for how it goes
            return True

    def tell(self, *, well: bool) -> None:
        """How a question that was admitted went."""
        with self._lock:
            self._failed = 0 if well else self._failed + 1
            if self._failed >= self._most:
                self._until = self._clock() + self._rest


@dataclass(frozen=True, slots=True)
class _Over:
    """No item is to come; `error`: why, if it shouldn't be so."""

    error: BaseException | None = None


def in_time(items: Generator[_T], seconds: float) -> Iterator[_T | Waiting]:
    """The items of a generator that runs in a thread of its own, so that nobody waits for it longer than `seconds`.

    `Waiting` whenever there is none for a moment. ModelFailed: the time is over. A generator that is left alone is
    closed when it next comes up with something.
    """
    told: queue.SimpleQueue[_T | _Over] = queue.SimpleQueue()
    left = threading.Event()

    def run() -> None:
        try:
            with closing(items):
                for item in items:
                    if left.is_set():
                        return
                    told.put(item)
            told.put(_Over())
        except BaseException as error:
            told.put(_Over(error))

    # In the caller's context: what is told of it belongs to the same request.
    threading.Thread(target=copy_context().run, args=(run,), name="xueshi-model", daemon=True).start()
    until = time.monotonic() + seconds
    try:
        while True:
            try:
                item = told.get(timeout=max(0.0, min(_MOMENT, until - time.monotonic())))
            except queue.Empty:
                if time.monotonic() >= until:
                    raise ModelFailed("out of time") from None
                yield Waiting()
                continue
            if not isinstance(item, _Over):
                yield item
            elif item.error:
                raise item.error
            else:
                return
    finally:
        left.set()
