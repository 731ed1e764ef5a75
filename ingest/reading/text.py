"""Plain text: its encoding found out, its line ends made one."""

import codecs
import re
import unicodedata

from ingest.reading.document import Hidden, Unreadable

_MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
# What Windows writes as Big5 is cp950; Hong Kong adds characters of its own.
_CHINESE = ("gb18030", "cp950", "big5hkscs")
# The characters that Chinese is mostly made of, then those of them that are written otherwise in Traditional.
_COMMON = frozenset(
    "的一是不了在有人我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家种事成"
    "方多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心本前开但因从想实日军者意无力它与长把机十民第公此已工使情"
    "明性知全三又关点正业外将两高间由问很最重并物手应向头文体政美相见被利二等产新己制身果加月话合回特代内信表化老给世位次度"
    "教师训育校培课级市县区通省局继续须按各项办单职"
    "這個們來為國說時會對後裡過發學現當沒動種經還進樣實開從無與長機關點業將兩間問應頭體見產員話內給師訓課級縣區項辦單職續須"
)
_BINARY = "不是文本文件（含有控制字节）：请核对扩展名，或另存为 UTF-8 编码的文本。"
# Keys, what is indented under them, comments: a line across the page with prose below it is no front matter.
_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(?:\w[\w-]*:.*\n|(?:[ \t]|- ).*\n|#.*\n|\n)+---[ \t]*(?:\n|\Z)")


def read(content: bytes, markdown: bool = False) -> tuple[str, list[Hidden]]:
    """The text as it stands; of Markdown without its front matter. Unreadable: no text, or in no known encoding."""
    text = decode(content)
    return (_FRONT_MATTER.sub("", text, count=1) if markdown else text), []


def decode(content: bytes, hint: str = "") -> str:
    """Bytes as text whose lines end in `\\n`. `hint`: the encoding that the text names itself, believed only in doubt.

    UTF-8, UTF-16 with its mark, GB18030 or Big5. Unreadable: none of these, or no text at all.
    """
    text = _decoded(content, hint).replace("\r\n", "\n").replace("\r", "\n")
    odd = sum(unicodedata.category(char) == "Cc" and not char.isspace() for char in text)
    if "\0" in text or odd * 100 > len(text):
        raise Unreadable(_BINARY)
    return text


def _decoded(content: bytes, hint: str) -> str:
    for mark, encoding in _MARKS.items():
        if content.startswith(mark):
            text = _strict(content.removeprefix(mark), encoding)
            if text is None:
                raise Unreadable(f"开头标明是 {encoding[:6].upper()}，其中却有坏字节：请另存为 UTF-8 编码。")
            return text
    if b"\0" in content:
        raise Unreadable(_BINARY)
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        if _almost_utf8(content):
            # Every other encoding would turn the whole text into nonsense for the sake of a few bytes.
            row = content.count(b"\n", 0, error.start) + 1
            raise Unreadable(f"第 {row} 行有坏字节，其余是 UTF-8：请改正该行，另存为 UTF-8 编码。") from None
    order = sorted(_CHINESE, key=lambda encoding: not hint.lower().startswith(encoding[:2]))
    texts = [text for encoding in order if (text := _strict(content, encoding)) is not None]
    if not texts:
        raise Unreadable("编码不是 UTF-8、UTF-16、GB18030、Big5 中的任何一种：请另存为 UTF-8 编码。")
    return max(texts, key=lambda text: sum(char in _COMMON for char in text))


def _strict(content: bytes, encoding: str) -> str | None:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        return None


def _almost_utf8(content: bytes) -> bool:
    text = content.decode(errors="replace")
    return text.count("\ufffd") * 20 < sum(not char.isascii() for char in text)
