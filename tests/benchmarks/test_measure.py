"""Measuring: what a node and the processes it starts take, and which nodes ran side by side."""

from __future__ import annotations

import subprocess
import sys
import time

from benchmarks.measure import Recorder, cpu_seconds, memory

BURN = "import time\nwhile time.process_time() < 0.6: pass"  # times are told in hundredths
HOLD = "held = bytearray(200_000_000)\nprint('ready', flush=True)\ninput()"


def test_cpu_counts_a_process_that_was_started_and_has_ended() -> None:
    before = cpu_seconds()
    subprocess.run([sys.executable, "-c", BURN], check=True)
    assert cpu_seconds() - before >= 0.4


def test_memory_counts_a_process_while_it_runs() -> None:
    before = memory(0.0, with_pss=False)
    with subprocess.Popen(
        [sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        during = memory(0.0, with_pss=True)
        child.communicate("\n")
    assert during.rss - before.rss > 150_000_000  # this process may free some meanwhile
    if during.pss is not None:  # its libraries' pages are shared with whoever else runs
        assert 190_000_000 < during.pss <= during.rss


def test_pss_is_left_out_where_it_was_not_asked_for() -> None:
    assert memory(0.0, with_pss=False).pss is None


def test_nodes_one_after_the_other_share_nothing() -> None:
    with Recorder(time.time()) as recorder:
        for node in ("first", "second"):
            recorder.start(node)
            recorder.end(node)
    found = recorder.nodes()
    assert [(node.node, node.shared) for node in found] == [("first", False), ("second", False)]
    assert found[0].end <= found[1].start <= recorder.seconds


def test_nodes_side_by_side_are_told_to_share_in_order_of_start() -> None:
    with Recorder(time.time()) as recorder:
        recorder.start("long")
        recorder.start("short")
        recorder.end("short")
        recorder.end("long")
        recorder.start("after")
        recorder.end("after")
    found = [(node.node, node.shared) for node in recorder.nodes()]
    assert found == [("long", True), ("short", True), ("after", False)]


def test_a_node_has_memory_and_cpu_of_its_own_time() -> None:
    with Recorder(time.time()) as recorder:
        recorder.start("burns")
        subprocess.run([sys.executable, "-c", BURN], check=True)
        recorder.end("burns")
        recorder.start("rests")
        recorder.end("rests")
    burns, rests = recorder.nodes()
    assert burns.cpu_seconds >= 0.4 > rests.cpu_seconds
    assert burns.peak_rss > 0
    assert recorder.peak()[0] >= burns.peak_rss


def test_a_node_that_never_ended_is_left_out() -> None:
    with Recorder(time.time()) as recorder:
        recorder.start("skipped")
    assert recorder.nodes() == []
