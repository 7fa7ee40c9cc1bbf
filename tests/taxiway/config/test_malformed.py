"""Configs that are none: whatever comes in is a config or a ConfigError, short and soon."""

from __future__ import annotations

import os
import string
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from taxiway.config.loader import load_config, to_json, to_yaml
from taxiway.config.schema import Config
from taxiway.errors import ConfigError
from tests.conftest import REPOSITORY, TINY, CommandLine

LAUGHS = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{new}: &{new} [{','.join([f'*{old}'] * 10)}]\n"
    for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
REFERENCES = ['{a: "${data}"}'] * 33
EPOCHS = "model: {{hyperparameters: {{epochs: {}}}}}"
RATE = "model: {{hyperparameters: {{learning_rate: {}}}}}"
FILES: dict[str, tuple[str | bytes, str]] = {
    "a scalar": ("hello", "{file} holds no mapping of sections to keys"),
    "a list": ("[1, 2]", "{file} holds no mapping of sections to keys"),
    "a section that is a list": (
        "data: [1, 2]",
        "data: input should be a valid dictionary or instance of Data, got [1, 2]",
    ),
    "a section below that is one": (
        "model: {hyperparameters: [1]}",
        "model.hyperparameters: input should be a valid dictionary or instance of "
        "Hyperparameters, got [1]",
    ),
    "a place that is none": (
        "output: {root: [1]}",
        "output.root: input should be a valid string, got [1]",
    ),
    "brackets without end": (
        f"a: {'[' * 3000}",
        "{file} is not YAML for a config: line 1, column 34: more than 32 levels of nesting",
    ),
    "mappings within mappings": (
        "{a: " * 400 + "1" + "}" * 400,
        "{file} is not YAML for a config: line 1, column 125: more than 32 levels of nesting",
    ),
    "aliases that stand for gigabytes": (
        LAUGHS,
        "{file} is not YAML for a config: it stands for more than 20,000 values",
    ),
    "an alias within itself": (
        "data: &d\n  x: *d",
        "{file} is not YAML for a config: line 2, column 6: *d is within itself",
    ),
    "an alias of nothing": (
        "data: *d",
        "{file} is not YAML for a config: line 1, column 7: found undefined alias",
    ),
    "a key twice": (
        "output: {root: a}\noutput: {root: b}",
        "{file} is not YAML for a config: line 2, column 1: found duplicate key output",
    ),
    "Python to be run": (
        'a: !!python/object/apply:os.system ["id"]',
        "{file} is not YAML for a config: line 1, column 4: could not determine a constructor for "
        "the tag 'tag:yaml.org,2002:python/object/apply:os.system'",
    ),
    "a tab": (
        "output:\n\troot: x",
        "{file} is not YAML for a config: line 2, column 1: found character that cannot start any "
        "token",
    ),
    "two documents": (
        "pipeline: {}\n---\ndata: {}",
        "{file} is not YAML for a config: line 2, column 1: expected a single document in the "
        "stream, but found another document",
    ),
    "a NUL byte": (
        b'output: {root: "a\0b"}',
        "{file} is not YAML for a config: unacceptable character #x0000: control characters are "
        "not allowed",
    ),
    "a NUL that is escaped": (
        r'output: {root: "a\0b"}',
        "{file} is not YAML for a config: output.root: a text with a NUL character",
    ),
    "UTF-16": (
        "output: {root: x}".encode("utf-16"),
        "{file} is not YAML: byte 0 (0xff) is no UTF-8; save the file as UTF-8",
    ),
    "Latin-1": (
        "output: {root: é}".encode("latin-1"),
        "{file} is not YAML: byte 15 (0xe9) is no UTF-8; save the file as UTF-8",
    ),
    "bytes": (
        "output: {root: !!binary aGk=}",
        "{file} is not YAML for a config: output.root: a value of the type bytes, expected text, "
        "a number or a list",
    ),
    "a number of 5,000 digits": (
        EPOCHS.format("9" * 5000),
        "{file} is not YAML for a config: line 1, column 35: a number of 5,000 digits",
    ),
    "one in hexadecimal": (
        EPOCHS.format("0x" + "f" * 9000),
        "{file} is not YAML for a config: line 1, column 35: a number of 9,002 digits",
    ),
    "one that no integer of a machine holds": (
        EPOCHS.format("9" * 23),
        "{file} is not YAML for a config: model.hyperparameters.epochs: a whole number of more "
        "than 63 bits",
    ),
    "one in quotes": (
        EPOCHS.format('"' + "9" * 23 + '"'),
        "model.hyperparameters.epochs: a whole number of more than 63 bits",
    ),
    "no number": (
        RATE.format(".nan"),
        "{file} is not YAML for a config: model.hyperparameters.learning_rate: nan is no finite "
        "number",
    ),
    "infinity": (
        RATE.format("1e400"),
        "{file} is not YAML for a config: model.hyperparameters.learning_rate: inf is no finite "
        "number",
    ),
    "infinity in quotes": (
        RATE.format("'inf'"),
        "model.hyperparameters.learning_rate: input should be a finite number, or 'auto', "
        "got 'inf'",
    ),
    "a word for a number or another word": (
        "model: {hyperparameters: {positive_weight: balance}}",
        "model.hyperparameters.positive_weight: input should be a valid number, unable to parse "
        "string as a number, or 'balanced', got 'balance'",
    ),
    "a negative size": (
        "data: {shards: -1}",
        "data.shards: input should be greater than or equal to 1, got -1",
    ),
    "yes for a number": (
        EPOCHS.format("yes"),
        "model.hyperparameters.epochs: expected a number, got True (YAML reads yes, no, on and off "
        "as switches)",
    ),
    "yes among numbers": (
        "model: {hyperparameters: {hidden_units: [8, on]}}",
        "model.hyperparameters.hidden_units.1: expected a number, got True (YAML reads yes, no, on "
        "and off as switches)",
    ),
    "yes for a name": (
        "model: {name: yes}",
        "model.name: input should be a valid string, got True: quote it, since YAML reads it as a "
        "number or a switch",
    ),
    "an octal number": (
        EPOCHS.format("010"),
        "{file} is not YAML for a config: line 1, column 35: 010 is octal in YAML: write 8, or "
        "quote it",
    ),
    "a time of day": (
        EPOCHS.format("1:30"),
        "{file} is not YAML for a config: line 1, column 35: 1:30 is a number to the base of 60 in "
        "YAML: quote it",
    ),
    "a switch as a key": (
        "data: {on: 1}",
        "{file} is not YAML for a config: data: the key True is no text: quote it",
    ),
    "a number as a key": (
        "1: 2",
        "{file} is not YAML for a config: the key 1 is no text: quote it",
    ),
    "a list as a key": (
        "[1, 2]: 3",
        "{file} is not YAML for a config: line 1, column 1: found unhashable key",
    ),
    "what OmegaConf takes for missing": (
        "data: {spans: '???'}",
        "{file} is not YAML for a config: data.spans: ??? stands for a missing value",
    ),
    "a value that refers to none": (
        'output: {root: "${nope}"}',
        "the config layers do not fit together at output.root: Interpolation key 'nope' not found",
    ),
    "values that refer to each other": (
        'output: {root: "${data.root}"}\ndata: {root: "${output.root}"}',
        "the config layers do not fit together at output.root: Recursive interpolation detected",
    ),
    "references that stand for gigabytes": (
        f"data_gate: {{rules: [{', '.join(REFERENCES)}]}}",
        "more than 32 values with ${{...}}",
    ),
    "a user who is none": (
        "output: {root: ~nouser/x}",
        "output.root is ~nouser/x, but there is no user ~nouser",
    ),
    "a name of 64 letters": (
        f"pipeline: {{name: {'x' * 64}}}",
        f"pipeline.name: string should have at most 63 characters, got '{'x' * 64}'",
    ),
    "an import path without end": (
        f"model: {{module: {'a.' * 5000}b}}",
        f"model.module: string should have at most 200 characters, got '{'a.' * 58}...",
    ),
    "an import path that is a path": (
        "pipeline: {module: ../x}",
        r"pipeline.module: string should match pattern '^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$', got "
        "'../x'",
    ),
    "a megabyte": (
        f'a: "{"x" * (1 << 20)}"',
        "{file} is not YAML for a config: it has more than 1,048,576 characters",
    ),
}


