"""Model versions: candidates, the styles of numbering, the records."""

from typing import Annotated

from pydantic import Field

from taxiway.registry.versions.black_box import BlackBoxVersioning
from taxiway.registry.versions.grouped import GroupedVersioning
from taxiway.registry.versions.pipeline_execution import PipelineExecutionVersioning
from taxiway.registry.versions.semantic import SemanticVersioning

Versioning = Annotated[
    SemanticVersioning | PipelineExecutionVersioning | BlackBoxVersioning | GroupedVersioning,
    Field(discriminator="kind"),
]
"""The `registry.versioning` section: every style."""
