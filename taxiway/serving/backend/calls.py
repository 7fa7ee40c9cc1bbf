"""Requests joined to one call of a model, and its outputs cut back to each."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from taxiway.access.refusal import Code, Refusal
from taxiway.serving.backend.fault import ModelFault
from taxiway.serving.backend.waiting import Part
from taxiway.serving.requests.ask import Arrays


def joined_columns(parts: Sequence[Part]) -> dict[str, list[Any]]:
    """The columns of all parts; where one has a column that another has not, it is missing."""
    if len(parts) == 1:
        return {name: values[parts[0].start : parts[0].stop] for name, values in _columns(parts[0])}
    joined: dict[str, list[Any]] = {}
    rows = 0
    for part in parts:
        whole = part.start == 0 and part.stop == part.of.ask.rows
        for name, values in _columns(part):
            column = joined.get(name)
            if column is None:
                column = joined[name] = []
            if len(column) < rows:
                column += [None] * (rows - len(column))
            column += values if whole else values[part.start : part.stop]
        rows += part.rows
    for column in joined.values():
        if len(column) < rows:
            column += [None] * (rows - len(column))
    return joined


def joined_examples(parts: Sequence[Part]) -> list[bytes]:
    """The examples of all parts."""
    return [one for part in parts for one in (part.of.ask.examples or ())[part.start : part.stop]]


def shape_fault(outputs: Arrays, rows: int) -> str:
    """Why an answer is not one for each row; empty where it is."""
    for name, output in outputs.items():
        if output.shape[:1] != (rows,):
            return f"the model's output '{name}' has shape {list(output.shape)} for {rows} row(s)"
    return ""


def cut(outputs: Arrays, start: int, stop: int) -> Arrays:
    """The answer to some of the rows."""
    return {name: output[start:stop] for name, output in outputs.items()}


def joined_answers(answers: Sequence[Arrays]) -> Arrays:
    """The answers to a request's parts, in order."""
    if len(answers) == 1:
        return answers[0]
    return {name: np.concatenate([one[name] for one in answers]) for name in answers[0]}


def are_finite(outputs: Arrays) -> bool:
    """Whether no number of an answer is NaN or infinite."""
    return all(
        output.dtype.kind != "f" or bool(np.isfinite(output).all()) for output in outputs.values()
    )


def not_finite(part: Part, outputs: Arrays) -> Refusal | None:
    """What is wrong with a part's answer; None where all its numbers are finite.

    A model that has NaN for rows which are in order has failed. One that was given an infinite
    number has not: there the request is to blame. Missing values are in order.
    """
    for name, output in outputs.items():
        if output.dtype.kind != "f":
            continue
        wrong = np.argwhere(~np.isfinite(output))
        if len(wrong):
            row = int(wrong[0][0])
            told = f"output '{name}' is {output[tuple(wrong[0])]} for row {part.start + row}"
            infinite = _infinite_column(part, part.start + row)
            if infinite:
                return Refusal(Code.INVALID, f"{told}, whose column '{infinite}' is infinite")
            return ModelFault(
                Code.FAILED,
                f"the model's {told}, expected a finite number",
                nan_rows=len(np.unique(wrong[:, 0])),
            )
    return None


def _columns(part: Part) -> Sequence[tuple[str, list[Any]]]:
    columns: Mapping[str, list[Any]] = part.of.ask.columns or {}
    return columns.items()  # type: ignore[return-value]  # which only iterate


def _infinite_column(part: Part, row: int) -> str:
    for name, values in _columns(part):
        value = values[row]
        if isinstance(value, float) and math.isinf(value):
            return name
    return ""
