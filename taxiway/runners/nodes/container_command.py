"""The command line of a container component: its literal parts, and those that a run fills in."""

from __future__ import annotations

from typing import Any, Final

from tfx.dsl.compiler import placeholder_utils

RUN_PARAMETER: Final = "run"
"""Of a container task on Kubeflow: one of the two words below, in front of the command."""
RUN_COMMAND: Final = "env"
"""`env sh -c ...` runs a container component's command, `true sh -c ...` leaves it alone."""
SKIP_COMMAND: Final = "true"


def command_template(executor_spec: Any) -> list[str | None]:
    """The parts of the command, None for each that is known only when the node runs."""
    return [
        part.value.string_value if part.WhichOneof("expression_type") == "value" else None
        for part in (*executor_spec.commands, *executor_spec.args)
    ]


def resolve_command(
    executor_spec: Any,
    execution_info: Any,
    platform_config: Any = None,
    pipeline_platform_config: Any = None,
) -> list[str]:
    """The command line with its placeholders filled in."""
    context = placeholder_utils.ResolutionContext(
        exec_info=execution_info,
        executor_spec=executor_spec,
        platform_config=platform_config,
        pipeline_platform_config=pipeline_platform_config,
    )
    return [
        str(placeholder_utils.resolve_placeholder_expression(part, context))
        for part in (*executor_spec.commands, *executor_spec.args)
    ]


def dynamic_parts(executor_spec: Any) -> list[int]:
    """Which parts of the command only a run can fill in."""
    parts = enumerate(command_template(executor_spec))
    return [index for index, part in parts if part is None]


def argument_name(index: int) -> str:
    """The parameter that carries one part of a command between Kubeflow's tasks."""
    return f"argument_{index}"
