"""The `tracking` section: addresses that are none are refused before a run, and so are secrets."""

from __future__ import annotations

import pytest

from taxiway.config.loader import load_config, to_json
from taxiway.errors import ConfigError
from tests.conftest import TINY

TOKEN = "T0KEN-that-no-one-may-read"


def test_nothing_is_mirrored_unless_it_is_asked_for() -> None:
    assert load_config([TINY]).tracking.kind == "none"


@pytest.mark.parametrize(
    "uri", ["sqlite:///var/mlflow.sqlite", "var/mlruns", "http://", "http://host:99999", "ftp://h"]
)
def test_what_is_no_address_of_a_server_is_refused_with_what_is(uri: str) -> None:
    with pytest.raises(ConfigError, match=r"tracking\.mlflow\.uri: .* `taxiway mlflow`"):
        load_config([TINY], ["tracking.kind=mlflow", f"tracking.uri={uri}"])


@pytest.mark.parametrize("uri", ["https://ann:secret@host", "https://host/?token=secret"])
def test_a_secret_in_the_address_is_refused_with_where_it_belongs(uri: str) -> None:
    with pytest.raises(ConfigError, match=r"tracking\.token_env names"):
        load_config([TINY], ["tracking.kind=mlflow", f"tracking.uri={uri}"])


def test_a_token_is_in_no_config_that_is_written_down(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", TOKEN)
    config = load_config([TINY], ["tracking.kind=mlflow", "tracking.uri=https://host/prefix/"])
    assert config.tracking.kind == "mlflow"
    assert config.tracking.uri == "https://host/prefix"
    assert TOKEN not in to_json(config)
