"""What the template of a project is made of: this repository's own files, and a few of its own.

The build of the wheel runs this file alone (tools/wheel_template.py), so it imports none of ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

COPIED: Final = {
    ".gitignore": ".gitignore",
    "components": "components",
    "configs/environments": "configs/environments",
    "configs/kubeflow.yaml": "configs/kubeflow.yaml",
    "configs/vertex.yaml": "configs/vertex.yaml",
    "models/__init__.py": "models/__init__.py",
    "pipelines": "pipelines",
    "requirements.lock": "requirements.lock",
    "tests/components/test_conformance.py": "tests/components/test_conformance.py",
    "tests/components/test_data_gate.py": "tests/components/test_data_gate.py",
    "tests/components/test_drift.py": "tests/components/test_drift.py",
    "tests/components/test_infra_validator.py": "tests/components/test_infra_validator.py",
    "tests/components/test_model_manifest.py": "tests/components/test_model_manifest.py",
    "tests/tiny": "tests/tiny",
    "tools/find-python.sh": "tools/find-python.sh",
}
"""Files and folders of the repository, and what a project calls them."""
EXAMPLE: Final = {"models/flights": "models/flights"}
"""The same, only for a project with the example."""
READ: Final = ("README.md", "configs/base.yaml", "pyproject.toml")
"""Files of the repository of which a project's are made."""
FOLDER: Final = ".template"
"""Where the wheel has all of them, beside this file. Hidden, since it is data and no code of the
package: neither type checkers nor the digest of the code that a run uses look into it."""
FILES: Final = Path("taxiway/scaffold/project/files")
"""The files that only a project has; in the wheel too, as part of the package."""


def gathered(repository: Path) -> dict[str, Path]:
    """Every file of the repository that the template is made of, by its path below it.

    A folder that a fork has taken out is left out.
    """
    sources = (*COPIED, *EXAMPLE, *READ)
    found = (path for source in sources for path in _files(repository / source))
    return {path.relative_to(repository).as_posix(): path for path in found}


def targets(names: Mapping[str, object], example: bool) -> dict[str, str]:
    """What a project calls each of the gathered files that it has as they are."""
    table = {**COPIED, **(EXAMPLE if example else {})}
    found = {}
    for name in names:
        for source, target in table.items():
            if name == source or name.startswith(f"{source}/"):
                found[name] = target + name.removeprefix(source)
    return found


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
    elif path.is_dir():
        for found in sorted(path.rglob("*")):
            if found.is_file() and "__pycache__" not in found.parts:
                yield found
