"""Whose records a question is about: names, numbers and pronouns, by their form alone.

Who is in the database plays no part, so that nothing of it can show.
"""

from collections.abc import Sequence

from assistant.planner.words import COMMON_SURNAMES, DOUBLE_SURNAMES, SURNAMES, Token, phrases

# Somebody without a name: found in no scope, so refused like anybody else out of it.
SOMEBODY = "（他人）"
_ASKING = {
    "plan", "gap", "goal", "have", "not_counted", "status", "what_if", "records", "rank", "rate", "compare",
}  # fmt: skip
# Words with which "teachers" means many.
_OF_MANY = {
    "topic",
    "rule",
    "each",
    "own_unit",
    "by_level",
    "people",
    "rate",
    "rank",
    "no_records",
    "export",
    "group",
    "place",
}


def people_in(cut: Sequence[Token]) -> list[str]:
    """The names or numbers of those whose records are asked about, if the question says so; none: one's own."""
    kinds = {token.kind for token in cut}
    asks = kinds & _ASKING or ("credit" in kinds and kinds & {"list", "count"})
    if not asks and ("credit" not in kinds or kinds & {"rule", "each"}) and not {"id", "list"} <= kinds:
        return []
    myself = "self" in kinds
    surnames = SURNAMES if asks and not myself else COMMON_SURNAMES
    found, taken = list[str](), 0
    for place, token in enumerate(cut):
        after = cut[place + 1 :]
        titled = bool(after) and after[0].text in phrases()["title"]
        if place < taken:
            continue
        if token.kind == "id" and not _is_record(token, after, kinds):
            found.append(token.text)
        elif token.kind == "rest" and (
            name := _name(token.text, titled, myself or _sure(token, after, asks), surnames)
        ):
            # A given name made of everyday words follows its surname as such.
            given = _given(after) if len(name) == 1 or name in DOUBLE_SURNAMES else []
            taken = place + 1 + len(given)
            found.append(name + "".join(given))
        elif titled and not myself and len(token.text) > 1 and token.kind in ("how", "policy"):
            found.append(token.text)
    spoken_to = [token for token in cut if token.kind not in ("stop", "filler")]
    # 老师 at the beginning or the end is whoever is spoken to.
    meant = any(token.kind == "title" for token in spoken_to[1:-1]) or (spoken_to and spoken_to[0].kind == "title")
    theirs = meant and not myself and kinds & {"plan", "gap", "not_counted", "status", "records"}
    unnamed = "others" in kinds or (theirs and not kinds & _OF_MANY)
    return list(dict.fromkeys(found)) or ([SOMEBODY] if unnamed and (asks or myself) else [])


def _sure(token: Token, after: Sequence[Token], asks: object) -> bool:
    """Whether a word must look like a whole name to be taken for one: nothing around it says that it is."""
    whole = len(token.text) > 1 and token.text not in DOUBLE_SURNAMES
    return not asks or (whole and not _leads(after))


def _leads(after: Sequence[Token]) -> bool:
    """Whether what follows goes on as after a name: the title, 的, a time, what is asked of the person."""
    kinds = {
        "title",
        "gap",
        "have",
        "goal",
        "year",
        "not_counted",
        "status",
        "plan",
        "records",
        "category",
        "credit",
        "more",
    }
    return bool(after) and (
        after[0].kind in kinds
        or after[0].text
        in ("的", "还", "都", "和", "跟", "到", "现", "目前", "已经", "已", "再", "怎么", "问一下", "问")
    )


def may_be_name(text: str) -> bool:
    """Whether a word by itself has the form of a name: a common surname and one or two characters."""
    return bool(_name(text, False, True, COMMON_SURNAMES))


def _is_record(token: Token, after: Sequence[Token], kinds: set[str]) -> bool:
    """Whether the number before is that of a record (R0012 这条, 我的 R0012 没计入)."""
    return ("not_counted" in kinds and ("self" in kinds or token.text.startswith("r"))) or (
        bool(after) and after[0].text in ("这", "那", "记录")
    )


def _name(text: str, titled: bool, sure: bool, surnames: str) -> str | None:
    """The name in what no phrase explains: a surname with one or two characters, or all of it before a title.

    Unless it has to be `sure`, a lone surname is enough, and so is a name at the end (英语组陈静).
    """
    surname = 2 if text.startswith(DOUBLE_SURNAMES) else 1 if text[0] in surnames else 0
    if text in phrases()["places"] and not titled:
        return None
    if "·" in text or (surname and (titled or surname < len(text) <= surname + 2)):
        return text
    if sure:
        return None
    if (len(text) == surname and (text in COMMON_SURNAMES or surname == 2 or titled)) or (titled and len(text) < 4):
        return text
    ends = (text[-size:] for size in (3, 2) if len(text) > size)
    return next((end for end in ends if end[0] in COMMON_SURNAMES), None)


def _given(after: Sequence[Token]) -> list[str]:
    """The everyday words right after a lone surname, as far as they can be a given name."""
    given: list[str] = []
    for token in after:
        everyday = token.kind in ("filler", "rest") or (len(token.text) == 1 and token.kind != "stop")
        if not everyday or len("".join(given) + token.text) > 2:
            break
        given.append(token.text)
    return given
