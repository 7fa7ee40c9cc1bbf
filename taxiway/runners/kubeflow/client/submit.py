"""Submits a compiled pipeline to Kubeflow: a version, an experiment, a run or a schedule."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from taxiway.config.schema import Config
from taxiway.errors import ConfigError, TaxiwayError

if TYPE_CHECKING:
    from taxiway.runners.kubeflow.client.connection import Connection

NAME_LENGTH: Final = 127
"""The server's shortest limit on a name, that of a pipeline version."""
PAGE: Final = 100


@dataclass(frozen=True)
class Request:
    """What a user asks for beside the config.

    Args:
      parameters: typed run parameters; see taxiway.runners.kubeflow.parameters.
      run_name: of the run, or of the recurring run; empty means a name of ours.
      cron: six fields, seconds first; empty means to run now.
      replace: a recurring run of the same name gives way.
    """

    parameters: Mapping[str, Any] = field(default_factory=dict)
    run_name: str = ""
    cron: str = ""
    replace: bool = False


@dataclass(frozen=True)
class Submitted:
    """What the server made of it."""

    pipeline: str
    pipeline_id: str
    version: str
    version_id: str
    uploaded: bool
    experiment: str
    experiment_id: str
    name: str
    run_id: str
    """Empty where there is a recurring run instead."""
    recurring_run_id: str
    cron: str
    url: str


def submit(
    config: Config, pipeline_yaml: str, connection: Connection, request: Request | None = None
) -> Submitted:
    """Uploads the pipeline unless this very one is there, and starts or schedules a run of it.

    Raises:
      ConfigError: a name that cannot be used or is in use.
      ServerError: the server refuses, or is not to be reached.
    """
    request = request or Request()
    experiment_name = config.kubeflow.experiment or config.pipeline.name
    now = datetime.now(timezone.utc)
    name = request.run_name.strip() or _default_name(config, request, now)
    _check_name("pipeline.name", config.pipeline.name)
    _check_name("kubeflow.experiment", experiment_name)
    _check_name("--run-name", name)
    server = _Server(connection)
    pipeline_id, version, uploaded = server.upload(config.pipeline.name, pipeline_yaml, now)
    experiment_id = server.experiment(experiment_name)
    run_id = recurring_run_id = ""
    where = (experiment_id, name, dict(request.parameters), pipeline_id, version.id)
    if request.cron:
        recurring_run_id = server.schedule(*where, request.cron, request.replace)
        url = connection.link("recurringrun", recurring_run_id)
    else:
        run_id = server.run(*where)
        url = connection.link("runs", run_id)
    return Submitted(
        pipeline=config.pipeline.name,
        pipeline_id=pipeline_id,
        version=version.name,
        version_id=version.id,
        uploaded=uploaded,
        experiment=experiment_name,
        experiment_id=experiment_id,
        name=name,
        run_id=run_id,
        recurring_run_id=recurring_run_id,
        cron=request.cron,
        url=url,
    )


@dataclass(frozen=True)
class _Version:
    id: str
    name: str
    description: str


