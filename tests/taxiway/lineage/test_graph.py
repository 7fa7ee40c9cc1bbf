"""The searches through a graph of artifacts and executions."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from taxiway.lineage.graph import Graph
from tests.taxiway.lineage.stores import Steps, content_of

NUMBERS = st.lists(st.integers(1, 15), max_size=3, unique=True)
ANY_STEPS = st.lists(st.tuples(st.sampled_from(["a", "b"]), NUMBERS, NUMBERS), max_size=12)


@given(steps=ANY_STEPS)
def test_what_is_behind_an_artifact_has_it_ahead(steps: Steps) -> None:
    graph = Graph(content_of(steps))
    behind = {one: set(graph.backwards([one]).artifacts) for one in graph.content.artifacts}
    ahead = {one: set(graph.forwards([one]).artifacts) for one in graph.content.artifacts}
    for one in graph.content.artifacts:
        assert behind[one] == {other for other, reached in ahead.items() if one in reached}


@given(steps=ANY_STEPS)
def test_a_search_goes_on_until_nothing_is_left(steps: Steps) -> None:
    graph = Graph(content_of(steps))
    direct = {
        made: {one for _, taken, put_out in steps if made in put_out for one in taken}
        for made in graph.content.artifacts
    }
    for start in graph.content.artifacts:
        reached = {start}
        for _ in graph.content.artifacts:  # no way is longer
            reached |= {one for made in reached for one in direct[made]}
        assert set(graph.backwards([start]).artifacts) == reached


def test_what_was_compared_with_an_artifact_can_be_left_out() -> None:
    steps = [("a", [], [1]), ("b", [], [2]), ("b", [1, 2], [3])]
    graph = Graph(content_of(steps, baselines=[(3, 1)]))
    assert graph.forwards([1]).artifacts == (1, 3)
    assert graph.forwards([1], through_baselines=False).artifacts == (1,)
    assert graph.forwards([2], through_baselines=False).artifacts == (2, 3)
    assert graph.backwards([3]).artifacts == (1, 2, 3)


def test_an_artifact_that_is_both_input_and_baseline_is_an_input() -> None:
    steps = [("a", [], [1]), ("a", [1], [3]), ("b", [1], [3])]
    graph = Graph(content_of(steps, baselines=[(2, 1)]))
    (edge,) = graph.made_of(3)
    assert not edge.is_baseline


def test_the_first_execution_that_did_the_work_has_made_it() -> None:
    graph = Graph(content_of([("a", [], [1]), ("b", [], [1])]))
    maker = graph.maker(1)
    assert maker is not None
    assert maker.run_id == "a"
    assert graph.backwards([1]).executions == (1, 2)
