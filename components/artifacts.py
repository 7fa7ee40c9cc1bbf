"""Artifact types of our own, beside TFX's standard ones."""

from __future__ import annotations

from typing import Final

from tfx.types.artifact import Artifact, Property, PropertyType

PUSHED_TO: Final = "pushed_to"
"""A custom property of a ModelVersion: where this push of the version is."""


class ModelManifest(Artifact):  # type: ignore[misc]  # TFX ships no types
    """`MANIFEST.sha256`: one line per file of a SavedModel, as sha256sum writes them."""

    TYPE_NAME = "ModelManifest"


class GateDecision(Artifact):  # type: ignore[misc]  # TFX ships no types
    """`decision.json`: what the validators found and that it did not stop the run."""

    TYPE_NAME = "GateDecision"


class ModelVersion(Artifact):  # type: ignore[misc]  # TFX ships no types
    """`version.json`: the record under which the registry knows a pushed model."""

    TYPE_NAME = "ModelVersion"
    PROPERTIES = {  # noqa: RUF012  # TFX reads it as a plain class attribute
        "model_name": Property(type=PropertyType.STRING),
        "version_name": Property(type=PropertyType.STRING),
        "digest": Property(type=PropertyType.STRING),
    }


class RunReport(Artifact):  # type: ignore[misc]  # TFX ships no types
    """`report.json` and `report.html` of one run."""

    TYPE_NAME = "RunReport"
