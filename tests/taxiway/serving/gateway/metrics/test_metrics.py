"""What Prometheus reads of a gateway, through the client library's own parser."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from taxiway.access.refusal import Code
from taxiway.serving.gateway.metrics.exposition import Exposition
from taxiway.serving.gateway.metrics.recorder import MOST_CELLS, Recorder
from taxiway.serving.gateway.status import Status
from tests.taxiway.serving.gateway.gateways import (
    FIRST,
    Gateway,
    a_recorder,
    a_refusal,
    an_answer,
    an_ask,
)


def read(recorder: Recorder, gateway: Gateway | None = None) -> dict[tuple[str, Any], float]:
    """Samples by name and labels."""
    page = Exposition(recorder, gateway or Gateway()).page().decode()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }


def at(samples: dict[tuple[str, Any], float], name: str, **labels: str) -> float:
    return samples[name, frozenset(labels.items())]


def label_values(samples: dict[tuple[str, Any], float], name: str) -> set[str]:
    return {value for _, labels in samples for key, value in labels if key == name}


@pytest.fixture
def asked() -> Recorder:
    """Two answers of the stable arm, one of the candidate's, one fallback, two refusals."""
    recorder = a_recorder()
    recorder.answered(an_ask(), an_answer(), 0.0021)
    recorder.answered(an_ask(rows=3, protocol="oip-grpc"), an_answer(), 0.004)
    candidate = an_answer("1.1.0", arm="candidate", chosen="candidate")
    recorder.answered(an_ask(), candidate, 0.02)
    recorder.answered(an_ask(), an_answer(fallback=True, chosen="candidate"), 0.03)
    recorder.refused(an_ask(), a_refusal(), 0.0001)
    recorder.refused(an_ask(model="nothing"), a_refusal(Code.NOT_FOUND), 0.0001)
    return recorder


class TestRequests:
    def test_they_are_counted_by_model_version_arm_code_and_protocol(self, asked: Recorder) -> None:
        stable = {"model": "flights", "version": "1.0.0", "arm": "stable", "code": "OK"}
        samples = read(asked)
        assert at(samples, "taxiway_requests_total", **stable, protocol="tfs-rest") == 2
        assert at(samples, "taxiway_requests_total", **stable, protocol="oip-grpc") == 1
        refused = {"model": "flights", "version": "", "arm": "", "code": "RESOURCE_EXHAUSTED"}
        assert at(samples, "taxiway_requests_total", **refused, protocol="tfs-rest") == 1

    def test_rows_and_fallbacks_are_too(self, asked: Recorder) -> None:
        samples = read(asked)
        stable = {"model": "flights", "version": "1.0.0", "arm": "stable"}
        assert at(samples, "taxiway_rows_total", **stable) == 5
        moved = {"model": "flights", "chosen": "candidate", "arm": "stable"}
        assert at(samples, "taxiway_fallbacks_total", **moved) == 1

    def test_latency_falls_into_buckets_that_tell_milliseconds_apart(self, asked: Recorder) -> None:
        labels = {"model": "flights", "version": "1.0.0", "arm": "stable", "protocol": "tfs-rest"}
        samples = read(asked)
        bucket = "taxiway_request_seconds_bucket"
        counts = {le: at(samples, bucket, **labels, le=le) for le in ("0.002", "0.003", "+Inf")}
        assert counts == {"0.002": 0, "0.003": 1, "+Inf": 2}
        assert at(samples, "taxiway_request_seconds_sum", **labels) == pytest.approx(0.0321)

    def test_batches_have_sizes(self, asked: Recorder) -> None:
        for rows in (1, 60, 64):
            asked.batch("flights", "1.0.0", rows)
        labels = {"model": "flights", "version": "1.0.0"}
        samples = read(asked)
        assert at(samples, "taxiway_batch_rows_bucket", **labels, le="64") == 3
        assert at(samples, "taxiway_batch_rows_sum", **labels) == 125


class TestLabelsAreBounded:
    def test_a_model_that_is_not_served_is_other(self, asked: Recorder) -> None:
        for name in ("a", "b", '"}\n# HELP'):
            asked.refused(an_ask(model=name), a_refusal(Code.NOT_FOUND), 0.001)
        samples = read(asked)
        assert label_values(samples, "model") == {"flights", "other"}
        labels = {"model": "other", "version": "", "arm": "", "code": "NOT_FOUND"}
        assert at(samples, "taxiway_requests_total", **labels, protocol="tfs-rest") == 4

    def test_the_version_that_a_refused_request_names_is_no_label(self, asked: Recorder) -> None:
        asked.refused(an_ask(version="999"), a_refusal(Code.NOT_FOUND), 0.001)
        assert label_values(read(asked), "version") == {"", "1.0.0", "1.1.0"}

    def test_a_version_that_is_gone_is_forgotten(self, asked: Recorder) -> None:
        asked.batch("flights", "1.1.0", 1)
        assert label_values(read(asked, Gateway(FIRST)), "version") == {"", "1.0.0"}

    def test_arms_are_not_without_end(self) -> None:
        recorder = a_recorder()
        for number in range(MOST_CELLS + 100):
            recorder.answered(an_ask(), an_answer(arm=f"arm-{number}"), 0.001)
        assert len(recorder.cells) == MOST_CELLS + 1
        assert sum(cell.latency.count for cell in recorder.cells.values()) == MOST_CELLS + 100


