"""Whatever stands in a callback that is rightly sealed: it is read, or refused, and sends nothing anywhere else."""

import json
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from api.wecom.app import MEMBER, _read
from api.wecom.bot import _send, _to
from api.wecom.said import Message
from assistant.store.post import Letter
from tests.wecom.fake_bot import LateAnswers, late_answers

_TAGS = ("xml", "FromUserName", "MsgType", "MsgId", "Content", "Event", "CreateTime")
_PIECES = [f"<{tag}>" for tag in _TAGS] + [f"</{tag}>" for tag in _TAGS]
_PIECES += [
    "text",
    "event",
    "LinXiaoLan",
    "<![CDATA[",
    "]]>",
    "<!DOCTYPE x>",
    "&a;",
    "\0",
    "<?xml version='1.0' encoding='x'?>",
]
_NAMES = [
    "msgid",
    "msgtype",
    "from",
    "userid",
    "text",
    "content",
    "event",
    "eventtype",
    "stream",
    "id",
    "quote",
    "chattype",
]

_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_NAMES), inner, max_size=6),
    max_leaves=15,
)


@settings(max_examples=300)
@given(st.text() | st.lists(st.sampled_from(_PIECES) | st.text(max_size=5), max_size=14).map("".join))
def test_any_xml_is_a_member_s_message_or_none(text: str) -> None:
    read = _read(text)
    assert read is None or MEMBER.fullmatch(read.sender)


@settings(max_examples=300)
@given(st.text() | _values.map(json.dumps))
def test_any_json_is_a_message_or_malformed(text: str) -> None:
    try:
        read = Message.model_validate_json(text.encode(errors="surrogatepass"))
    except ValidationError:
        return
    assert isinstance(read.sender.userid, str)


@pytest.fixture
def late() -> Iterator[LateAnswers]:
    with late_answers() as made:
        yield made


@pytest.mark.parametrize(
    "url", ["http://localhost:{port}/x", "https://127.0.0.1:{port}/x", "http://[/", "file:///etc/passwd", ""]
)
def test_a_late_answer_goes_to_wecom_and_nowhere_else(late: LateAnswers, url: str) -> None:
    port = late.address.rpartition(":")[2]
    assert _to(url.format(port=port), "http://127.0.0.1") is None
    there = _to(f"{late.address}/good", "http://127.0.0.1")
    assert there is not None
    message = {"msgtype": "markdown", "markdown": {"content": "您还差 12 学时"}}
    _send(Letter("", there.way, there.to, message, repeatable=True, at=0, tries=1, sending=True))
    assert len(late.got) == 1
