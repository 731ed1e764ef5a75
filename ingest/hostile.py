"""What in a text isn't meant for people: invisible characters, words to a model that reads along, active markup.

Nothing goes without being told: whoever ingests a policy sees what was taken out, and in which line it stood.
"""

import re
import unicodedata
from collections import Counter
from functools import lru_cache
from typing import NamedTuple

from ingest.reading.document import excerpt

MARK = "〔此处有一段不属于政策正文的文字，已略去〕"


class Finding(NamedTuple):
    """Something that was made harmless. `line` counts from 1; `text`: how many characters, or the words' beginning."""

    line: int
    kind: str
    text: str

    def __str__(self) -> str:
        """One line for a report."""
        return f"第{self.line}行：{self.kind} {self.text}"


def neutralise(text: str) -> tuple[str, list[Finding]]:
    """A text that people and models read alike, and what was changed in it, in order. Clean text stays as it is."""
    lines: list[str] = []
    findings: list[Finding] = []
    for number, line in enumerate(text.split("\n"), 1):
        visible, invisible = _visible(line)
        inert, markup = _inert(visible)
        kept, addressed = _for_people(inert)
        lines.append(kept)
        findings += [Finding(number, kind, found) for kind, found in (*invisible, *markup, *addressed)]
    return "\n".join(lines), findings


_Found = tuple[str, str]  # kind and text of a finding

# Characters that can't be seen.

