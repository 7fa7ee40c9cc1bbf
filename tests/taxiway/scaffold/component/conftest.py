"""A project that is as small as one can be, for components to be written into."""

from __future__ import annotations

from pathlib import Path

import pytest

FILES = {
    "README.md": (
        "# Mine\n\n| custom component | kind | what it does |\n|---|---|---|\n"
        "| Weather | custom | asks for it |\n\nThe end.\n"
    ),
    "configs/base.yaml": (
        "# Every run.\npipeline:\n  name: mine # of its runs\n\n  cache: true\n\noutput:\n"
        "  root: var\n"
    ),
    "components/__init__.py": '"""Mine."""\n',
    "components/artifacts.py": (
        '"""Types."""\n\nfrom tfx.types.artifact import Artifact\n\n\n'
        'class Weather(Artifact):\n    """`weather.json`."""\n\n    TYPE_NAME = "Weather"\n'
    ),
    "components/weather/__init__.py": '"""Mine: written by hand."""\n',
    "pipelines/__init__.py": '"""Mine."""\n',
    "pipelines/training.py": '''"""The training pipeline."""

from __future__ import annotations

from tfx.components import StatisticsGen, Trainer

from components.arrow_example_gen.component import ArrowExampleGen
from components.weather.component import Weather
from taxiway.config.schema import Config


def create_pipeline(config: Config) -> Pipeline:
    """Wires it."""
    example_gen = ArrowExampleGen(
        input_base=config.data.root,
    )
    examples = example_gen.outputs["examples"]
    statistics = StatisticsGen(examples=examples).outputs["statistics"]
    if True:
        trained = Trainer(examples=examples).outputs["model"]
    weather = Weather(statistics)
    return Pipeline([trained, weather])
''',
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Its root."""
    root = tmp_path / "project"
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def everything(root: Path) -> dict[str, bytes | None]:
    """Each file below a folder, and each folder."""
    return {
        str(path.relative_to(root)): path.read_bytes() if path.is_file() else None
        for path in root.rglob("*")
    }