class _Server:
    """The few things asked of kfp.Client; each call is silent and raises our errors only."""

    def __init__(self, connection: Connection) -> None:
        self._client = connection.client
        self._namespace = connection.namespace

    def upload(self, name: str, text: str, now: datetime) -> tuple[str, _Version, bool]:
        """The pipeline's id, its version with this content, and whether that had to be uploaded."""
        digest = hashlib.sha256(text.encode()).hexdigest()
        mark = f"sha256 {digest}"  # in the description: the server names the first version itself
        pipeline_id = self._pipeline_id(name)
        if pipeline_id is not None:
            for version in self._versions(pipeline_id):
                if mark in version.description:
                    return pipeline_id, version, False
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "pipeline.yaml")
            path.write_text(text, encoding="utf-8")
            if pipeline_id is None:
                made = self._call(
                    "upload_pipeline",
                    str(path),
                    pipeline_name=name,
                    description=f"Submitted by taxiway, {mark}",
                    namespace=self._namespace,
                )
                return made.pipeline_id, self._first_version(made.pipeline_id), True
            suffix = f"-{now:%Y%m%d-%H%M%S}-{digest[:8]}"
            made = self._call(
                "upload_pipeline_version",
                str(path),
                pipeline_version_name=name[: NAME_LENGTH - len(suffix)] + suffix,
                pipeline_id=pipeline_id,
                description=f"Submitted by taxiway, {mark}",
            )
        return pipeline_id, _version(made), True

    def experiment(self, name: str) -> str:
        """The id of an experiment, which is made where there is none of the name."""
        made = self._call("create_experiment", name=name, namespace=self._namespace)
        if str(made.storage_state or "") == "ARCHIVED":
            raise ConfigError(
                f"the experiment '{name}' is archived: expected one that takes runs; restore it in "
                "the UI, or name another",
                edit="kubeflow.experiment",
            )
        return str(made.experiment_id)

    def run(
        self, experiment_id: str, name: str, parameters: dict[str, Any], pipeline: str, version: str
    ) -> str:
        """Starts a run and gives its id."""
        made = self._call(
            "run_pipeline",
            experiment_id=experiment_id,
            job_name=name,
            params=parameters,
            pipeline_id=pipeline,
            version_id=version,
        )
        return str(made.run_id)

    def schedule(
        self,
        experiment_id: str,
        name: str,
        parameters: dict[str, Any],
        pipeline: str,
        version: str,
        cron: str,
        replace: bool,
    ) -> str:
        """Makes a recurring run and gives its id; older ones of the name go once it stands."""
        older = self._recurring_runs(experiment_id, name)
        if older and not replace:
            raise ConfigError(
                f"the name '{name}' is already in use, by recurring run {older[0]}: expected a new "
                "one, or the wish to put this in its place",
                edit="--replace, or --run-name with another name",
            )
        made = self._call(
            "create_recurring_run",
            experiment_id=experiment_id,
            job_name=name,
            params=parameters,
            pipeline_id=pipeline,
            version_id=version,
            cron_expression=cron,
            max_concurrency=1,
            no_catchup=True,
        )
        for one in older:
            self._call("delete_recurring_run", one)
        return str(made.recurring_run_id)

    def _pipeline_id(self, name: str) -> str | None:
        """kfp.Client.get_pipeline_id looks in no namespace but the shared one."""
        found = self._call(
            "list_pipelines", filter=_named(name), page_size=PAGE, namespace=self._namespace
        ).pipelines
        return str(found[0].pipeline_id) if found else None

    def _first_version(self, pipeline_id: str) -> _Version:
        for version in self._versions(pipeline_id):
            return version
        raise TaxiwayError(
            f"the server took pipeline {pipeline_id}, but lists no version of it",
            edit="the log of the ml-pipeline deployment",
        )

    def _versions(self, pipeline_id: str) -> Iterator[_Version]:
        def page(token: str) -> Any:
            return self._call(
                "list_pipeline_versions",
                pipeline_id=pipeline_id,
                page_token=token,
                page_size=PAGE,
                sort_by="created_at desc",
            )

        return (_version(one) for one in _paged(page, "pipeline_versions"))

    def _recurring_runs(self, experiment_id: str, name: str) -> list[str]:
        def page(token: str) -> Any:
            return self._call(
                "list_recurring_runs",
                experiment_id=experiment_id,
                page_token=token,
                page_size=PAGE,
                filter=_named(name),
            )

        return [str(one.recurring_run_id) for one in _paged(page, "recurring_runs")]

    def _call(self, method: str, *args: Any, **kwargs: Any) -> Any:
        from taxiway.runners.kubeflow.client.connection import silent

        with silent():
            return getattr(self._client, method)(*args, **kwargs)


def _paged(page: Callable[[str], Any], key: str) -> Iterator[Any]:
    token = ""
    while True:
        answer = page(token)
        yield from getattr(answer, key) or ()
        token = answer.next_page_token or ""
        if not token:
            return


def _version(made: Any) -> _Version:
    return _Version(made.pipeline_version_id, made.display_name, made.description or "")


def _named(name: str) -> str:
    """The API's filter for one display name."""
    predicate = {"operation": "EQUALS", "key": "display_name", "stringValue": name}
    return json.dumps({"predicates": [predicate]})


def _default_name(config: Config, request: Request, now: datetime) -> str:
    """Runs are distinguished by time; a schedule is found again by its name."""
    if request.cron:
        return config.pipeline.name
    return f"{config.pipeline.name}-{now:%Y%m%d-%H%M%S}"


def _check_name(key: str, name: str) -> None:
    if len(name) > NAME_LENGTH or not name.isprintable():
        raise ConfigError(
            f"{key} has {len(name)} characters, '{name[:20]}...': expected at most {NAME_LENGTH}, "
            "on one line",
            edit=key,
        )
