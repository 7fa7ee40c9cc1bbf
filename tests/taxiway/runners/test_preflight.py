"""Preflight: what cannot work is refused before anything starts, with the key that mends it."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from taxiway.config.loader import load_config
from taxiway.config.schema import Config
from taxiway.errors import ConfigError, TaxiwayError
from taxiway.registry.approval.recorded import record_policy
from taxiway.registry.auth.actor import NotAllowed, Permission, Role, system_actor
from taxiway.registry.auth.token_env import TOKEN_ENV
from taxiway.registry.auth.tokens import create_token, expiry
from taxiway.registry.database.session import open_database
from taxiway.runners.preflight import check, check_model, open_databases
from tests.conftest import TINY


def config(root: Path, *assignments: str) -> Config:
    return load_config([TINY], [f"output.root={root}", *assignments])


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An output root with a data folder, so that all is well."""
    (tmp_path / "data" / "tiny").mkdir(parents=True)
    return tmp_path


def test_a_config_that_can_run_passes_and_nothing_is_made(root: Path) -> None:
    before = sorted(root.rglob("*"))
    check(config(root))
    assert sorted(root.rglob("*")) == before


def no_data(root: Path) -> Config:
    return config(root / "elsewhere")


def data_is_a_file(root: Path) -> Config:
    (root / "file").touch()
    return config(root, f"data.root={root}/file")


def no_schema(root: Path) -> Config:
    return config(root, f"data.schema_file={root}/schema.pbtxt")


def unknown_metric(root: Path) -> Config:
    return config(root, "evaluation.metrics=[auc, rocall]")


def unknown_slice(root: Path) -> Config:
    return config(root, "evaluation.slices=[[regoin]]")


def policy_on_an_unknown_metric(root: Path) -> Config:
    bound = "{metric: acu, lower: 0.7}"
    return config(root, f"registry.approval={{kind: required, metrics: [{bound}]}}")


def versions_by_an_unknown_metric(root: Path) -> Config:
    return config(root, "registry.versioning={kind: semantic, metric: acu}")


def versions_by_a_count(root: Path) -> Config:
    return config(root, "registry.versioning={kind: semantic, metric: example_count}")


def store_is_a_file(root: Path) -> Config:
    (root / "models").touch()
    return config(root, "registry.approval={kind: required}", f"registry.store={root}/models")


def push_to_a_file(root: Path) -> Config:
    (root / "models").touch()
    return config(root, f"push.destination={root}/models/parcels")


def metadata_below_a_file(root: Path) -> Config:
    (root / "meta").touch()
    return config(root, f"metadata.path={root}/meta/m.sqlite")


def registry_below_a_file(root: Path) -> Config:
    (root / "reg").touch()
    return config(root, f"registry.path={root}/reg/r.sqlite")


def metadata_is_a_folder(root: Path) -> Config:
    (root / "metadata.sqlite").mkdir()
    return config(root)


def metadata_is_no_database(root: Path) -> Config:
    (root / "metadata.sqlite").write_text("no database")
    return config(root)


def registry_is_no_database(root: Path) -> Config:
    (root / "registry.sqlite").write_text("no database")
    return config(root)


def registry_is_of_a_newer_release(root: Path) -> Config:
    with closing(sqlite3.connect(root / "registry.sqlite")) as connection:
        connection.execute("CREATE TABLE model_versions (id INTEGER)")
        connection.execute("PRAGMA user_version = 7")
    return config(root)


def one_file_for_both(root: Path) -> Config:
    return config(root, f"registry.path={root}/metadata.sqlite")


def no_private_key(root: Path) -> Config:
    (root / "public.pem").touch()
    return config(root, f"registry.signing={{kind: key, public_key: {root}/public.pem}}")


REFUSED: dict[Callable[[Path], Config], tuple[str, str]] = {
    metadata_is_a_folder: ("is a folder, expected an SQLite database", "metadata.path"),
    metadata_is_no_database: ("cannot be used: file is not a database", "metadata.path, or"),
    registry_is_no_database: ("cannot be used: file is not a database", "registry.path, or"),
    registry_is_of_a_newer_release: ("of version 7, and this release knows", "registry.path, or"),
    one_file_for_both: ("expected a file for each", "metadata.path or registry.path"),
    no_data: ("there is no data in", "taxiway data"),
    data_is_a_file: ("there is no data in", "data.root"),
    no_schema: ("schema.pbtxt does not exist", "data.schema_file"),
    unknown_metric: ("did you mean 'recall'?", "evaluation.metrics"),
    unknown_slice: ("did you mean 'region'?", "evaluation.slices"),
    policy_on_an_unknown_metric: ("'acu' is not measured; did you mean 'auc'?", "registry.app"),
    versions_by_an_unknown_metric: ("did you mean 'auc'?", "registry.versioning.metric"),
    versions_by_a_count: (
        "registry.versioning.metric: 'example_count' cannot say which model is better",
        "registry.versioning.metric",
    ),
    store_is_a_file: ("registry.store: ", "registry.store, or move"),
    push_to_a_file: ("push.destination: ", "push.destination, or move"),
    metadata_below_a_file: ("metadata.path: ", "metadata.path, or move"),
    registry_below_a_file: ("registry.path: ", "registry.path, or move"),
    no_private_key: ("names no private key", "registry.signing.private_key"),
}


