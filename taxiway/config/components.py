"""Settings of a project's own components: what each may be set to, its folder says."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any, Final

from pydantic import create_model

from taxiway.errors import ConfigError, did_you_mean
from taxiway.process.project import project_root
from taxiway.root_cause import root_cause
from taxiway.section import Frozen

FOLDER: Final = "components"
SETTINGS_FILE: Final = "settings.py"


def settings_class(component: str) -> type[Frozen]:
    """What the settings of a component are: `Settings` of its folder's settings.py.

    Args:
      component: the name of a folder in `components/`.

    Raises:
      ConfigError: no such folder has settings, or the file gives no such class.
    """
    folder = project_root() / FOLDER
    known = sorted(path.parent.name for path in folder.glob(f"*/{SETTINGS_FILE}"))
    if component not in known:
        raise ConfigError(
            f"pipeline.components.{component}: no component of this name has a {SETTINGS_FILE}"
            f"{did_you_mean(component, known)} (known: {', '.join(known) or 'none'})",
            edit="pipeline.components",
        )
    path = folder / component / SETTINGS_FILE
    try:
        found = importlib.import_module(f"{FOLDER}.{component}.{path.stem}").Settings
    except Exception as error:
        raise ConfigError(
            f"{path} gives no class Settings: {root_cause(error)}", edit=str(path)
        ) from error
    if not (isinstance(found, type) and issubclass(found, Frozen)):
        raise ConfigError(
            f"Settings of {path} must be a class derived from taxiway.section.Frozen, "
            f"found {found!r}",
            edit=str(path),
        )
    return found


def checked_settings(given: Mapping[str, Any]) -> dict[str, Frozen]:
    """Plain values, by component, as the settings of each.

    Raises:
      ConfigError: see `settings_class`.
      pydantic.ValidationError: an unknown key, or a value that the component's class refuses.
    """
    classes: dict[str, Any] = {name: (settings_class(name), ...) for name in given}
    checked = create_model("Components", **classes).model_validate(given)
    return {name: getattr(checked, name) for name in given}
