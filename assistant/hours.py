"""Hours (学时) as whole hundredths, so that sums are exact and no float is ever near them."""

import re

_HOURS = re.compile(r"\d{1,6}(\.\d{1,2})?", re.ASCII)


def parse(text: str) -> int:
    """Hundredths of an hour from a plain decimal such as `4.5`; ValueError on anything else."""
    text = text.strip()
    if not _HOURS.fullmatch(text):
        raise ValueError(text)
    whole, _, part = text.partition(".")
    return int(whole) * 100 + int(part.ljust(2, "0"))


def show(hundredths: int) -> str:
    """A decimal string without trailing zeros: 450 is `4.5`, 9000 is `90`."""
    if hundredths < 0:
        return "-" + show(-hundredths)
    whole, part = divmod(hundredths, 100)
    return f"{whole}.{part:02}".rstrip("0") if part else str(whole)
