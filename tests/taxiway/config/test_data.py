"""The `data` section: dialects of CSV, and numbers as large as what takes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from taxiway.config.data import Csv
from taxiway.config.loader import load_config, to_yaml
from taxiway.errors import ConfigError
from tests.conftest import TINY

ONE_CHARACTER = (
    "expected one ASCII character that is no letter, digit or line end; in YAML a tab is "
    '"\\t" and a backslash "\\\\", both in double quotes'
)
DIFFER = "delimiter, quote and escape must differ; a quote is doubled in quotes without any escape"
WORDS = "expected words without line ends; an empty cell never has a value"
REFUSED = {
    'data.csv.delimiter=""': f"data.csv.delimiter: {ONE_CHARACTER}, got ''",
    'data.csv.delimiter=", "': f"data.csv.delimiter: {ONE_CHARACTER}, got ', '",
    r"data.csv.delimiter='\t'": rf"data.csv.delimiter: {ONE_CHARACTER}, got '\\t'",
    'data.csv.delimiter="\\n"': rf"data.csv.delimiter: {ONE_CHARACTER}, got '\n'",
    'data.csv.quote="«"': f"data.csv.quote: {ONE_CHARACTER}, got '«'",
    "data.csv.escape=e": f"data.csv.escape: {ONE_CHARACTER}, got 'e'",
    'data.csv.null_words=[""]': f"data.csv.null_words: {WORDS}, got ['']",
    "data.spans={kind: named, span: 2147483648}": (
        "data.spans.named.span: input should be less than or equal to 2147483647, got 2147483648"
    ),
    "data.spans.length=99999999999": (
        "data.spans.window.length: input should be less than or equal to 2147483647, "
        "got 99999999999"
    ),
    "data.shards=100000": "data.shards: input should be less than or equal to 1000, got 100000",
    "data.on_duplicate_key=drop": (
        "data.on_duplicate_key: input should be 'warn' or 'fail', got 'drop'"
    ),
}


@pytest.mark.parametrize("assignment", REFUSED)
def test_what_no_file_can_be_read_by_is_refused(assignment: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load_config([TINY], [assignment])
    assert refused.value.message == REFUSED[assignment]


@pytest.mark.parametrize("same", ['{quote: ","}', '{escape: ","}', "{escape: '\"'}"])
def test_characters_that_mean_two_things_are_refused(same: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load_config([TINY], [f"data.csv={same}"])
    assert refused.value.message.startswith(f"data.csv: {DIFFER}, got ")


DIALECTS = {
    "{}": Csv(),
    '{delimiter: ";"}': Csv(delimiter=";"),
    '{escape: "\\\\"}': Csv(escape="\\"),
    '{delimiter: "\\t", quote: "", escape: "\\\\", null_words: ["\\\\N"]}': Csv(
        delimiter="\t", quote="", escape="\\", null_words=("\\N",)
    ),
    '{delimiter: "\\x01", null_words: [NA, "?", "no", "-999"]}': Csv(
        delimiter="\x01", null_words=("NA", "?", "no", "-999")
    ),
}


@pytest.mark.parametrize("text", DIALECTS)
def test_a_dialect_is_read_from_the_command_line_and_from_a_file(text: str, tmp_path: Path) -> None:
    config = load_config([TINY], [f"data.csv={text}"])
    assert config.data.csv == DIALECTS[text]
    again = tmp_path / "again.yaml"
    again.write_text(to_yaml(config))
    assert load_config([str(again)]).data.csv == DIALECTS[text]
