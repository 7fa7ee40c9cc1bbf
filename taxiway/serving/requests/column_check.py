"""Whether a version can take a request's plain columns, before they join those of others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from taxiway.access.refusal import Code, Refusal
from taxiway.modeling.exported.plain_columns import (
    RequestError,
    accepted_types,
    as_array,
    check_known,
    may_be_missing,
    row_count,
)
from taxiway.serving.requests.ask import Signature


class ColumnCheck:
    """What the columns of one signature may hold; made once for each version.

    Args:
      signature: that takes plain columns.
    """

    def __init__(self, signature: Signature) -> None:
        self._inputs = {column.name: column for column in signature.inputs}
        self._accepted = {
            name: accepted_types(column.dtype, lists=column.rank == 2)
            for name, column in self._inputs.items()
        }
        self._required = frozenset(
            name
            for name, column in self._inputs.items()
            if column.rank != 2 and not may_be_missing(column.dtype)
        )

    def check(self, columns: Mapping[str, Any], rows: int) -> None:
        """Passes what the worker would take, column by column; the common case at once.

        Raises:
          Refusal: INVALID, in the words of the worker.
        """
        try:
            for name, values in columns.items():
                accepted = self._accepted.get(name)
                if (
                    accepted is None
                    or type(values) is not list
                    or len(values) != rows
                    or not accepted.issuperset(map(type, values))
                ):
                    self._look(columns)
                    break
            if not (columns and self._required <= columns.keys()):
                self._look(columns)
        except RequestError as error:
            raise Refusal(Code.INVALID, str(error)) from error

    def _look(self, columns: Mapping[str, Any]) -> None:
        rows = row_count(columns)
        check_known(columns, self._inputs)
        for name, column in self._inputs.items():
            if name in columns or name in self._required:
                values = columns.get(name, [None] * rows)
                as_array(name, values, column.dtype, lists=column.rank == 2)
