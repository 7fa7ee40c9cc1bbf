"""The command line of a container component: its literal parts, and those that a run fills in."""

from __future__ import annotations

from typing import Any

from tfx.dsl.compiler import placeholder_utils


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
