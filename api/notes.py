"""What a policy's page tells beside its text: how the text was read and repaired, and what took its place."""

from datetime import date
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel, Field

from assistant.bootstrap import Installation
from assistant.errors import NotFound
from assistant.policy import Repair
from assistant.store import policies


class Notes(BaseModel):
    """Of a policy, as of a day. Where no original was read, nothing was repaired."""

    as_of: date
    replaced_on: date | None = Field(description="另一份政策取代它的日期")
    digest: list[str] = Field(description="原文没有、仍用摘要的条款")
    repairs: list[Repair]
    warnings: list[str]


def add(app: FastAPI, installation: Installation, asker: Any) -> None:
    """The route. `asker`: FastAPI's annotated account of whoever is signed in."""

    @app.get("/v1/policies/{policy_id}/notes", summary="一份政策的原文修补、仍用摘要的条款和被取代的日期")
    def notes(policy_id: str, _: asker) -> Notes:
        with installation.database.read() as connection:
            found = policies.policy(connection, policy_id)
            if found is None:
                raise NotFound("政策库中没有这份政策。")
            original = policies.original(connection, policy_id)
            replaced = policies.replaced(policies.metas(connection))
        read = original is not None and found.meta.text == "original"
        return Notes(
            as_of=installation.settings.clock(),
            replaced_on=replaced.get(policy_id),
            digest=[clause.locator for clause in found.clauses if read and clause.kind == "digest"],
            repairs=list(original.repairs) if original and read else [],
            warnings=list(original.warnings) if original and read else [],
        )