@pytest.mark.parametrize("case", FILES)
def test_a_file_that_is_no_config_is_refused_in_full(case: str, tmp_path: Path) -> None:
    content, told = FILES[case]
    path = tmp_path / "mine.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    started = time.monotonic()
    with pytest.raises(ConfigError) as refused:
        load_config([TINY, path])
    assert refused.value.message == told.format(file=path)
    assert refused.value.edit in (
        str(path),
        f"{REPOSITORY}/configs/base.yaml, {TINY}, {path}",
        "output.root",
    )
    assert time.monotonic() - started < 2


def test_what_yaml_writes_in_several_ways_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(
        b"\xef\xbb\xbfmodel: &m {hyperparameters: {epochs: 1_0, batch_size: 0x10}}\n"
        b"data: {root: 2026-01-01}\noutput: {root: '${oc.env:HOME}/var'}\n"
    )
    config = load_config([TINY, path])
    assert config.model.hyperparameters.epochs == 10
    assert config.model.hyperparameters.batch_size == 16
    assert config.data.root == "2026-01-01"
    assert config.output.root == f"{os.environ['HOME']}/var"


@pytest.mark.parametrize("text", ["", "---", "~", "# nothing"])
def test_a_file_without_a_word_changes_nothing(text: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    assert load_config([TINY, path]) == load_config([TINY])


A_PATH = (
    "--set takes a path of names with a dot between them, such as model.hyperparameters.epochs, "
    "got '{}'"
)
A_LIST = "--set {}: a list is given whole, such as --set 'evaluation.metrics=[auc, recall]'"
SETS: dict[str, str] = {
    "novalue": "--set takes key.path=value, got 'novalue'",
    "=x": "--set takes key.path=value, got '=x'",
    "": "--set takes key.path=value, got ''",
    "a..b=1": A_PATH.format("a..b"),
    ".a=1": A_PATH.format(".a"),
    "a.=1": A_PATH.format("a."),
    "a b=1": A_PATH.format("a b"),
    "\udcff=1": A_PATH.format("\udcff"),
    "evaluation.metrics.0=auc": A_LIST.format("evaluation.metrics.0"),
    "evaluation.metrics[0]=auc": A_LIST.format("evaluation.metrics[0]"),
    "output.root=\udcff": "--set output.root: the value is not YAML: it has bytes that are no "
    "UTF-8 text",
    "output.root=/a #b": "--set output.root: the value is not YAML: what follows # is a comment in "
    "YAML: quote the value",
    "data={": "--set data: the value is not YAML: line 2, column 1: did not find expected node "
    "content",
    f"x={'[' * 5000}": "--set x: the value is not YAML: line 1, column 32: more than 32 levels of "
    "nesting",
    f"data.shards={'9' * 5000}": "--set data.shards: the value is not YAML: line 1, column 1: a "
    "number of 5,000 digits",
    "data.spans=???": "--set data.spans: the value is not YAML: ??? stands for a missing value",
}


@pytest.mark.parametrize("text", SETS, ids=lambda text: ascii(text[:30]))
def test_an_assignment_that_is_none_is_refused_in_full(text: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load_config([TINY], [text])
    assert (refused.value.message, refused.value.edit) == (SETS[text], "the command line")


def test_a_mapping_in_the_place_of_a_value_is_refused() -> None:
    with pytest.raises(ConfigError) as refused:
        load_config([TINY], ["output.root.x=1"])
    assert refused.value.message == "output.root: input should be a valid string, got {'x': 1}"


class TestFilesThatCannotBeRead:
    @pytest.fixture
    def known(self) -> str:
        names = sorted(path.stem for path in (REPOSITORY / "configs").glob("*.yaml"))
        return f"--config: a path, or one of {', '.join(names)}"

    def refusal(self, overlay: str | Path) -> tuple[str, str]:
        with pytest.raises(ConfigError) as refused:
            load_config([overlay])
        return refused.value.message, refused.value.edit

    def test_a_pipe_is_not_waited_for(self, tmp_path: Path, known: str) -> None:
        os.mkfifo(tmp_path / "fifo.yaml")
        told = f"config file '{tmp_path}/fifo.yaml' is no regular file"
        assert self.refusal(tmp_path / "fifo.yaml") == (told, known)

    def test_a_folder(self, tmp_path: Path, known: str) -> None:
        assert self.refusal(tmp_path) == (f"config file '{tmp_path}' is a folder", known)

    def test_a_name_that_no_file_can_have(self, known: str) -> None:
        told = f"config file '{'x' * 300}' cannot be opened: File name too long"
        assert self.refusal("x" * 300) == (told, known)
        assert self.refusal("a\0b") == ("config file 'a\0b' does not exist", known)

    def test_a_name_that_is_no_text_as_no_report_could_name_it(
        self, tmp_path: Path, known: str
    ) -> None:
        path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.yaml"))
        path.write_text("{}")
        told = f"config file '{path}' has a name that is no UTF-8"
        assert self.refusal(path) == (told, known)

    def test_a_file_whose_disk_fails(self) -> None:
        path = "/proc/self/mem"  # a regular file that cannot be read from its start
        assert self.refusal(path) == (f"{path} cannot be read: Input/output error", path)


def test_a_working_folder_that_is_gone_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, here: CommandLine
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    told = here("config", "show")
    assert (told.code, told.err) == (
        2,
        "error: output.root is var, but the current folder cannot be used: "
        "No such file or directory\n  edit: output.root\n",
    )


TOO_LONG = {
    "output.root": "/{}",
    "data.schema_file": "/{}",
    "registry.path": "/{}/x",
    "push.destination": "/{}",
}


@pytest.mark.parametrize("key", TOO_LONG)
def test_a_place_whose_name_is_too_long_is_told_before_the_run(
    key: str, tmp_path: Path, here: CommandLine
) -> None:
    given = {"output.root": str(tmp_path), "data.root": str(tmp_path)}
    given[key] = TOO_LONG[key].format("x" * 300)
    sets = [part for pair in given.items() for part in ("--set", "=".join(pair))]
    told = here("run", "--config", TINY, *sets)
    assert told.code == 2
    assert told.err == (
        f"error: {key}: /{'x' * 300} cannot be opened: File name too long\n  edit: {key}\n"
    )


class TestFuzz:
    """Every input is a config or a ConfigError, bounded in length and time."""

    ODD = st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.integers(min_value=10**30, max_value=10**60),
        st.floats(),
        st.text(max_size=20),
        st.sampled_from(
            ["~x", "yes", "${data}", "${", "???", "a/b", "../..", "", "\0", "\x1b[31m"]
        ),
        st.binary(max_size=5),
        st.dates(),
    )
    VALUES = st.recursive(
        ODD,
        lambda inner: st.one_of(
            st.lists(inner, max_size=4),
            st.dictionaries(st.one_of(st.text(max_size=8), st.integers()), inner, max_size=4),
        ),
        max_leaves=8,
    )

    @staticmethod
    def keys(section: Any, path: str = "") -> list[str]:
        found = [path] if path else []
        if isinstance(section, dict):
            for name, inner in section.items():
                found += TestFuzz.keys(inner, f"{path}.{name}" if path else name)
        return found

    @staticmethod
    def check(path: Path | None, assignments: list[str]) -> None:
        started = time.monotonic()
        try:
            config = load_config([path] if path else [TINY], assignments)
        except ConfigError as error:
            told = str(error)
        else:
            assert isinstance(config, Config)
            assert to_json(config)
            told = to_yaml(config)
            assert yaml.safe_load(told)
        assert 0 < len(told) < 50_000
        assert time.monotonic() - started < 5

    FAST = settings(
        max_examples=80,
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )

    @given(data=st.data())
    @FAST
    def test_any_value_at_any_key(self, data: st.DataObject, tmp_path: Path) -> None:
        keys = self.keys(load_config([TINY]).model_dump(mode="json"))
        key = data.draw(st.sampled_from(keys))
        layer = data.draw(self.VALUES)
        for part in reversed(key.split(".")):
            layer = {part: layer}
        path = tmp_path / "mine.yaml"
        path.write_text(yaml.safe_dump(layer, allow_unicode=False))
        self.check(path, [])

    @given(content=st.one_of(st.binary(max_size=60), st.text(max_size=60).map(str.encode)))
    @FAST
    def test_any_file(self, content: bytes, tmp_path: Path) -> None:
        path = tmp_path / "mine.yaml"
        path.write_bytes(content)
        self.check(path, [])

    @given(data=st.data())
    @FAST
    def test_base_yaml_with_something_else_somewhere(
        self, data: st.DataObject, tmp_path: Path
    ) -> None:
        text = (REPOSITORY / "configs" / "base.yaml").read_text()
        at = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(at, min(len(text), at + 20)))
        token = data.draw(
            st.sampled_from(
                ["[", "{", "}", "- ", ": ", "&a ", "*a", "\n", "'", '"', "!!set ", "<<: "]
            )
        )
        path = tmp_path / "mine.yaml"
        path.write_text(text[:at] + token + text[end:])
        self.check(path, [])

    @given(
        key=st.one_of(
            st.sampled_from(
                ["model.hyperparameters.epochs", "data.spans", "output.root", "metadata"]
            ),
            st.text(string.printable, max_size=12),
        ),
        value=st.text(st.characters(), max_size=20),
    )
    @FAST
    def test_any_assignment(self, key: str, value: str) -> None:
        self.check(None, [f"{key}={value}"])
