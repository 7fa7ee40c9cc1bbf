"""What the page about experiments says to write and to type is taken."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from taxiway.config.loader import load_config
from tests.conftest import REPOSITORY, TINY, CommandLine

PAGE = (REPOSITORY / "docs/how-to/run-an-experiment.md").read_text()
COMMANDS = sorted(set(re.findall(r"taxiway (experiment \w+|log rewards)", PAGE)))


def test_its_config_is_one(tmp_path: Path) -> None:
    overlay = tmp_path / "worth-more.yaml"
    overlay.write_text(PAGE.partition("```yaml\n")[2].partition("```")[0])
    design = load_config([TINY, overlay]).delivery.experiment
    assert design is not None
    assert design.primary_metric.name == "profit"
    assert [one.margin for one in design.guardrails] == [20, 0.01]


@pytest.mark.parametrize("command", COMMANDS)
def test_its_commands_and_their_options_are_there(command: str, here: CommandLine) -> None:
    done = here(*command.split(), "--help")
    assert done.code == 0
    for line in re.findall(rf"^taxiway {command}.*$", PAGE, re.MULTILINE):
        for option in re.findall(r" (--?[a-z][a-z-]*)", line.partition("'")[0]):
            assert option in done.out


def test_it_names_every_recommendation() -> None:
    for action in ("ship", "keep", "keep running", "withheld"):
        assert f"**{action}**" in PAGE