class TestTheGatewayItself:
    def test_versions_have_a_state_a_weight_and_a_worker(self) -> None:
        samples = read(a_recorder())
        one = {"model": "flights", "version": "1.0.0"}
        assert at(samples, "taxiway_version_state", **one, state="AVAILABLE") == 1
        assert at(samples, "taxiway_version_weight", **one, arm="stable") == 0.9
        assert at(samples, "taxiway_worker_resident_memory_bytes", **one) == 300 * 2**20
        assert at(samples, "taxiway_worker_restarts_total", model="flights", version="1.1.0") == 2

    def test_it_tells_its_queue_its_routes_and_its_log(self) -> None:
        gateway = Gateway()
        models = (replace(gateway.now.models[0], versions=(replace(FIRST, queued_rows=7),)),)
        gateway.now = Status(models, 3, 0.5, {"written": 10, "lost": 1})
        samples = read(a_recorder(), gateway)
        assert at(samples, "taxiway_queued_rows", model="flights", version="1.0.0") == 7
        assert at(samples, "taxiway_requests_in_flight") == 3
        assert at(samples, "taxiway_route_revision", model="flights") == 12
        assert at(samples, "taxiway_routing_age_seconds") == 0.5
        assert at(samples, "taxiway_decisions_total", state="lost") == 1

    def test_it_tells_whether_it_is_ready_and_its_own_memory(self) -> None:
        gateway = Gateway()
        gateway.is_ready = False
        samples = read(a_recorder(), gateway)
        assert at(samples, "taxiway_ready") == 0
        assert at(samples, "process_resident_memory_bytes") > 2**20


class TestAliases:
    def test_tensorflow_servings(self, asked: Recorder) -> None:
        samples = read(asked)
        count = ":tensorflow:serving:request_count"
        assert at(samples, count, model_name="flights", status="OK") == 4
        assert at(samples, count, model_name="flights", status="RESOURCE_EXHAUSTED") == 1
        latency = ":tensorflow:serving:request_latency"
        rest = {"model_name": "flights", "API": "predict", "entrypoint": "REST"}
        assert at(samples, f"{latency}_bucket", **rest, le="3000") == 1
        assert at(samples, f"{latency}_sum", **rest) == pytest.approx(52_100)
        assert at(samples, f"{latency}_count", **{**rest, "entrypoint": "GRPC"}) == 1
        assert at(samples, ":tensorflow:serving:request_example_count_total", model="flights") == 6
        examples = ":tensorflow:serving:request_example_counts_bucket"
        assert at(samples, examples, model="flights", le="1") == 3

    def test_kserves(self, asked: Recorder) -> None:
        samples = read(asked)
        assert at(samples, "request_predict_seconds_count", model_name="flights") == 4
        assert at(samples, "request_predict_seconds_bucket", model_name="flights", le="0.02") == 3


class TestRecent:
    def test_what_came_before_the_last_minute_does_not_count(self) -> None:
        recorder = a_recorder()
        recorder.answered(an_ask(), an_answer(), 9.0)
        for second in range(0, 61, 5):
            recorder.tick(float(second))
        for _ in range(99):
            recorder.answered(an_ask(), an_answer(), 0.0018)
        recorder.refused(an_ask(), a_refusal(), 0.001)
        recent = recorder.recent("flights", now=62.0)
        assert (recent.requests, recent.errors, recent.seconds) == (100, 1, 57.0)
        assert recent.p99 is not None
        assert 0.0015 < recent.p99 <= 0.002

    def test_one_version_can_be_looked_at_alone(self, asked: Recorder) -> None:
        asked.tick(0.0)
        asked.answered(an_ask(), an_answer("1.1.0", arm="candidate"), 0.02)
        assert asked.recent("flights", 1.0, "1.1.0").requests == 1
        assert asked.recent("flights", 1.0, "1.0.0").requests == 0

    def test_a_version_that_went_and_came_back_begins_anew(self, asked: Recorder) -> None:
        asked.tick(0.0)
        asked.keep_versions([])
        asked.answered(an_ask(), an_answer(), 0.001)
        assert asked.recent("flights", 1.0, "1.0.0").requests == 1