@pytest.mark.parametrize("made", REFUSED, ids=lambda made: made.__name__)
def test_what_cannot_work_is_refused_with_what_mends_it(
    root: Path, made: Callable[[Path], Config]
) -> None:
    told, edit = REFUSED[made]
    with pytest.raises(ConfigError) as refused:
        check(made(root))
    assert told in refused.value.message
    assert edit in refused.value.edit


@pytest.mark.parametrize(("version", "older"), [(99, "greater"), (5, "older")])
def test_metadata_of_another_release_is_refused_at_once(
    root: Path, version: int, older: str
) -> None:
    """Without patience, which is for servers that may come back."""
    from taxiway.metadata.store import run_store

    made = config(root)
    run_store(made.metadata).open()
    run_store.cache_clear()
    with closing(sqlite3.connect(root / "metadata.sqlite")) as connection:
        connection.execute("UPDATE MLMDEnv SET schema_version = ?", (version,))
        connection.commit()
    check(made)
    began = time.monotonic()
    with pytest.raises(TaxiwayError) as refused:
        open_databases(made)
    assert time.monotonic() - began < 5.0
    told = f"the metadata store cannot be used: MLMD database version {version} is {older} than "
    assert refused.value.message.startswith(told)
    assert refused.value.edit == (
        "metadata.path, or restore the file from a backup, or move it away to begin anew"
    )


def test_damage_inside_is_found_before_the_first_node(root: Path) -> None:
    made = config(root)
    open_databases(made)
    path = root / "metadata.sqlite"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ConfigError, match=f"metadata.path: {path} cannot be used: "):
        open_databases(made)


def test_a_folder_without_permission_is_refused(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root may write everywhere, so the answer of access() is what is changed."""
    closed = root / "closed"
    closed.mkdir()
    allowed = os.access
    monkeypatch.setattr(
        os, "access", lambda path, mode: Path(path) != closed and allowed(path, mode)
    )
    with pytest.raises(ConfigError, match=f"push.destination: no permission to write in {closed}"):
        check(config(root, f"push.destination={closed}/deep/er"))


@pytest.mark.parametrize("key", ["data.root", "data.schema_file", "output.root"])
@pytest.mark.parametrize("address", ["s3://b/x", "hdfs://host/x", "https://host/x", "abfs://c@a/x"])
def test_an_address_that_tensorflow_cannot_open_is_refused(
    root: Path, key: str, address: str
) -> None:
    """Whatever TensorFlow says of it now would come in the middle of a run."""
    with pytest.raises(ConfigError) as refused:
        check(config(root, f"{key}={address}", f"push.destination={root}/serving"))
    assert refused.value.message == (
        f"{key} is {address}, but TensorFlow opens gs:// and paths only; "
        "another store can be mounted as a folder"
    )
    assert refused.value.edit == key


@pytest.mark.parametrize("address", ["s3://b/x", "hdfs://host/x"])
def test_a_push_to_what_tensorflow_cannot_open_is_no_config(root: Path, address: str) -> None:
    with pytest.raises(ConfigError, match="no bucket that TensorFlow opens by itself") as refused:
        config(root, f"push.destination={address}")
    assert "push" in refused.value.message


def test_no_notification_goes_to_a_folder_called_as_an_address(root: Path) -> None:
    with pytest.raises(ConfigError, match=r"notify\.path is gs://b/n\.jsonl, expected a folder"):
        check(config(root, "notify={kind: file, path: gs://b/n.jsonl}"))


def test_remote_places_are_left_to_their_own_clients(root: Path) -> None:
    places = ("data.root=gs://b", "push.destination=gs://b", "data.schema_file=gs://b/schema.pbtxt")
    check(config(root, *places))


@pytest.mark.parametrize("key", ["output.root", "registry.path", "metadata.path"])
def test_what_nodes_share_is_on_this_machine(root: Path, key: str) -> None:
    """Else a folder called `gs:` would be made in the working directory."""
    with pytest.raises(ConfigError, match=rf"{key} is gs://b/x, expected a folder") as refused:
        check(config(root, f"data.root={root}/data/tiny", f"{key}=gs://b/x"))
    assert refused.value.edit == key


def test_a_model_can_be_checked_without_any_data(tmp_path: Path) -> None:
    check_model(config(tmp_path / "nothing"))
    with pytest.raises(ConfigError, match="unknown metric"):
        check_model(unknown_metric(tmp_path))


@pytest.mark.parametrize("key", ["output.root", "push.destination"])
@pytest.mark.parametrize("name", ["exp[1]", "what?", "star*", "back\\slash"])
def test_a_place_of_models_that_tensorflow_would_take_for_a_pattern_is_refused(
    root: Path, key: str, name: str
) -> None:
    """It globs the path from which it restores variables; the data's may hold anything."""
    (root / "data" / name).mkdir()
    place = root / name
    value = config(root, f"{key}='{place}'", f"data.root='{root}/data/{name}'")
    with pytest.raises(ConfigError) as refused:
        check(value)
    character = next(one for one in name if one in "*?[\\")
    assert refused.value.message == (
        f"{key} is {place}, expected a path without {character}: TensorFlow reads the path of a "
        "model as a pattern, and would load what lies in another folder"
    )
    assert refused.value.edit == f"{key}; data.root may hold any character"
    check(config(root, f"data.root='{root}/data/{name}'"))
    check(config(root, f"push.destination='{root}/{{a}},b] 50%#~ &;(y)'"))


SCHEMAS = {
    "a folder": (Path.mkdir, "cannot be read: a folder, expected a file"),
    "a FIFO": (os.mkfifo, "cannot be read: a FIFO, expected a file"),
    "a link to nowhere": (
        lambda path: path.symlink_to("gone"),
        "cannot be read: a symbolic link to gone, which does not exist",
    ),
}


@pytest.mark.parametrize("case", SCHEMAS)
def test_a_schema_that_is_no_file_is_refused(root: Path, case: str) -> None:
    make, reason = SCHEMAS[case]
    path = root / "schema.pbtxt"
    make(path)
    with pytest.raises(ConfigError) as refused:
        check(config(root, f"data.schema_file={path}"))
    assert str(refused.value) == (f"the curated schema {path} {reason}\n  edit: data.schema_file")


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """A model package of the features and a schema of `fare`, `town`, label and key."""
    monkeypatch.syspath_prepend(str(tmp_path))
    name = f"shop_{tmp_path.name}"
    folder = tmp_path / name
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "schema.pbtxt").write_text(
        "".join(
            f'feature {{ name: "{column}" type: {kind} }}\n'
            for column, kind in (
                ("y", "INT"),
                ("id", "BYTES"),
                ("fare", "FLOAT"),
                ("town", "BYTES"),
            )
        )
    )

    def make(features: str) -> str:
        (folder / "features.py").write_text(f"from taxiway.modeling.spec import *\n{features}\n")
        return name

    return make


