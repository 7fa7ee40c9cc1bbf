"""OFREP: which version a user gets, asked by OpenFeature's own client and by hand."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
from openfeature import api
from openfeature.client import OpenFeatureClient
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import ErrorCode
from openfeature.flag_evaluation import Reason

from tests.taxiway.serving.gateway.http.conftest import Rest

FLAGS = "/ofrep/v1/evaluate/flags"


@pytest.fixture
def client(rest: Rest) -> Iterator[OpenFeatureClient]:
    """OpenFeature's, whose flags are the models of this server."""
    provider = OFREPProvider(rest.url)
    with contextlib.closing(provider.session):
        api.set_provider(provider)
        yield api.get_client()
        api.clear_providers()


def test_a_users_version_is_the_flags_value_and_the_arm_its_variant(
    client: OpenFeatureClient,
) -> None:
    found = {}
    for key in ("ann", "beth"):
        details = client.get_string_details("split", "none", EvaluationContext(key))
        found[key] = (details.value, details.variant, details.reason)
        assert details.flag_metadata["propensity"] == 0.5
    assert found == {
        "ann": ("1.0.0", "canary", Reason.SPLIT),
        "beth": ("1.2.7", "stable", Reason.SPLIT),
    }


def test_a_model_whose_traffic_is_not_split_is_static_for_all(client: OpenFeatureClient) -> None:
    details = client.get_string_details("trips", "none")
    assert (details.value, details.reason) == ("1.2.7", Reason.STATIC)
    assert details.flag_metadata == {"number": 2, "propensity": 1.0, "policy": "single"}


@pytest.mark.parametrize(
    ("flag", "key", "code"),
    [
        ("split", "", ErrorCode.TARGETING_KEY_MISSING),
        ("nobody", "ann", ErrorCode.FLAG_NOT_FOUND),
    ],
)
def test_a_flag_that_has_no_value_gives_the_default_and_says_why(
    client: OpenFeatureClient, flag: str, key: str, code: ErrorCode
) -> None:
    details = client.get_string_details(flag, "none", EvaluationContext(key))
    assert (details.value, details.error_code) == ("none", code)
    assert details.error_message


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "PARSE_ERROR"),
        (b'{"context": 1}', "INVALID_CONTEXT"),
        (b'{"context": {"targetingKey": 1}}', "INVALID_CONTEXT"),
        (b"{}", "TARGETING_KEY_MISSING"),
    ],
)
def test_a_context_that_makes_no_sense_has_a_code_of_its_own(
    rest: Rest, body: bytes, code: str
) -> None:
    answer = rest.client.post(f"{FLAGS}/split", content=body)
    assert answer.status_code == 400
    assert answer.json()["key"] == "split"
    assert answer.json()["errorCode"] == code


def test_all_flags_are_sent_again_only_where_one_has_changed(rest: Rest) -> None:
    context = {"context": {"targetingKey": "ann"}}
    first = rest.post(FLAGS, context)
    assert [flag["key"] for flag in first.json()["flags"]] == [
        "airports",
        "fares",
        "split",
        "trips",
    ]
    known = {"If-None-Match": first.headers["etag"]}
    again = rest.post(FLAGS, context, headers=known)
    assert (again.status_code, again.content) == (304, b"")
    other = rest.post(FLAGS, {"context": {"targetingKey": "beth"}}, headers=known)
    assert other.status_code == 200


def test_a_flag_without_a_value_says_so_among_the_others(rest: Rest) -> None:
    flags = {flag["key"]: flag for flag in rest.post(FLAGS, {}).json()["flags"]}
    assert flags["split"]["errorCode"] == "TARGETING_KEY_MISSING"
    assert flags["trips"]["value"] == "1.2.7"


def test_providers_are_told_what_is_offered(rest: Rest) -> None:
    answer = rest.get("/ofrep/v1/configuration")
    assert answer.json()["capabilities"]["flagEvaluation"] == {"supportedTypes": ["string"]}
    known = {"If-None-Match": answer.headers["etag"]}
    assert rest.get("/ofrep/v1/configuration", headers=known).status_code == 304
