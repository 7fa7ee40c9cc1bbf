"""`taxiway log`: what it counts, shows, removes, and what the audit says of that."""

from __future__ import annotations

import pytest

from taxiway.config.serving import DecisionLog as Settings
from taxiway.serving.decisions.log import DecisionLog
from tests.taxiway.cli.conftest import Desk
from tests.taxiway.serving.decisions.conftest import Folder, an_ask, logged

KEY = ("--set", "serving.log.key=person")


@pytest.fixture
def folder(desk: Desk) -> Folder:
    """The log of the desk's folder, with requests of ann's and ben's."""
    made = Folder(desk.root / "decisions")
    columns = {"person": ["ben"], "temp": [2.0], "seats": [1], "city": ["a\x1b[31mb"]}
    ben = an_ask("r-2", model="tiny", key="ben", columns=columns)
    logged(made.log(), an_ask("r-1", model="tiny", key="ann"), ben)
    made.converted()
    return made


def test_an_empty_log_says_so(desk: Desk) -> None:
    assert "no decisions" in desk("log", "status").out
    assert "no decisions" in desk("log", "show").out
    assert desk.json("log", "status")["models"] == []


def test_status_counts_rows_and_what_is_lost(desk: Desk, folder: Folder) -> None:
    found = desk.json("log", "status")
    assert found["models"][0] | {"bytes": 0, "first_span": 0, "last_span": 0} == {
        "model": "tiny",
        "rows": 2,
        "rewards": 0,
        "files": 1,
        "bytes": 0,
        "first_span": 0,
        "last_span": 0,
    }
    assert (found["lost"], found["dropped"]) == (0, 0)
    assert found["gateways"][0]["accepted"] == 2
    assert "ended" in desk("log", "status").out


def test_show_has_the_newest_rows_first(desk: Desk, folder: Folder) -> None:
    rows = desk.json("log", "show", "--limit", "1")
    assert [row["_taxiway_request_id"] for row in rows] == ["r-2"]
    assert rows[0]["city"] == "a\x1b[31mb"
    shown = desk("log", "show").out
    assert "r-1" in shown
    assert "\x1b" not in shown
    wrong = desk("log", "show", "--model", "tini")
    assert wrong.code == 2
    assert "did you mean 'tiny'" in wrong.err


def test_a_reward_is_recorded_beside_a_running_gateway(desk: Desk, folder: Folder) -> None:
    running = DecisionLog(Settings(root=str(folder.root)), convert=False)
    try:
        for _ in range(2):
            assert desk("log", "reward", "r-1", "1.5").code == 0
    finally:
        running.close()
    assert [row["_taxiway_reward"] for row in folder.rows("tiny/rewards")] == [1.5, 1.5]
    assert desk.json("log", "status")["models"][0]["rewards"] == 2


def test_erase_says_where_and_the_audit_does_not_say_whose(desk: Desk, folder: Folder) -> None:
    desk("log", "reward", "r-1", "1")
    done = desk("log", "erase", "--key", "ann", *KEY)
    assert done.code == 0, done.err
    assert "1 decisions in tiny/span-" in done.out
    assert "1 rewards in tiny/rewards/span-" in done.out
    assert "removed 1 rows of decisions and 1 rewards" in done.out
    assert [row["_taxiway_request_id"] for row in folder.rows("tiny")] == ["r-2"]
    erased, erasing = desk.json("audit", "log")[:2]
    assert (erased["action"], erasing["action"]) == ("log.erased", "log.erasing")
    assert erased["after"]["rows"] == 1
    assert "ann" not in str(erased["after"]) + erased["subject"]


def test_who_may_not_administer_removes_nothing(desk: Desk, folder: Folder) -> None:
    made = desk("auth", "token", "create", "--name", "ben", "--role", "admin", "--json")
    assert made.code == 0, made.err
    refused = desk("log", "erase", "--key", "ann", *KEY)
    assert refused.code == 1
    assert "takes one" in refused.err
    assert len(folder.rows("tiny")) == 2


def test_clean_recovers_and_removes_what_is_too_old(desk: Desk, folder: Folder) -> None:
    logged(folder.log(), an_ask("r-3", model="tiny"))
    folder.close()
    (span,) = (folder.root / "tiny").glob("span-*")
    span.rename(span.with_name("span-100"))
    done = desk("log", "clean")
    assert "recovered" in done.out
    assert "1 rows, 0 records lost" in done.out
    assert "span-100" in done.out
    assert [row["_taxiway_request_id"] for row in folder.rows("tiny")] == ["r-3"]
    assert "nothing" in desk("log", "clean").out


def test_a_file_of_rewards_is_taken_and_its_refused_rows_are_told(
    desk: Desk, folder: Folder
) -> None:
    path = desk.root / "rewards.csv"
    path.write_text("request_id,key,value\nr-1,,1.5\n,,2\n,ann,many\n,ann,4\n")
    done = desk("log", "rewards", str(path))
    assert (done.code, done.out) == (1, "tiny: 2 of 4 rewards taken, 2 refused\n")
    assert done.err.splitlines() == [
        "line 3.request_id: got None, expected it, or key",
        "line 4.value: got 'many', expected a number",
    ]
    rows = folder.rows("tiny/rewards")
    assert sorted(row["_taxiway_reward"] for row in rows) == [1.5, 4.0]
    path.write_text("request_id,value\nr-1,1.5\n")
    told = desk.json("log", "rewards", str(path))
    assert told == {"rows": 1, "accepted": 1, "refused": 0, "reasons": []}
