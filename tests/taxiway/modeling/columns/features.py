"""A column of every role, and of every way to have it."""

from taxiway.modeling.spec import (
    Binary,
    Bucketized,
    Categorical,
    Crossed,
    FeatureSpec,
    Multivalent,
    Numeric,
    Quantiles,
    Text,
    Timestamp,
)

SPEC = FeatureSpec(
    task=Binary("y"),
    key="id",
    columns=(
        Numeric("real"),
        Numeric("amount", scale="log", impute="median", indicator=True),
        Numeric("skewed", scale="robust"),
        Numeric("share", scale="none", impute=0.25),
        Numeric("whole", scale="robust", impute="median"),
        Bucketized("real", (-1.0, 0.0, 1.0)),
        Quantiles("amount", buckets=4),
        Quantiles("whole", buckets=10),
        Categorical("word", max_vocabulary=5),
        Categorical("code", max_vocabulary=20, oov_buckets=3, encoding="embedding"),
        Categorical("flag", max_vocabulary=2, oov_buckets=0),
        Multivalent("tags", max_vocabulary=4),
        Multivalent("ids", max_vocabulary=6, encoding="embedding"),
        Multivalent("joined", max_vocabulary=4, oov_buckets=0, separator="|"),
        Crossed(("word", "code"), buckets=11),
        Crossed(("flag", "word"), buckets=7, encoding="embedding"),
        Timestamp("when", parts=("hour", "weekday", "day", "month"), age_at="then"),
        Timestamp("seconds", encoding="one_hot", age_at="2020-02-29T12:00:00+02:00"),
        Timestamp("millis", parts=("weekday",), unit="ms", clock="utc"),
        Text("words", max_vocabulary=30, buckets=0),
        Text("prose", ngrams=(2, 3), buckets=16),
    ),
)
