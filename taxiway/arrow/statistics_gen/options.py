"""How fine statistics are, with either engine: fine enough for what validators make of them."""

from __future__ import annotations

import logging
from typing import Any, Final

from taxiway.errors import ConfigError
from taxiway.modeling.spec.schema import largest_domain, read_schema

QUANTILES: Final = 40
"""Drift is measured over 20 bins that are made of these; TFDV's own 10 tell too little of a column
whose values are few, or most of them equal."""
RANKED: Final = 1000
"""Values of a string column that TFDV keeps by itself, the most frequent ones."""
_log = logging.getLogger(__name__)


def statistics_options(schema_file: str) -> Any:
    """The `stats_options` of StatisticsGen, a tfdv.StatsOptions.

    ExampleValidator compares a domain with the values that statistics keep. So these are more than
    the largest domain has: where a column has a value outside, one at least is among them. They are
    counted in thousands, or each value more in a domain would make statistics anew.

    Args:
      schema_file: the curated schema; one that cannot be read here (a bucket that only the cluster
        may open) leaves TFDV's own number of values.
    """
    import tensorflow_data_validation as tfdv

    try:
        domain = largest_domain(read_schema(schema_file))
    except ConfigError as error:
        _log.warning("statistics keep the %d most frequent values only: %s", RANKED, error.message)
        domain = 0
    return tfdv.StatsOptions(
        num_rank_histogram_buckets=(domain // RANKED + 1) * RANKED,
        num_quantiles_histogram_buckets=QUANTILES,
    )
