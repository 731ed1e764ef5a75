"""Everything that may go wrong on purpose, in one tree.

XueshiError                   its text is one clear line in Chinese that may be shown to whoever asked
├── SettingsError             a setting is wrong or missing; names it
├── InputError                files or arguments are at fault; `problems` lists every fault
├── QuestionError             the question is empty or too long
├── NotSignedIn               no token, or one that can't be trusted
├── NotRegistered             a trusted token of an account that nobody registered
├── NotPermitted              another unit's or person's, or nobody's: the same words
├── NotFound                  absent, or somebody else's: the same words
├── TooManyQuestions          over the rate limit; `retry_after` in seconds
├── HomeInUse                 another process owns this home
└── Unavailable               a part is down or not set up; nothing is guessed
"""

import traceback
from collections.abc import Sequence


class XueshiError(Exception):
    """Root of the tree; `str()` of any of these is safe to show."""


class SettingsError(XueshiError):
    """A setting is wrong or missing; the text names it and how to mend it."""


class InputError(XueshiError):
    """Input at fault. `problems`: one line each, saying what, where and how to mend it."""

    def __init__(self, problems: str | Sequence[str]) -> None:
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        super().__init__("\n".join(self.problems))


class QuestionError(XueshiError):
    """The question is empty or longer than allowed."""


class NotSignedIn(XueshiError):
    """No bearer token, or one that can't be trusted."""


class NotRegistered(XueshiError):
    """The token is good, but nobody registered its account."""


class NotPermitted(XueshiError):
    """What is asked for isn't the asker's to see, or isn't there: nobody can tell which."""

    def __init__(self) -> None:
        super().__init__("没有权限查看或更改：只限本人，管理员限本单位及下级单位。")


class NotFound(XueshiError):
    """It isn't there, or it is somebody else's: nobody can tell which."""


class TooManyQuestions(XueshiError):
    """The account asked more than its share this minute."""

    def __init__(self, retry_after: int) -> None:
        self.retry_after = retry_after
        super().__init__(f"提问过于频繁，请 {retry_after} 秒后再试。")


class HomeInUse(XueshiError):
    """Another process holds the embedded vector store of this home."""


class Unavailable(XueshiError):
    """A part that the answer needs is down or was never set up."""


def trace(error: BaseException) -> str:
    """Where an unexpected error came from, for the log: no message and no values, which may be somebody's."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    return type(error).__name__ + where
