"""Compliance over HTTP, for administrators: their own unit and below."""

from typing import Annotated, Any

from fastapi import FastAPI, Query, Response

from api.exports import as_csv, as_xlsx
from assistant.bootstrap import Installation
from assistant.compliance import Report, compliance
from assistant.errors import NotFound, NotPermitted
from assistant.identity import Account, Level, holds
from assistant.store import audit
from assistant.store.audit import Act

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

Unit = Annotated[str | None, Query(description="单位的路径；不填为本单位", max_length=300)]
Year = Annotated[int | None, Query(description="年度；不填为今年", ge=1970, le=9000)]
At = Annotated[Level, Query(description="按哪一级列出；teacher 为逐人")]


def add(app: FastAPI, installation: Installation, asker: Any) -> None:
    """The routes. `asker`: FastAPI's annotated account of whoever is signed in."""

    def made(account: Account, unit: str | None, year: int | None, level: Level, act: Act = Act.EXPORT) -> Report:
        own, today = account.scope.unit, installation.settings.clock()
        wanted = unit or own
        if own is None or wanted is None or not holds(own, wanted):
            raise NotPermitted()
        try:
            found = compliance(installation.database, wanted, year or today.year, level, today)
        except NotFound:
            raise NotPermitted() from None
        if level == "teacher":
            with installation.database.write(account.name) as connection:
                audit.note(connection, act, account.name, unit=wanted)
        return found

    @app.get("/v1/compliance", summary="单位的达标情况")
    def report(account: asker, unit: Unit = None, year: Year = None, level: At = "school") -> Report:
        return made(account, unit, year, level, Act.ROSTER)

    @app.get("/v1/compliance.csv", summary="达标情况（csv）", response_class=Response, responses=_sent("text/csv"))
    def as_csv_file(account: asker, unit: Unit = None, year: Year = None, level: At = "school") -> Response:
        found = made(account, unit, year, level)
        return _file(as_csv(found), "text/csv; charset=utf-8", found, "csv")

    @app.get("/v1/compliance.xlsx", summary="达标情况（xlsx）", response_class=Response, responses=_sent(_XLSX))
    def as_xlsx_file(account: asker, unit: Unit = None, year: Year = None, level: At = "school") -> Response:
        found = made(account, unit, year, level)
        return _file(as_xlsx(found), _XLSX, found, "xlsx")


def _sent(kind: str) -> dict[int | str, Any]:
    """A file, for the API's description."""
    return {200: {"content": {kind: {"schema": {"type": "string", "format": "binary"}}}}}


def _file(content: bytes, kind: str, report: Report, suffix: str) -> Response:
    name = f"compliance-{report.year}-{report.level}.{suffix}"
    return Response(content, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})
