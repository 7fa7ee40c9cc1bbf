"""`kill -9` of a gateway that records, and of what makes Parquet of it: what is lost, and twice."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from taxiway.serving.decisions.layout import WAL
from taxiway.serving.decisions.parquet.convert import convert_all
from taxiway.serving.decisions.record import Reward
from taxiway.serving.decisions.upkeep.status import lost_records, read_status
from taxiway.serving.decisions.wal.folders import segments
from tests.killed import KILLED, Killer, killer
from tests.taxiway.serving.decisions.conftest import Folder, an_ask, logged, rewarded, wait_until
from tests.tied import tied

PROGRAM = "tests.taxiway.serving.decisions.programs"
REPOSITORY = Path(__file__).parents[4]
ENOUGH = 300


@pytest.fixture(scope="module")
def converters() -> Iterator[Killer]:
    with killer(f"{PROGRAM}:convert") as found:
        yield found


def killed_gateway(root: Path, sync: str, file_rows: int = 10_000) -> int:
    """Kills a gateway while it records; gives how many answers it had sent."""
    command = tied(sys.executable, "-m", PROGRAM, str(root), sync, str(file_rows))
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for _ in range(ENOUGH):
            process.stdout.readline()
        process.kill()
        rest = process.stdout.read()
    return ENOUGH + len(rest.splitlines())


@pytest.mark.parametrize("file_rows", [10_000, 50])
def test_no_decision_is_lost_that_was_answered_with_sync_always(
    folder: Folder, file_rows: int
) -> None:
    answered = killed_gateway(folder.root, "always", file_rows)
    ids = [row["_taxiway_request_id"] for row in folder.converted()]
    assert ids[:answered] == [f"r-{number}" for number in range(answered)]
    assert len(ids) - answered in (0, 1)  # the one whose answer was about to be sent
    assert lost_records(folder.root) <= 1


def test_what_is_lost_with_sync_interval_is_told_to_the_record(
    folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    answered = killed_gateway(folder.root, "interval")
    (before,) = read_status(folder.root).gateways
    assert before.state == "waits"
    rows = folder.converted()
    (after,) = read_status(folder.root).gateways
    assert after.state == "ended"
    assert after.accepted in (answered, answered + 1)
    assert after.lost == after.accepted - len(rows)
    log = folder.log(convert=True)
    wait_until(lambda: log.counts().lost == after.lost)
    if after.lost:
        assert f"{after.lost} of its {after.accepted} records are lost" in caplog.text


def test_a_decision_of_which_half_was_written_is_lost_and_told(folder: Folder) -> None:
    log = folder.log()
    logged(log, *(an_ask(f"r-{number}") for number in range(3)))
    folder.close()
    (segment,) = segments(next((folder.root / WAL).iterdir()), also_open=True)
    segment.write_bytes(segment.read_bytes()[:-10])
    assert [row["_taxiway_request_id"] for row in folder.converted()] == ["r-0", "r-1"]
    (account,) = read_status(folder.root).gateways
    assert (account.accepted, account.written, account.lost) == (3, 2, 1)


def test_bytes_that_changed_on_disk_are_not_taken_for_a_decision(folder: Folder) -> None:
    logged(folder.log(), an_ask("r-0"), an_ask("r-1"))
    folder.close()
    (segment,) = segments(next((folder.root / WAL).iterdir()), also_open=True)
    content = bytearray(segment.read_bytes())
    content[-40] ^= 1
    segment.write_bytes(content)
    assert [row["_taxiway_request_id"] for row in folder.converted()] == ["r-0"]
    assert lost_records(folder.root) == 1


def test_a_gateway_that_lives_keeps_its_segment(folder: Folder) -> None:
    log = folder.log(sync="always")
    logged(log, an_ask())
    assert convert_all(folder.root) == []
    assert folder.rows() == []
    assert [one.state for one in read_status(folder.root).gateways] == ["alive"]
    assert len(folder.converted()) == 1


@pytest.mark.one_stack
def test_a_converter_that_is_killed_at_any_step_loses_no_row_and_doubles_none(
    folder: Folder, converters: Killer
) -> None:
    expected: Counter[str] = Counter()

    def gateway(name: str) -> None:
        log = folder.log(sync="always", file_rows=3)
        logged(log, an_ask(name, rows=2))
        rewarded(log, Reward(name, 1.0, "parcels"))
        folder.close()
        expected[name] += 2

    gateway("whole")
    steps = converters.run(folder.root, str(folder.root)).steps
    for kill_at in range(1, steps + 1):
        gateway(f"at-{kill_at}")
        assert converters.run(folder.root, str(folder.root), kill_at=kill_at).code == KILLED
    assert converters.run(folder.root, str(folder.root)).code == 0
    assert Counter(row["_taxiway_request_id"] for row in folder.rows()) == expected
    assert len(folder.rows("parcels/rewards")) == len(expected)
    assert lost_records(folder.root) == 0
    told = read_status(folder.root).gateways
    assert sum(one.written for one in told) == 2 * len(expected)
