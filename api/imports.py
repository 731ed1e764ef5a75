"""Importing record files over HTTP, for administrators: rows of their own unit and below, and the log of imports."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import FastAPI, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from api import errors
from assistant.bootstrap import Installation
from assistant.errors import InputError, NotPermitted
from assistant.identity import Account
from assistant.store import imports
from assistant.store.imports import ImportInfo, UndoReport
from ingest.records import FileReport, ImportReport, load_records, told
from ingest.table import visible

PATH = "/v1/imports"
MOST = 20_000_000  # bytes, of a whole upload
_FILES = 20
_KINDS = (".csv", ".xlsx")
_HERE = ZoneInfo("Asia/Shanghai")
_UPLOAD = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["files"],
                "properties": {"files": {"type": "array", "items": {"type": "string", "format": "binary"}}},
            }
        }
    },
}

DryRun = Annotated[bool, Query(description="只检查，不写入")]


class ImportView(BaseModel):
    """An import in the log; times as ISO 8601 with their offset."""

    id: int
    account: str | None
    made_at: datetime
    files: list[FileReport]
    undone_at: datetime | None
    undone_by: str | None


class ImportLog(BaseModel):
    """Imports, latest first."""

    imports: list[ImportView]


class _TooLarge(Exception):
    """More was sent than an upload may hold."""


def add(app: FastAPI, installation: Installation, asker: Any) -> None:
    """The routes. `asker`: FastAPI's annotated account of whoever is signed in."""
    database, clock = installation.database, installation.settings.clock

    @app.post(
        PATH,
        summary="导入记录文件（csv、xlsx），一次导入要么全部成功，要么什么都不写",
        response_model=ImportReport,
        responses={403: {}, 413: {}, 422: {}},
        openapi_extra={"requestBody": _UPLOAD},
    )
    async def load(request: Request, account: asker, dry_run: DryRun = False) -> Response | ImportReport:
        _permit(account)
        with TemporaryDirectory(prefix="xueshi-") as folder:
            try:
                names, paths = await _received(request, Path(folder))
                return await run_in_threadpool(
                    load_records, database, paths, clock(), dry_run, account=account, names=names
                )
            except _TooLarge:
                return errors.problem(413, f"一次上传最多 {MOST // 10**6} MB，请分几次上传。")
            except InputError as error:
                return _refused(error.problems)

    @app.get(PATH, summary="本单位及下级单位管理员的导入，最近的在前")
    def listed(account: asker) -> ImportLog:
        _permit(account)
        with database.read() as connection:
            return ImportLog(imports=[_view(info) for info in imports.imports(connection, account)])

    @app.post("/v1/imports/{import_id}/undo", summary="撤销一次导入，要么全部撤销，要么什么都不改")
    def undo(import_id: int, account: asker) -> UndoReport:
        _permit(account)
        return imports.undo(database, import_id, account)


def _permit(account: Account) -> None:
    if account.scope.unit is None:
        raise NotPermitted()


async def _received(request: Request, folder: Path) -> tuple[list[str], list[Path]]:
    """The names and contents of the files of an upload, the latter kept in `folder`.

    InputError: it holds no such files. _TooLarge: told before it is read, or as soon as it turns out.
    """
    announced = request.headers.get("Content-Length", "")
    if announced.isdecimal() and int(announced) > MOST:
        raise _TooLarge
    parser = MultiPartParser(request.headers, _limited(request.stream()), max_files=_FILES, max_fields=0)
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError, ValueError):
        what = f"应为 multipart/form-data，字段名 files，最多 {_FILES} 个文件"
        raise InputError(f"上传的内容读不出来：{what}。") from None
    try:
        uploads = [file for field, file in form.multi_items() if field == "files" and isinstance(file, UploadFile)]
        names = [visible(Path(file.filename or "").name) for file in uploads]
        _check_names(names, len(form.multi_items()))
        paths = [folder / f"{place}{Path(name).suffix.lower()}" for place, name in enumerate(names)]
        for path, upload in zip(paths, uploads, strict=True):
            await asyncio.to_thread(_kept, upload, path)
    finally:
        await form.close()
    return names, paths


def _check_names(names: Sequence[str], parts: int) -> None:
    if not names or len(names) != parts:
        raise InputError("请把要导入的文件放在字段 files 中，可以有几个，别的字段不要。")
    if other := [name for name in names if Path(name).suffix.lower() not in _KINDS]:
        raise InputError([f"{name or '没有名称的文件'}：只接受 csv 和 xlsx 文件。" for name in other])
    if len(set(names)) < len(names):
        raise InputError("有两个文件同名，请改名后再上传。")


def _kept(upload: UploadFile, path: Path) -> None:
    with path.open("wb") as kept:
        while piece := upload.file.read(1 << 20):
            kept.write(piece)


async def _limited(stream: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    received = 0
    async for piece in stream:
        received += len(piece)
        if received > MOST:
            raise _TooLarge
        yield piece


def _refused(problems: Sequence[str]) -> JSONResponse:
    """A problem document that lists every fault, in `errors`."""
    detail = problems[0] if len(problems) == 1 else f"有 {len(problems)} 处错误，什么都没有写入。"
    return errors.problem(422, detail, errors=told(problems))


def _view(info: ImportInfo) -> ImportView:
    undone_at = None if info.undone_at is None else datetime.fromtimestamp(info.undone_at, _HERE)
    files = [FileReport.model_validate(file) for file in info.files]
    made_at = datetime.fromtimestamp(info.made_at, _HERE)
    return ImportView(
        id=info.id, account=info.account, made_at=made_at, files=files, undone_at=undone_at, undone_by=info.undone_by
    )
