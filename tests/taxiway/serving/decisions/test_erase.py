"""A person's rows are removed from every place, whoever works on the log meanwhile."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from taxiway.config.serving import KeptColumn
from taxiway.errors import TaxiwayError
from taxiway.serving.decisions.erasure.erase import Erased, erase
from taxiway.serving.decisions.layout import WAL
from taxiway.serving.decisions.log import DecisionLog
from taxiway.serving.decisions.parquet.convert import convert_all
from taxiway.serving.decisions.record import Reward
from taxiway.serving.decisions.wal.folders import segments
from taxiway.serving.requests.examples import serialized_example
from tests.taxiway.serving.decisions.conftest import MODEL, Folder, an_ask, logged, rewarded

WAIT = 30.0
ANN = "ann-of-the-lake"


def of(person: str, request_id: str, **changes: Any) -> Any:
    columns = {"city": ["Kyiv"], "temp": [1.0], "seats": [1], "person": [person]}
    return an_ask(request_id, columns=columns, **changes)


def erased(folder: Folder, wait: float = WAIT) -> Erased:
    return erase(folder.root, "person", ANN, wait)


def requests_left(folder: Folder, below: str = MODEL) -> set[str]:
    return {row["_taxiway_request_id"] for row in folder.rows(below)}


def test_rows_in_files_and_their_rewards_go_and_others_stay(folder: Folder) -> None:
    log = folder.log()
    logged(log, of(ANN, "r-1"), of("ben", "r-2"))
    rewarded(log, Reward("r-1", 1.0, MODEL), Reward("r-2", 0.0, MODEL))
    folder.converted()
    told = erased(folder).to_json()
    assert (told["rows"], told["rewards"]) == (1, 1)
    kinds = {place["kind"]: place["place"] for place in told["places"]}
    assert kinds["decisions"].startswith(f"{MODEL}/span-")
    assert kinds["rewards"].startswith(f"{MODEL}/rewards/span-")
    assert requests_left(folder) == {"r-2"}
    assert requests_left(folder, f"{MODEL}/rewards") == {"r-2"}
    assert ANN.encode() not in folder.content()


def test_a_row_of_a_request_goes_and_the_others_of_it_stay(folder: Folder) -> None:
    asked = an_ask("r-1", rows=3)
    assert asked.columns is not None
    asked.columns["person"][1] = ANN
    logged(folder.log(), asked)
    folder.converted()
    assert erased(folder).to_json()["rows"] == 1
    assert [row["_taxiway_row"] for row in folder.rows()] == [0, 2]


def test_rows_of_a_request_that_a_person_sent_go_whosever_they_are(folder: Folder) -> None:
    logged(folder.log(), an_ask("r-1", rows=2, key=ANN), an_ask("r-2"))
    folder.converted()
    assert erased(folder).to_json()["rows"] == 2
    assert requests_left(folder) == {"r-2"}


@pytest.mark.parametrize("keep", ["plain", "hash"])
def test_rewards_by_their_key_go_too(folder: Folder, keep: str) -> None:
    log = folder.log(columns={"person": KeptColumn(keep=keep)})
    logged(log, an_ask("r-1", key="ann"))
    rewarded(log, Reward("", 1.0, MODEL, key="ann"), Reward("", 2.0, MODEL, key="ben"))
    folder.converted()
    erased = erase(folder.root, "person", "ann", 10).to_json()
    assert (erased["rows"], erased["rewards"]) == (1, 1)
    assert [one["_taxiway_reward"] for one in folder.rows(f"{MODEL}/rewards")] == [2.0]


def test_a_file_of_one_person_goes_whole(folder: Folder) -> None:
    logged(folder.log(), of(ANN, "r-1"))
    folder.converted()
    erased(folder)
    assert list(folder.root.rglob("*.parquet")) == []


def test_hashed_rows_are_found(folder: Folder) -> None:
    logged(folder.log(columns={"person": {"keep": "hash"}}), of(ANN, "r-1", key=ANN))
    folder.converted()
    assert erased(folder).to_json()["rows"] == 1


def test_a_number_is_found_however_it_was_written(folder: Folder) -> None:
    log = folder.log(key="seats")
    logged(log, an_ask("r-1"), an_ask("r-2", columns={"seats": [4]}))
    folder.converted()
    assert erase(folder.root, "seats", "3", WAIT).to_json()["rows"] == 1
    assert requests_left(folder) == {"r-2"}


def test_rows_of_a_gateway_that_was_killed_go_before_they_are_in_a_file(folder: Folder) -> None:
    log = folder.log()
    example = serialized_example({"person": ANN})
    logged(log, of(ANN, "r-1"), an_ask("r-2", columns=None, examples=[example]), of("ben", "r-3"))
    rewarded(log, Reward("r-1", 1.0, MODEL))
    folder.close()
    told = erased(folder).to_json()
    assert (told["rows"], told["rewards"]) == (2, 1)
    assert told["places"][0]["place"].startswith(f"{WAL}/")
    assert requests_left(folder) == {"r-3"}
    assert ANN.encode() not in folder.content()


def test_a_running_gateway_gives_up_what_it_holds_and_goes_on(folder: Folder) -> None:
    log = folder.log(convert=True)
    logged(log, of(ANN, "r-1"), of("ben", "r-2"))
    assert erased(folder).to_json()["rows"] == 1
    assert requests_left(folder) == {"r-2"}
    logged(log, of(ANN, "r-3"))  # who comes back is logged again
    assert {row["_taxiway_request_id"] for row in folder.converted()} == {"r-2", "r-3"}


def test_rows_go_though_a_gateway_logs_all_the_while(folder: Folder) -> None:
    log = folder.log(convert=True, file_rows=20)
    stop = threading.Event()

    def gateway() -> None:
        number = 0
        while not stop.is_set():
            logged(log, of("ben", f"r-{number}"))
            number += 1

    logged(log, *(of(ANN, f"a-{number}") for number in range(30)))
    thread = threading.Thread(target=gateway)
    thread.start()
    try:
        assert erased(folder).to_json()["rows"] == 30
    finally:
        stop.set()
        thread.join()
    folder.converted()
    assert not any(name.startswith("a-") for name in requests_left(folder))


def test_a_gateway_that_does_not_take_part_is_named_and_leaves_the_rows_out_later(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DecisionLog, "_answer_erasures", lambda _: None)  # it hangs
    log = folder.log(sync="always")
    logged(log, of(ANN, "r-1"), of("ben", "r-2"))
    with pytest.raises(TaxiwayError, match=log.gateway):
        erase(folder.root, "person", ANN, 0.1)
    assert {row["_taxiway_request_id"] for row in folder.converted()} == {"r-2"}


def test_a_segment_that_is_converted_again_brings_no_row_back(
    folder: Folder, tmp_path: Path
) -> None:
    logged(folder.log(), of(ANN, "r-1"), of("ben", "r-2"))
    folder.close()
    (gateway,) = (folder.root / WAL).iterdir()
    (segment,) = segments(gateway, also_open=True)
    before = {path.name: path.read_bytes() for path in gateway.iterdir()}
    convert_all(folder.root)
    gateway.mkdir()  # as it was when its converter was killed after it had written the file
    for name, content in before.items():
        (gateway / name).write_bytes(content)
    erased(folder)
    assert not segment.exists()
    assert requests_left(folder) == {"r-2"}
    assert ANN.encode() not in folder.content()
