"""Holds what both sides made against each other: `python -m benchmarks.compare STOCK TAXIWAY`.

Same rows go in on both sides, so examples, schemas, statistics, anomalies, the transform graph and
the rows of every slice must be the same. The two models are not: the two ExampleGens deal rows to
files in ways of their own, so training sees them in another order. Their evaluations are therefore
compared on one model.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from benchmarks.artifacts import SPLITS, Made, made_by, read_statistics
from benchmarks.data import KEY, OVERLAY, rows_option, size_name, split_rows
from benchmarks.one_run import metadata_file
from benchmarks.records import Check, Finding, finding
from taxiway.config.loader import load_config
from taxiway.errors import EXIT_OK, EXIT_RUN_FAILED, TaxiwayError

Rows = dict[str, Any]
"""Examples of each split as sorted tables."""


def compare(stock: Made, taxiway: Made, rows: int) -> Check:
    """Everything that both sides should have made alike, at one size.

    Raises:
      TaxiwayError: a run left nothing that can be compared.
    """
    ones, others = _read(stock), _read(taxiway)
    findings = [
        _examples(ones, others, rows),
        _statistics(stock, taxiway, others),
        *_schemas(stock, taxiway),
        _anomalies(stock, taxiway),
        _transform(stock, taxiway, others),
        *_metrics(stock, taxiway),
    ]
    return Check(rows=rows, findings=tuple(findings))


def _read(made: Made) -> Rows:
    from benchmarks.same_examples import read_split

    uri = made.find("examples").uri
    return {split: read_split(uri, split, KEY) for split in SPLITS}


def _examples(stock: Rows, taxiway: Rows, rows: int) -> Finding:
    from benchmarks.same_examples import example_differences

    expected = dict(zip(SPLITS, split_rows(rows), strict=True))
    differences = [
        f"{split}: {taxiway[split].num_rows:,} rows, {expected[split]:,} in the input"
        for split in SPLITS
        if taxiway[split].num_rows != expected[split]
    ]
    for split in SPLITS:
        differences += example_differences(stock[split], taxiway[split], split)
    counts = " + ".join(f"{count:,} {split}" for split, count in expected.items())
    width = taxiway[SPLITS[0]].num_columns
    return finding("examples", f"{counts} rows, {width} columns, cell by cell", differences)


def _schemas(stock: Made, taxiway: Made) -> list[Finding]:
    from benchmarks.same_schema import inferred_from, read_schema, schema_differences

    curated = [read_schema(made.find("schema", "ImportSchemaGen").uri) for made in (stock, taxiway)]
    uri = stock.find("statistics").uri
    expected = inferred_from([read_statistics(uri, split) for split in SPLITS])
    inferred = read_schema(taxiway.find("schema", "SchemaGen").uri)
    return [
        finding(
            "curated schema",
            f"{len(curated[1].feature)} features",
            schema_differences(curated[0], curated[1]),
        ),
        finding(
            "inferred schema",
            f"{len(inferred.feature)} features, from stock's statistics and from Taxiway's",
            schema_differences(expected, inferred),
        ),
    ]


def _anomalies(stock: Made, taxiway: Made) -> Finding:
    from benchmarks.same_schema import (
        anomalies_in,
        mapping_differences,
        read_anomalies,
        read_schema,
    )

    schema = read_schema(stock.find("schema", "ImportSchemaGen").uri)
    differences, counted = [], 0
    for split in SPLITS:
        expected = anomalies_in(read_statistics(stock.find("statistics").uri, split), schema)
        found = read_anomalies(taxiway.find("anomalies", "ExampleValidator").uri, split)
        counted += len(found)
        differences += [f"{split}: {text}" for text in mapping_differences(expected, found)]
    compared = f"{counted}, from stock's statistics and from Taxiway's"
    return finding("anomalies", compared, differences)


def _statistics(stock: Made, taxiway: Made, rows: Rows) -> Finding:
    from benchmarks.same_statistics import statistics_differences

    differences: list[str] = []
    one, other = stock.find("statistics").uri, taxiway.find("statistics").uri
    for split in SPLITS:
        columns = {name: rows[split][name] for name in rows[split].column_names}
        differences += statistics_differences(
            read_statistics(one, split), read_statistics(other, split), columns, split
        )
    compared = "counts exactly, moments to 1e-6, sketches within their error of the rows"
    return finding("statistics", compared, differences)


def _transform(stock: Made, taxiway: Made, rows: Rows) -> Finding:
    from benchmarks.same_transform import ROWS, transform_differences, transformed

    sides = [
        transformed(made.find("transform_graph").uri, rows["eval"]) for made in (stock, taxiway)
    ]
    count = min(ROWS, rows["eval"].num_rows)
    compared = f"{count:,} rows through both, {len(sides[0])} columns to 1e-6"
    return finding("transform graph", compared, transform_differences(sides[0], sides[1]))


def _metrics(stock: Made, taxiway: Made) -> list[Finding]:
    from benchmarks.same_metrics import counts_of, evaluate_by_stock, metric_differences, read
    from taxiway.evaluation.eval_config import eval_config
    from taxiway.evaluation.results import OVERALL
    from taxiway.modeling.spec import load_spec

    config = load_config([OVERLAY])
    wanted = eval_config(config.evaluation, load_spec(config.model.module))
    ours, theirs = read(taxiway.find("evaluation").uri), read(stock.find("evaluation").uri)
    counts = [{name: {"rows": n} for name, n in counts_of(one).items()} for one in (theirs, ours)]
    again = evaluate_by_stock(taxiway, wanted)
    number = sum(len(values) for values in ours.values())
    auc = " and ".join(f"{one[OVERALL]['auc']:.4f}" for one in (theirs, ours))
    return [
        finding("slices", f"{len(ours)}, row by row", metric_differences(counts[0], counts[1])),
        finding(
            "metrics",
            f"{number} of {len(ours)} slices, both Evaluators on one model, to 1e-6 "
            f"(the two models' own AUC: {auc})",
            metric_differences(again, ours),
        ),
    ]


def main() -> int:
    """Compares two runs and writes the findings as JSON; 1 where something differs."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compare", description=__doc__)
    parser.add_argument("stock", type=Path, help="folder of stock's run")
    parser.add_argument("taxiway", type=Path, help="folder of Taxiway's run")
    parser.add_argument("--rows", type=rows_option, required=True)
    parser.add_argument("--output", type=Path, required=True, help="JSON file")
    given = parser.parse_args()
    try:
        stock, taxiway = (made_by(metadata_file(one)) for one in (given.stock, given.taxiway))
        check = compare(stock, taxiway, given.rows)
    except TaxiwayError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201  # to who typed the command
        return error.exit_code
    given.output.write_text(check.model_dump_json(indent=1), encoding="utf-8")
    for one in check.findings:
        mark = "same" if one.same else "DIFFERENT"
        line = f"{size_name(check.rows)}: {one.what}: {mark}: {one.detail}"
        print(line)  # noqa: T201  # what it found
    return EXIT_OK if check.same else EXIT_RUN_FAILED


if __name__ == "__main__":
    raise SystemExit(main())
