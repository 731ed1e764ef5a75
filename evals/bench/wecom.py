"""How soon WeCom's callbacks are acknowledged while questions are answered, beside an empty route in the same run.

One worker of `xueshi serve`, a stand-in for WeCom's server that takes every message, and the callers, each a process of
its own on the same cores. WeCom cuts a callback after five seconds.
"""

import asyncio
import json
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from api.wecom.crypto import Box
from evals.bench.home import QUESTION, XUESHI, environment, filled, free_port, serving
from evals.bench.measure import row, table

ASKED = 50  # questions that are being answered all the while
CALLERS, EACH, TURNS = 8, 25, 2
CORP, TOKEN, BOT_TOKEN = "wwbench", "token", "bot"
KEY = "A" * 43
MEMBER = "LinXiaoLan"
stand_in = FastAPI()  # WeCom's server
empty = FastAPI()  # what any callback takes at least


@stand_in.get("/cgi-bin/gettoken")
def _token() -> dict[str, Any]:
    return {"errcode": 0, "access_token": "token", "expires_in": 7200}


@stand_in.post("/cgi-bin/message/send")
def _send() -> dict[str, Any]:
    return {"errcode": 0}


@stand_in.get("/readyz")
@empty.get("/readyz")
def _ready() -> dict[str, str]:
    return {}


@empty.post("/nothing")
async def _nothing(body: dict[str, Any]) -> dict[str, Any]:
    return {}


def main() -> None:
    """Print the table, from a home of its own."""
    ours, theirs, wecom = free_port(), free_port(), free_port()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        filled(home)
        env = environment(
            home,
            XUESHI_WECOM_CORP_ID=CORP,
            XUESHI_WECOM_AGENT_ID="1",
            XUESHI_WECOM_SECRET="secret",
            XUESHI_WECOM_TOKEN=TOKEN,
            XUESHI_WECOM_AES_KEY=KEY,
            XUESHI_WECOM_BOT_TOKEN=BOT_TOKEN,
            XUESHI_WECOM_BOT_AES_KEY=KEY,
            XUESHI_WECOM_API_BASE=f"http://127.0.0.1:{wecom}",
        )
        plain = [sys.executable, "-m", "uvicorn", "--log-level", "warning", "--port"]
        with (
            serving([*plain, str(wecom), "evals.bench.wecom:stand_in"], f"http://127.0.0.1:{wecom}/readyz"),
            serving([*plain, str(theirs), "evals.bench.wecom:empty"], f"http://127.0.0.1:{theirs}/readyz"),
            serving([XUESHI, "serve", "--port", str(ours)], f"http://127.0.0.1:{ours}/readyz", env),
        ):
            show(ours, theirs)


def show(ours: int, theirs: int) -> None:
    """Post by each way in turn, and print how many a second and how long each waited."""
    ways = {
        "an empty FastAPI route": ("nothing", theirs, 0),
        "`/wecom/app`, nothing else going on": ("app", ours, 0),
        f"`/wecom/app`, {ASKED} questions being answered": ("app", ours, ASKED),
        "`/wecom/bot`, nothing else going on": ("bot", ours, 0),
        f"`/wecom/bot`, {ASKED} questions being answered": ("bot", ours, ASKED),
    }
    taken: dict[str, list[tuple[float, list[float]]]] = {name: [] for name in ways}
    for _ in range(TURNS):
        for name, way in ways.items():
            with get_context("spawn").Pool(1) as pool:
                taken[name].append(pool.apply(load, way))
    table("WeCom's callbacks", f"{CALLERS} callers at a time", ["a second", "p50", "p99"])
    for name, runs in taken.items():
        waited = sorted(one for _, times in runs for one in times)
        p99 = statistics.quantiles(waited, n=100)[-1]
        a_second = statistics.median(rate for rate, _ in runs)
        row(name, f"{a_second:.0f}", f"{statistics.median(waited) * 1000:.0f} ms", f"{p99 * 1000:.0f} ms")


def load(way: str, port: int, asked: int) -> tuple[float, list[float]]:
    """Callbacks a second and the seconds that each waited, with so many questions being answered meanwhile."""
    return asyncio.run(_load(way, f"http://127.0.0.1:{port}", asked))


async def _load(way: str, site: str, asked: int) -> tuple[float, list[float]]:
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=site, timeout=60, limits=limits) as client:
        asking = [asyncio.create_task(_ask(client)) for _ in range(asked)]
        if asked:
            await asyncio.sleep(1)
        waited: list[float] = []
        start = time.perf_counter()
        await asyncio.gather(*(_call(client, POSTS[way], waited) for _ in range(CALLERS)))
        rate = len(waited) / (time.perf_counter() - start)
        for one in asking:
            one.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
        return rate, waited


async def _call(client: httpx.AsyncClient, post: Callable[[], dict[str, Any]], waited: list[float]) -> None:
    for _ in range(EACH):
        request = post()
        start = time.perf_counter()
        response = await client.post(**request)
        waited.append(time.perf_counter() - start)
        assert response.status_code == 200, response.status_code


async def _ask(client: httpx.AsyncClient) -> None:
    """Have one question answered after the other, by the bot, whose stream says when it is."""
    box = Box(BOT_TOKEN, KEY, "")
    while True:
        stream = ""
        finished = False
        while not finished:
            request = _bot(QUESTION, stream)
            got = (await client.post(**request)).json()
            nonce = request["params"]["nonce"]
            told = json.loads(box.open(got["msgsignature"], str(got["timestamp"]), nonce, got["encrypt"]))["stream"]
            stream, finished = told["id"], told["finish"]
            await asyncio.sleep(1)  # about as often as WeCom asks


def _nothing_post() -> dict[str, Any]:
    return {"url": "/nothing", "json": {"encrypt": "x" * 500}}


def _app() -> dict[str, Any]:
    """A picture: taken in, put down and answered like any message, without a question's work."""
    told = (
        f"<xml><FromUserName>{MEMBER}</FromUserName><CreateTime>1</CreateTime><MsgType>image</MsgType>"
        f"<MsgId>{secrets.token_hex(8)}</MsgId></xml>"
    )
    now, nonce = str(int(time.time())), secrets.token_hex(5)
    sealed = Box(TOKEN, KEY, CORP).seal(told, now, nonce)
    query = {"msg_signature": sealed.signature, "timestamp": now, "nonce": nonce}
    return {"url": "/wecom/app", "params": query, "content": f"<xml><Encrypt>{sealed.encrypted}</Encrypt></xml>"}


def _bot(question: str = "", stream: str = "") -> dict[str, Any]:
    """A message to the bot: a picture where there is no question; `stream`: whose content is asked for."""
    told: dict[str, Any] = {"msgid": secrets.token_hex(8), "from": {"userid": MEMBER}}
    told |= {"chattype": "single", "msgtype": "text" if question else "image", "text": {"content": question}}
    if stream:
        told |= {"msgtype": "stream", "stream": {"id": stream}}
    now, nonce = str(int(time.time())), secrets.token_hex(5)
    sealed = Box(BOT_TOKEN, KEY, "").seal(json.dumps(told), now, nonce)
    query = {"msg_signature": sealed.signature, "timestamp": now, "nonce": nonce}
    return {"url": "/wecom/bot", "params": query, "json": {"encrypt": sealed.encrypted}}


POSTS: dict[str, Callable[[], dict[str, Any]]] = {"nothing": _nothing_post, "app": _app, "bot": _bot}
