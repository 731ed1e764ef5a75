"""What WeCom tells an intelligent bot, by callback or on the long connection: the same JSON (pages 100719, 101027)."""

import re
from typing import Self

from pydantic import BaseModel, Field, model_validator

# How clients write who is meant; the space behind it may be any (they use U+2005).
_MENTION = re.compile(r"\s*@\S+(\s+|$)")


class Words(BaseModel):
    """A text, or what was understood of a voice."""

    content: str = ""


class Item(BaseModel):
    """A part of a mixed message; pictures are left unread."""

    msgtype: str
    text: Words = Words()


class Mixed(BaseModel):
    """Texts and pictures in turn."""

    msg_item: list[Item] = []


class Content(BaseModel):
    """What somebody writes, says or quotes; of pictures, files and the like there are no words."""

    msgtype: str
    text: Words = Words()
    voice: Words = Words()
    mixed: Mixed = Mixed()

    @property
    def words(self) -> str:
        """All that can be read of it."""
        items = [item.text.content for item in self.mixed.msg_item if item.msgtype == "text"]
        return "\n".join(filter(None, (self.text.content, self.voice.content, *items))).strip()


class Sender(BaseModel):
    """Who it is from: a userid, or an encrypted one (`wo…`)."""

    userid: str = Field(min_length=1, max_length=100)


class Stream(BaseModel):
    """The stream whose content is asked for."""

    id: str


class Clicked(BaseModel):
    """A button of one of our cards."""

    event_key: str = ""
    task_id: str = ""


class Rated(BaseModel):
    """What a member thinks of an answer. `type`: 1 good, 2 bad, 3 withdrawn; reasons 1 to 4."""

    id: str
    type: int
    content: str = ""
    inaccurate_reason_list: list[int] = []


class Event(BaseModel):
    """Something that a member did."""

    eventtype: str
    template_card_event: Clicked = Clicked()
    feedback_event: Rated | None = None


class Message(Content):
    """A message, an event, or the request for a stream's content; what else WeCom tells is passed over."""

    msgid: str = ""
    sender: Sender = Field(alias="from")
    chatid: str = ""
    chattype: str = ""
    response_url: str = ""
    quote: Content | None = None
    stream: Stream | None = None
    event: Event | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.msgtype == "stream" and not self.stream) or (self.msgtype == "event" and not self.event):
            raise ValueError("it lacks what its type names")
        if self.msgtype not in ("stream", "event") and not self.msgid:
            raise ValueError("it has no id")
        return self

    @property
    def in_group(self) -> bool:
        """Whether others read the reply; where it isn't told, they do."""
        return self.chattype != "single"

    @property
    def question(self) -> str:
        """What is asked: one's own words, or where there are none the quoted ones, without the bot's name in front."""
        own = self.words
        while self.in_group and (mention := _MENTION.match(own)):
            own = own[mention.end() :]
        return own.strip() or (self.quote.words if self.quote else "")
