"""Policy documents as plain text: one reader for each format, one clear line for whatever is wrong with a file."""

from collections.abc import Iterable
from pathlib import Path

from assistant.errors import InputError
from ingest.reading.document import Document, Hidden, Unreadable

__all__ = ["FORMATS", "Document", "Hidden", "documents", "read_document"]

FORMATS = {".txt", ".md", ".html", ".htm", ".pdf", ".docx"}
_LARGEST = 20  # MiB
_OLD = {".doc", ".wps", ".dot", ".rtf", ".odt", ".docm"}


def documents(paths: Iterable[Path]) -> list[Path]:
    """The documents that files and folders name, each once; folders are searched to the bottom, in order of the paths.

    In folders, hidden files and what no office suite writes texts in are passed over; documents of old formats are
    among those found, so that reading them tells what to do. InputError lists all that is wrong with `paths`.
    """
    found: list[Path] = []
    problems: list[str] = []
    for path in paths:
        if path.is_dir():
            inside = [file for file in sorted(path.rglob("*")) if _is_document(file, path)]
            if not inside:
                problems.append(f"{path}：目录里没有 {_formats()} 文件，请核对路径。")
            found += inside
        elif not path.is_file():
            problems.append(f"{path}：文件或目录不存在，请核对路径。")
        elif fault := _format_fault(path):
            problems.append(fault)
        else:
            found.append(path)
    if problems:
        raise InputError(problems)
    return list(dict.fromkeys(found))


def read_document(path: Path) -> Document:
    """A document's text and what was hidden in it. InputError: what is wrong, where and how to mend it."""
    if fault := _format_fault(path):
        raise InputError(fault)
    try:
        text, hidden = _read(path.suffix.lower(), _content(path))
    except OSError as error:
        raise InputError(f"{path}：无法读取（{error.strerror}）。") from None
    except Unreadable as reason:
        raise InputError(f"{path}：{reason}") from None
    except Exception:
        # There is no end to what a damaged file makes a library raise, and its words help nobody who has the file.
        raise InputError(
            f"{path}：内容已损坏，或者并不是 {path.suffix} 文件：请用原来的软件打开，另存一份再试。"
        ) from None
    if not text.strip():
        raise InputError(f"{path}：里面没有可以读到的文字，请核对文件。")
    return Document(path, text, hidden)


def _is_document(file: Path, folder: Path) -> bool:
    # What an office suite has open lies beside the document as ~$….docx.
    hidden = any(part.startswith((".", "~$")) for part in file.relative_to(folder).parts)
    return not hidden and file.suffix.lower() in FORMATS | _OLD and file.is_file()


def _format_fault(path: Path) -> str | None:
    suffix = path.suffix.lower()
    if suffix in FORMATS:
        return None
    if suffix in _OLD:
        return f"{path}：不读 {suffix} 格式，请用 Word 或 WPS 打开，另存为 docx。"
    return f"{path}：不认识的格式，能读的是 {_formats()}。"


def _formats() -> str:
    return "、".join(sorted(suffix.removeprefix(".") for suffix in FORMATS))


def _content(path: Path) -> bytes:
    if path.stat().st_size > _LARGEST * 2**20:
        raise Unreadable(f"文件超过 {_LARGEST} MB：请去掉其中的图片，或拆成几份。")
    return path.read_bytes()


def _read(suffix: str, content: bytes) -> tuple[str, list[Hidden]]:
    """Text and hidden parts. Each format's library is heavy, so only what the file needs is imported."""
    match suffix:
        case ".pdf":
            from ingest.reading import pdf

            return pdf.read(content)
        case ".docx":
            from ingest.reading import docx

            return docx.read(content)
        case ".html" | ".htm":
            from ingest.reading import html

            return html.read(content)
        case _:
            from ingest.reading import text

            return text.read(content, markdown=suffix == ".md")