@pytest.mark.parametrize(
    ("features", "told"),
    [
        (
            "SPEC = FeatureSpec(Binary('y'), 'id', (Numeric('faree'), Categorical('town')))",
            "{name}/features.py does not fit {schema}:\n"
            "  - Numeric 'faree': the schema has no such feature; did you mean 'fare'?",
        ),
        (
            "SPEC = FeatureSpec(Binary('y'), 'id', (Numeric('fare'),), slices=('twon',))",
            "{name}/features.py does not fit {schema}:\n"
            "  - slices 'twon': the schema has no such feature; did you mean 'town'?",
        ),
        (
            "SPEC = FeatureSpec(Binary('y'), 'id', (Numeric('fare'),), slices=('town',))",
            "evaluation: cannot slice by 'twon'; did you mean 'town'? "
            "(categorical features, and FeatureSpec.slices: town)",
        ),
    ],
    ids=["an unknown feature", "a slice misspelt in both", "a slice misspelt in the config"],
)
def test_features_schema_and_config_are_held_against_each_other(
    tmp_path: Path, shop: Callable[[str], str], features: str, told: str
) -> None:
    name = shop(features)
    asked_bounds = "evaluation.thresholds=[{metric: auc, lower: 0.1}]"
    asked = config(tmp_path, f"model.module={name}", "evaluation.slices=[[twon]]", asked_bounds)
    with pytest.raises(ConfigError) as refused:
        check_model(asked)
    assert refused.value.message == told.format(name=name, schema=asked.data.schema_file)


def test_a_run_that_may_not_register_a_version_is_refused_before_it_begins(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(TOKEN_ENV, raising=False)
    value = config(root)
    database = open_database(value.registry)
    open_databases(value)
    create_token(database, system_actor(), "ann", Role.ADMIN, expiry("1d"))
    with pytest.raises(NotAllowed, match="has no token"):
        open_databases(value)


def test_a_policy_other_than_the_one_on_record_is_refused_before_a_run(root: Path) -> None:
    held = config(root, "registry.approval={kind: required}")
    database = open_database(held.registry)
    with database.changing(system_actor(), Permission.REGISTER) as change:
        record_policy(change, "tiny", held.registry)
    open_databases(held)
    with pytest.raises(ConfigError) as refused:
        open_databases(config(root))
    assert refused.value.message == (
        "registry.approval is {kind: none}, but the policy on record for tiny is "
        "{kind: required}; who may administer the registry changes it"
    )
