"""Mixed traffic of every kind to a real server of two workers: nothing comes back that must not."""

import pytest

from evals.bench import load


def test_every_kind_of_request_at_once(capsys: pytest.CaptureFixture[str], made_home: object) -> None:
    told = load.main(minutes=0.5)
    assert told.errors == {}
    assert all(told.seconds[kind] for kind in load.MIX)
    assert sum(map(len, told.seconds.values())) == 120
    shown = capsys.readouterr().out
    assert "| errors | 0 |" in shown
    assert shown.count(" → ") >= 4
