"""What work costs, of this process and of real children: those that live, and those that ended."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from taxiway.process.usage import measured

BURN = """
import time
block = bytearray(int({megabytes} * 2**20))
while time.process_time() < {seconds}:
    pass
print("burnt", flush=True)
{then}
"""


def child(seconds: float, megabytes: int = 0, then: str = "") -> subprocess.Popen[str]:
    text = BURN.format(seconds=seconds, megabytes=megabytes, then=then)
    return subprocess.Popen(
        [sys.executable, "-c", text], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def burn(seconds: float) -> None:
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def test_work_of_this_process_counts_and_waiting_does_not() -> None:
    with measured() as usage:
        burn(0.2)
        time.sleep(0.1)
    assert usage.cpu_seconds == pytest.approx(0.2, abs=0.08)


def test_children_count_once_whether_they_live_or_have_ended() -> None:
    with child(0.3, then="input()") as living:
        assert living.stdout is not None
        with measured() as usage:
            assert living.stdout.readline() == "burnt\n"
            with child(0.3) as ended:
                ended.communicate()
        living.communicate("\n")
    assert 0.5 < usage.cpu_seconds < 1.0


def test_a_child_of_before_that_ends_meanwhile_is_not_counted_again() -> None:
    with child(0.4, then="input()") as living:
        assert living.stdout is not None
        living.stdout.readline()
        with measured() as usage:
            living.communicate("\n")
    assert usage.cpu_seconds < 0.2


@pytest.mark.skipif(sys.platform != "linux", reason="there is no /proc")
def test_the_peak_is_of_all_processes_together() -> None:
    with measured() as before:
        pass
    with child(0.0, megabytes=300, then="input()") as large:
        assert large.stdout is not None
        with measured(pace_seconds=0.02) as usage:
            large.stdout.readline()
            time.sleep(0.1)  # looks at a steady state, however slow the machine is
            large.communicate("\n")
        assert usage.peak_memory_bytes > before.peak_memory_bytes + 250 * 2**20


def test_what_fails_is_measured_too() -> None:
    found = []

    def fail() -> None:
        with measured() as usage:
            found.append(usage)
            burn(0.1)
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fail()
    assert found[0].cpu_seconds > 0.05
