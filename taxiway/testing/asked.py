"""The model that tests are asked for: its config, cut off from all that a run of it would reach."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from taxiway.config.loader import load_config
from taxiway.config.places import model_folder
from taxiway.config.schema import Config
from taxiway.errors import ConfigError, did_you_mean
from taxiway.process.project import project_root

MODELS = "models"


def load_asked(name: str, assignments: Sequence[str] = (), beside: Sequence[str] = ()) -> Config:
    """The config of a model by the name of its overlay, or of its folder in models/.

    Args:
      name: `mine` for `configs/mine.yaml`, a path of an overlay, or `mine` for `models/mine`.
      assignments: `key.path=value`, over all of it.
      beside: overlays that come after it.

    Raises:
      ConfigError: there is neither; or the config cannot be used.
    """
    root = project_root()
    if Path(name).is_file() or (root / "configs" / f"{name}.yaml").is_file():
        return load_config([name, *beside], assignments)
    folder = root / MODELS / name
    if name.isidentifier() and folder.is_dir():
        return load_config(beside, [f"model.module={MODELS}.{name}", *assignments])
    known = sorted(
        {path.stem for path in (root / "configs").glob("*.yaml")}
        | {path.parent.name for path in (root / MODELS).glob("*/features.py")}
    )
    raise ConfigError(
        f"no model to test is named '{name}'{did_you_mean(name, known)} (known: "
        f"{', '.join(known)})",
        edit=f"the name: of a file in configs/, or of a folder in {MODELS}/",
    )


def apart(folder: Path) -> list[str]:
    """Assignments with which a run stays in a folder, and tells no one.

    Nothing here changes what is learned; but how fast a machine answers is no matter of tests.
    """
    return [
        f"output.root={folder}",
        f"data.root={folder}/data",
        f"push={{kind: filesystem, destination: {folder}/serving}}",
        f"registry={{kind: sqlite, path: {folder}/registry.sqlite}}",
        f"metadata={{kind: sqlite, path: {folder}/metadata.sqlite}}",
        f"notify={{kind: file, path: {folder}/notifications.jsonl}}",
        "container.engine=host",
        "engine.workers={kind: inline}",
        "beam={kind: direct}",
        "infra_validation.isolation=best_effort",
        "infra_validation.requests=10",
        "infra_validation.latency_budget_ms=60000.0",
    ]


def own_tests(config: Config) -> Path | None:
    """The folder of the model's own tests, where there is one."""
    folder = project_root() / "tests" / MODELS / model_folder(config.model.module).name
    return folder if folder.is_dir() else None
