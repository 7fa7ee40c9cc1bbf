"""The template's files, from the checkout or the wheel that runs, and a project's made of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from taxiway.errors import ConfigError
from taxiway.scaffold.project import base_config, contents
from taxiway.scaffold.project.record import NAME, Record
from taxiway.scaffold.project.sources import is_checkout

EXTRAS: Final = ("dask", "kubeflow")
_EXAMPLE_EXTRA: Final = "example"
_EXAMPLE_CONFIG: Final = "configs/flights.yaml"
_EXAMPLE_ABOUT: Final = """\
# The example: will a flight be late? To take it out: git rm -r models/flights configs/flights.yaml
"""
_BASE_ABOUT: Final = """\
# Every run starts here; an overlay says what differs: configs/NAME.yaml, for the model NAME.
"""
_COMPONENTS: Final = re.compile(r"^\| custom component \|(?:.*\n\|)+.*\n", re.M)
"""The table of components in the repository's README."""
_PAGES: Final = re.compile(r"\[([^]]+)\]\((?!https?:)[^)]*\)")
"""Links to pages that a project does not have."""
_MYPY_PACKAGES: Final = re.compile(r"^packages = .*$", re.M)


@dataclass(frozen=True)
class Package:
    """How the project's pyproject.toml names the package."""

    requirement: str
    """Behind its name and extras, such as `==1.2.3`."""
    path: str = ""
    """Of a wheel, below the project."""


def template_files() -> dict[str, Path]:
    """Every file of the template, by the path that it has below the repository.

    Raises:
      ConfigError: this installation has none, as the container image.
    """
    here = Path(__file__).parent / contents.FOLDER
    if here.is_dir():
        return {
            path.relative_to(here).as_posix(): path
            for path in sorted(here.rglob("*"))
            if path.is_file()
        }
    repository = Path(__file__).parents[3]
    found = contents.gathered(repository) if is_checkout(repository) else {}
    if not set(contents.READ) <= set(found):
        raise ConfigError(
            "this installation of Taxiway came without the template of a project",
            edit="run `taxiway new project` from a checkout, or where its wheel is installed",
        )
    return found


def project_files(
    record: Record, package: Package, template: Mapping[str, Path]
) -> dict[str, bytes]:
    """Every file of a project, by its path below it; without the package itself.

    Raises:
      ConfigError: the example is wanted, and this template has none.
    """
    targets = contents.targets(template, record.example)
    if record.example and not any(name.startswith("models/flights/") for name in targets):
        raise ConfigError(
            "--with-example: this template came without models/flights", edit="--with-example"
        )
    files = {target: template[name].read_bytes() for name, target in targets.items()}
    base, overlay = base_config.split(
        template["configs/base.yaml"].read_text(encoding="utf-8"), base_config.EXAMPLES
    )
    made = {"configs/base.yaml": _BASE_ABOUT + base.partition("\n")[2], NAME: record.text()}
    if record.example:
        made[_EXAMPLE_CONFIG] = _EXAMPLE_ABOUT + overlay
    made |= _own_files(record, package, template)
    return files | {name: text.encode() for name, text in made.items()}


def _own_files(record: Record, package: Package, template: Mapping[str, Path]) -> dict[str, str]:
    """The files that only a project has, with the values of this one filled in."""
    upstream = template["pyproject.toml"].read_text(encoding="utf-8")
    readme = template["README.md"].read_text(encoding="utf-8")
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    folder = Path(__file__).parent / contents.FILES.name
    environment = Environment(  # noqa: S701  # no HTML
        loader=FileSystemLoader(folder),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        variable_start_string="<<",  # GitHub's and make's own signs are kept
        variable_end_string=">>",
    )
    extras = (*EXTRAS, *((_EXAMPLE_EXTRA,) if record.example else ()))
    values = {
        "name": record.name,
        "example": record.example,
        "package": f"taxiway[{','.join(sorted(extras))}]{package.requirement}",
        "wheel": package.path,
        "components": _PAGES.sub(r"\1", _COMPONENTS.findall(readme)[0].rstrip("\n")),
        "requires_python": _value(upstream, "requires-python"),
        "ruff": _sections(upstream, "tool.ruff"),
        "mypy": _MYPY_PACKAGES.sub(
            'packages = ["components", "models", "pipelines"]', _sections(upstream, "tool.mypy")
        ),
        "pytest": _sections(upstream, "tool.pytest.ini_options"),
    }
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    names = [path.relative_to(folder).as_posix() for path in paths if path.suffix != ".pyc"]
    return {
        name.removesuffix(".j2"): environment.get_template(name).render(values) for name in names
    }


def _value(toml: str, key: str) -> str:
    """A key of the repository's pyproject.toml, as it is written there."""
    return str(re.findall(rf"^{key} = (.+)$", toml, re.M)[0])


def _sections(toml: str, name: str) -> str:
    """A table of the repository's pyproject.toml and those below it, as they are written there."""
    header = rf"^\[+{re.escape(name)}(?:\.[\w.-]+)?\]+\n.*?(?=^\[|\Z)"
    return "".join(re.findall(header, toml, re.M | re.S)).rstrip("\n")
