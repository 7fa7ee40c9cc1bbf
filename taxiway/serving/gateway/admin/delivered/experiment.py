"""A model's experiment as it goes, from the registry and from what gateways have measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from taxiway.delivery.evidence.measured import Measured, Moments
from taxiway.delivery.evidence.records import read_measurements, summed
from taxiway.delivery.experiment.judging.model_metrics import model_metrics
from taxiway.delivery.experiment.judging.plain import finite
from taxiway.delivery.experiment.learning import state_numbers
from taxiway.delivery.experiment.phases import Phase, latest
from taxiway.delivery.experiment.records import RUNNING, ExperimentRecord, history
from taxiway.delivery.experiment_section import OF_EVERY_REQUEST, Experiment, ExperimentMetric
from taxiway.delivery.statistics.comparisons.means import FEWEST, mean_difference
from taxiway.delivery.statistics.design.several import bonferroni
from taxiway.registry.database.session import Database
from taxiway.serving.gateway.admin.delivered.documents import (
    ArmOfExperiment,
    ExperimentDocument,
    LiveEffect,
)


def experiment_document(database: Database, model: str) -> ExperimentDocument:
    """What an experiment shows live; waits for the registry.

    Raises:
      TaxiwayError: it cannot be read.
    """
    environment = database.settings.environment
    with database.reading() as connection:
        records = history(connection, model, environment)
        if not records:
            return _nothing(model, environment)
        record = records[0]
        phase = latest(connection, record)
        measured = _measured(connection, record, phase)
        updates = state_numbers(connection, environment).get(record.id)
    design = record.design
    effects, why_not = _effects(record, measured)
    told: dict[str, Any] = finite(record.to_json())
    return ExperimentDocument(
        model=model,
        environment=environment,
        experiment=told,
        metric=design.primary_metric.name,
        goal=design.primary_metric.goal,
        moved=phase.moved if phase and record.phase == RUNNING else "",
        updates=updates,
        arms=_arms(design, measured),
        effects=effects,
        no_effects=why_not,
    )


def _nothing(model: str, environment: str) -> ExperimentDocument:
    return ExperimentDocument(
        model=model,
        environment=environment,
        experiment=None,
        metric="",
        goal="",
        moved="",
        updates=None,
        arms=[],
        effects=[],
        no_effects=f"{model} had no experiment yet",
    )


def _measured(
    connection: Connection, record: ExperimentRecord, phase: Phase | None
) -> dict[str, Measured]:
    """Of each arm, in the revisions of the route that had the arms' weights."""
    if phase is None:
        return {version: Measured() for version in record.versions}
    where = (record.model, record.environment, min(phase.revisions))
    found = [
        one for one in read_measurements(connection, *where) if one.of.revision in phase.revisions
    ]
    return {version: summed(found, version) for version in record.versions}


def _arms(design: Experiment, measured: Mapping[str, Measured]) -> list[ArmOfExperiment]:
    total = sum(one.requests for one in measured.values())
    found = []
    for arm, slots in zip(design.arms, design.slots, strict=True):
        one = measured[arm.version]
        metrics, came = model_metrics(one), _rewards(one, design.primary_metric)
        found.append(
            ArmOfExperiment(
                version=arm.version,
                weight=slots / 100,
                requests=one.requests,
                share=one.requests / total if total else None,
                rewards=one.rewards.get(design.primary_metric.name, Moments()).count,
                mean=finite(came.mean),
                error_rate=finite(metrics.error_rate),
                latency_p99_ms=finite(metrics.latency_p99_ms),
            )
        )
    return found


def _effects(
    record: ExperimentRecord, measured: Mapping[str, Measured]
) -> tuple[list[LiveEffect], str]:
    """Of each arm beside the control; none, and why."""
    design = record.design
    metric, control = design.primary_metric, design.arms[0].version
    if record.phase != RUNNING:
        return [], "it has ended: what it found is its outcome"
    if design.learns:
        return [], "a bandit gives an arm the more the better it does, so its arms are not alike"
    if metric.name in OF_EVERY_REQUEST:
        return [], f"{metric.name} is read from the log: taxiway experiment status"
    alpha = bonferroni(design.alpha, len(design.arms) - 1)
    planned = float(record.planned_per_arm or 5_000)
    samples = {version: _rewards(one, metric) for version, one in measured.items()}
    if min(one.count for one in samples.values()) < FEWEST:
        return [], f"an arm has fewer than {FEWEST} rewards"
    return [_effect(samples, control, one, alpha, planned) for one in record.versions[1:]], ""


def _effect(
    samples: Mapping[str, Moments], control: str, version: str, alpha: float, planned: float
) -> LiveEffect:
    effect = mean_difference(samples[control], samples[version], alpha, planned)
    return LiveEffect(
        version=version,
        effect=finite(effect.estimate),
        lower=finite(effect.lower),
        upper=finite(effect.upper),
        p_value=effect.p_value,
        alpha=alpha,
    )


def _rewards(found: Measured, metric: ExperimentMetric) -> Moments:
    """Of the metric; a request whose reward has not come counts as 0 where the design says so."""
    came = found.rewards.get(metric.name, Moments())
    if metric.missing == "left_out":
        return came
    return Moments(max(found.requests, came.count), came.total, came.squares)
