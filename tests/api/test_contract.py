"""Whatever is sent, as whomever: the interface answers as it says it does, and never fails."""

from collections.abc import Callable
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from pydantic import SecretStr
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

_CHECKS = [
    not_a_server_error,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
]
_EXAMPLES = 12  # of each call, as it should be and as it shouldn't
_OPERATIONS = 30
# Nobody is there: reminders are refused, as they would be on a bad day.
WECOM = {
    "wecom_corp_id": "corp",
    "wecom_agent_id": "1000002",
    "wecom_secret": SecretStr("secret"),
    "wecom_token": SecretStr("token"),
    "wecom_aes_key": SecretStr("a" * 43),
    "wecom_api_base": "http://127.0.0.1:9",
}
_BOUNDED = settings(
    max_examples=_EXAMPLES,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.sqlite("takes minutes; what the interface says of itself hangs on no database")
@pytest.mark.parametrize("who", [None, "t0001", "admin-gczx"])
def test_every_call_answers_as_it_says(make_web: Any, bearer: Callable[..., dict[str, str]], who: str | None) -> None:
    app = make_web(**WECOM).app
    schema, called = schemathesis.openapi.from_asgi("/openapi.json", app), set()
    headers = bearer(who) if who else {}
    for operation in (one.ok() for one in schema.get_all_operations()):
        strategy = operation.as_strategy(generation_mode=GenerationMode.POSITIVE) | operation.as_strategy(
            generation_mode=GenerationMode.NEGATIVE
        )

        @_BOUNDED
        @given(case=strategy)
        def answers(case: Any) -> None:
            case.call_and_validate(headers=headers, checks=_CHECKS)

        answers()
        called.add(operation.label)
    assert len(called) >= _OPERATIONS
