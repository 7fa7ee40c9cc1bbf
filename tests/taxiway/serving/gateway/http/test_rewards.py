"""Rewards over HTTP: into the decision log, of models that are served here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from taxiway.config.serving import DecisionLog as Settings
from taxiway.serving.decisions.log import DecisionLog
from tests.taxiway.serving.gateway.http.conftest import Rest

Serve = Callable[..., Rest]


def test_what_is_posted_is_in_the_log(serve: Serve, tmp_path: Path) -> None:
    log = DecisionLog(Settings(root=str(tmp_path), sync="always"), convert=False)
    rest = serve(rewards=log)
    body = [{"request_id": "r-1", "value": 1.0}, {"request_id": "r-2", "value": 0}]
    done = rest.post("/v1/models/trips/rewards", body)
    assert (done.status_code, done.json()) == (200, {"accepted": 2})
    assert log.counts().written == 2
    wrong = rest.post("/v1/models/trips/rewards", [{"request_id": "r-1"}])
    assert wrong.status_code == 400
    assert "rewards[0].value" in wrong.json()["error"]
    log.close()


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/models/nothing/rewards", 404),
        ("/v1/models/trips/versions/1/rewards", 404),
        ("/v1/models/trips/rewards", 404),  # of a server without a log
    ],
)
def test_where_nothing_is_kept_nothing_is_taken(rest: Rest, path: str, status: int) -> None:
    assert rest.post(path, []).status_code == status
    assert rest.get("/v1/models/trips/rewards").status_code == 405
