"""A small project under git, and records of its runs by the collectors that real runs use."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from taxiway.config.loader import load_config
from taxiway.process.provenance import provenance
from taxiway.tracking.compare.compare import compare_runs
from taxiway.tracking.compare.differences import Comparison
from taxiway.tracking.recording.surroundings import code_of, packages_of
from taxiway.tracking.run_record.record import Data, InputFile, RunRecord, Slice, flattened
from taxiway.tracking.source_texts import SourceTexts
from tests.conftest import TINY

FEATURES = "models/parcels/features.py"
SOURCE = "SPEC = 1\nCOLUMNS = ['weight']\nMORE = 3\n"
LOCKED = "parcel-tools"


class Project:
    """A checkout that runs are made in, and what they find there."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        self.columns = {"weight": "Numeric(clip=5.0)", "late": "Binary()"}
        self.metrics = {"auc": 0.75, "binary_crossentropy": 0.5}
        self.slices = {"region=north": {"auc": 0.7}, "region=south": {"auc": 0.8}}
        self.write("configs/base.yaml", "{}\n")
        self.write(FEATURES, SOURCE)
        self.write("models/parcels/README.md", "# Parcels\n")
        self.write("README.md", "# A project\n")
        self.write("requirements.lock", f"{LOCKED}==1.0.0\n")
        for span in (1, 2, 3):
            self.write(f"spans/span-{span}/rows.csv", f"{span}\n")
        self.installed = root / "installed"
        self.install("1.0.0")
        self.git("init", "--quiet")
        self.commit()
        monkeypatch.chdir(root)
        monkeypatch.syspath_prepend(self.installed)

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def install(self, release: str) -> None:
        """Of the one package of its own."""
        self.installed.mkdir(exist_ok=True)
        for old in self.installed.iterdir():
            old.rmdir()
        (self.installed / f"parcel_tools-{release}.dist-info").mkdir()

    def git(self, *words: str) -> None:
        name = ("-c", "user.name=Ann", "-c", "user.email=ann@example.com")
        subprocess.run(["git", "-C", str(self.root), *name, *words], check=True)

    def commit(self) -> None:
        self.git("add", "configs", "models", "README.md", "requirements.lock")
        self.git("commit", "--quiet", "--message", "As it is")

    def run(
        self, run_id: str, *assignments: str, spans: tuple[int, ...] = (1, 2), **fields: Any
    ) -> RunRecord:
        """The record of a run that is made now."""
        properties = provenance({})
        config = load_config([TINY], [f"output.root={self.root}/var-{run_id}", *assignments])
        values: dict[str, Any] = {
            "outcome": "succeeded",
            "config": flattened(config.model_dump(mode="json")),
            "features": self.columns,
            "code": code_of("models.parcels", properties),
            "packages": packages_of(properties),
            "data": self._data(run_id, spans),
            "metrics": self.metrics,
            "slices": tuple(Slice(name=name, metrics=one) for name, one in self.slices.items()),
        }
        return RunRecord(run_id=run_id, **(values | fields))

    def _data(self, run_id: str, spans: tuple[int, ...]) -> Data:
        paths = {span: f"span-{span}/rows.csv" for span in spans}
        files = tuple(
            InputFile(path=path, span=span, sha256=_sha256(self.root / "spans" / path))
            for span, path in paths.items()
        )
        told = f"{min(spans)}-{max(spans)}"
        return Data(root=f"/{run_id}", spans=told, files=files, schema_sha256="5c" * 32)

    def compare(self, *records: RunRecord, **options: Any) -> Comparison:
        return compare_runs(records, SourceTexts(self.root), **options)


def named(found: Comparison) -> Mapping[str, list[str]]:
    """What differs, by section."""
    names: dict[str, list[str]] = {}
    for one in found.differences:
        names.setdefault(one.section, []).append(one.name)
    return names


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