_SELECTOR = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_INVISIBLE = [
    ("零宽字符", re.compile("[\u200b-\u200d\u2060\ufeff\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0]")),
    ("双向控制符", re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")),
    ("软连字符", re.compile("\u00ad")),
    ("标签字符", re.compile("[\U000e0000-\U000e007f]")),
    ("异体选择符", _SELECTOR),
]
_IDEOGRAPH = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_BREAKS = "\v\f\x85"  # end a line wherever text is shown, so something must stay in their place


def _visible(line: str) -> tuple[str, list[_Found]]:
    odd = {char: kind for char in set(line) if (kind := _invisible(char))}
    if not odd:
        return line, []
    counts: Counter[str] = Counter()
    kept: list[str] = []
    for place, char in enumerate(line):
        if char not in odd or _belongs(char, line[place - 1 : place], line[place + 1 : place + 2]):
            kept.append(char)
            continue
        counts[odd[char]] += 1
        if char in _BREAKS:
            kept.append(" ")
    return "".join(kept), [(kind, f"{count} 个") for kind, count in counts.items()]


@lru_cache(4096)
def _invisible(char: str) -> str | None:
    """What kind of invisible character it is; None: it can be seen."""
    for kind, characters in _INVISIBLE:
        if characters.match(char):
            return kind
    return "控制字符" if unicodedata.category(char) in ("Cc", "Cf") and char not in "\t\r" else None


def _belongs(char: str, before: str, after: str) -> bool:
    """Whether it is a selector that shapes the character before it: a symbol or a digit's keycap, or an ideograph."""
    if not _SELECTOR.match(char) or not before:
        return False
    if char in "\ufe0e\ufe0f":
        return unicodedata.category(before) == "So" or (before in "0123456789#*" and after == "\u20e3")
    return bool(_IDEOGRAPH.match(before))


# What would be active where the text is shown as Markdown or HTML: only what would have been seen of it stays.

_ELEMENTS = (
    "a|applet|area|audio|base|body|button|embed|form|frame|frameset|html|iframe|image|img|input|link|math|meta|object|"
    "script|select|source|style|svg|template|textarea|track|video"
)
_EVENT = r"[a-z][^<>＜]*\bon[a-z]+\s*="
_ADDRESS = r"\s*<?(?:[a-z][a-z0-9+.-]*:|//|www\.)"
_TARGET = r"[^()\s]*(?:\([^()\s]*\)[^()\s]*)*(?:\s[^()]*)?"
# Kind, pattern, what stays; in this order. The last four take nothing out, so nothing grows together behind them that
# would be active again.
_MARKUP = [
    (kind, re.compile(pattern, re.IGNORECASE), visible)
    for kind, pattern, visible in [
        ("HTML 标签", r"<(script|style)\b[^<>]*>(?:(?!<\1).){0,2000}?</\1\s*>", ""),
        ("HTML 注释", r"<!--(?:(?!<!--).){0,2000}?-->", ""),
        ("HTML 标签", rf"<(?:/?(?:{_ELEMENTS})(?=[\s/>])|{_EVENT})[^<>]*>", ""),
        ("图片", r"!\[([^\[\]]*)\]\([^()]*\)", r"\1"),
        ("链接", rf"\[([^\[\]]*)\]\({_ADDRESS}{_TARGET}\)", r"\1"),
        ("HTML 标签", rf"<(?=/?(?:{_ELEMENTS})(?:[\s/>]|$)|!--|{_EVENT}|(?:java|vb)script:|data:)", "＜"),
        ("图片", r"(!\[[^\[\]]*\])\(", r"\1（"),
        ("链接", rf"\]\((?={_ADDRESS})", "]（"),
        ("链接", rf"^(\s{{0,3}}\[[^\[\]]+\]):(?={_ADDRESS})", r"\1："),
    ]
]


def _inert(line: str) -> tuple[str, list[_Found]]:
    found: list[_Found] = []
    for kind, pattern, visible in _MARKUP:
        found += [(kind, excerpt(match[0])) for match in pattern.finditer(line)]
        line = pattern.sub(visible, line)
    return line, found


# What speaks to a model that reads along. Patterns for Chinese see no white space, those for English see single spaces.

_BEFORE = "(?:以上|上述|上面|前面|之前|先前|此前|前述|所有|全部|一切|原有|系统|你的)"
_ASKER = "(?:用户(?!名)|提问者|提问人|使用者)"
_CLAUSE = r"(?:^|[,:、.)\]】])"
_SPOKEN = [
    (
        "要模型忽略前文",
        rf"(?:忽略|无视|忘记|忘掉|抛开|不要理会).{{0,8}}{_BEFORE}.{{0,8}}(?:指令|提示词|系统提示|命令|设定|对话)",
    ),
    # Real notices say 对无视上述规定的单位: only as an order, and not as what somebody did, is it hostile.
    (
        "要模型忽略前文",
        rf"(?:{_CLAUSE}|请|你(?:要|必须|应当?|需要?)?)(?:完全|直接|立即|立刻)?(?:忽略|无视|忘记|忘掉|不要理会|不必理会)"
        rf"(?:掉|你)?.{{0,8}}{_BEFORE}.{{0,8}}(?:指示|规则|限制|要求|规定|内容|文字|条款|文件|约束)(?!的|者)",
    ),
    ("要模型忽略前文", r"(?:以上|上述|前面|之前).{0,4}(?:指令|提示词|系统提示).{0,6}(?:作废|无效|失效|忽略|取消|不算)"),
    (
        "给模型另定身份",
        r"你现在(?:就?是|起|扮演|充当)|从现在(?:开始|起),?你(?:就?是.{0,6}(?:助手|助理|模型|机器人|客服|ai)|只能|只回答)"
        r"|(?:请|请你|你要|你将|你来)扮演",
    ),
    ("给模型另定身份", r"你是(?:一[个名款位台])?.{0,8}(?:助手|助理|机器人|模型)|进入.{0,6}(?:开发者|越狱|管理员)模式"),
    (
        "以模型自称",
        rf"{_CLAUSE}作为(?:一[个名款位种])?(?:ai|人工智能|大?语言)(?:语言)?(?:模型|助手|助理|机器人)(?!研|开|的|使|产|应)",
    ),
    ("招呼模型", r"(?:ai|人工智能|智能|语言)(?:助手|助理|模型|机器人)们?(?:请)?注意[:,]"),
    ("以模型自称", rf"{_CLAUSE}作为一[个名款位种](?:ai|人工智能)(?:$|[,你我])"),
    ("套取设定", r"(?:输出|泄露|显示|打印|重复|复述|修改).{0,6}(?:系统提示词?|systemprompt|你的(?:指令|提示词?|设定))"),
    ("左右回答", rf"(?:不要|别)再?(?:告诉|告知|提醒|提示|透露给|回答){_ASKER}"),
    ("左右回答", rf"(?:不要|别)向{_ASKER}(?:透露|说明|提及|提到|显示|承认)"),
    # 请统一答复用户咨询 is an office's business; what the answer shall be is not a notice's.
    (
        "左右回答",
        r"(?:回答|回复|答复|声称|输出改为|一律说|(?:告诉|告知)(?:用户|提问者|提问人|对方))(?!.{0,4}是否).{0,16}"
        r"(?:无需|不需要|不用|不必|只需|免|已完成|已达标|已全部达标|已满|0|零).{0,6}(?:学时|学分|培训|继续教育|任务|再学|达标)",
    ),
    (
        "对话记号",
        r"<\|[a-z]+\|>|\[/?inst\]|<</?sys>>|^(?:系统|助手)(?:提示词|指令):|^(?:系统|助手):(?:将|请|你|忽略|输出)",
    ),
]
_ENGLISH = [
    (
        "要模型忽略前文",
        r"\b(?:ignore|disregard|forget|override|bypass)\b.{0,40}\b(?:instruction|prompt|rule|guideline|message|context)s?\b"
        r"|\b(?:ignore|disregard|forget) (?:everything|all|anything)\b",
    ),
    (
        "给模型另定身份",
        r"\byou are (?:now|an ai)\b|\bfrom now on,? you\b|\bpretend (?:to be|that|you)\b|\bact as (?:an?|if|the)\b",
    ),
    ("给模型另定身份", r"\b(?:developer|dan) mode\b|\bjailbreak"),
    ("以模型自称", r"\bas an? (?:ai|(?:large )?language model|artificial intelligence)\b"),
    ("左右回答", r"\b(?:do not|don't|never) (?:tell|inform|reveal|mention|disclose)\b.{0,30}\busers?\b"),
    ("左右回答", r"\b(?:tell|inform|answer|reply to|respond to) the user\b|\byou must (?:answer|reply|respond|say)\b"),
    ("招呼模型", r"\bnote to (?:the |all )?(?:llm|ai|model|assistant)s?\b|\balways (?:answer|reply|say)\b"),
    ("对话记号", r"^\W*(?:system|assistant|developer)(?: prompt| message)? ?:"),
]
_FOR_MODELS = [(reason, re.compile(pattern), True) for reason, pattern in _SPOKEN]
_FOR_MODELS += [(reason, re.compile(pattern), False) for reason, pattern in _ENGLISH]
# A table's cell ends like a sentence, so that the others of its row stay; the bars of <|…|> end nothing.
_SENTENCE_END = re.compile(r"([。！？!?；;]|\.(?=\s|$)|(?<!<)\|(?!>))")
_ORNAMENT = re.compile(r"</?[a-z][^<>]*>|[*_`~#]", re.IGNORECASE)
# Of what is written otherwise in Traditional, the characters that the patterns hold.
_SIMPLIFIED = str.maketrans(
    "無視記開會統詞設話規則對內條約現從請來個種機員發獄語輸顯復覆訴應當問詢說為學時訓繼續務達標滿須",
    "无视记开会统词设话规则对内条约现从请来个种机员发狱语输显复复诉应当问询说为学时训继续务达标满须",
)


def _for_people(line: str) -> tuple[str, list[_Found]]:
    parts = _SENTENCE_END.split(line)
    found: list[_Found] = []
    for place in range(0, len(parts), 2):
        if reason := _for_models(parts[place]):
            found.append((f"对模型说的话（{reason}）", excerpt(parts[place])))
            parts[place] = parts[place].replace(parts[place].strip(), MARK)
    return "".join(parts), found


def _for_models(sentence: str) -> str | None:
    """Why a sentence isn't meant for people; None: it is."""
    plain = _ORNAMENT.sub("", unicodedata.normalize("NFKC", sentence)).casefold().translate(_SIMPLIFIED)
    spaced = " ".join(plain.split())
    solid = spaced.replace(" ", "")
    return next(
        (reason for reason, pattern, is_solid in _FOR_MODELS if pattern.search(solid if is_solid else spaced)), None
    )
