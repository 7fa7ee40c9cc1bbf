"""What the tiny model learns from: at least one column of each kind."""

from taxiway.modeling.spec import Binary, Bucketized, Categorical, FeatureSpec, Numeric

SPEC = FeatureSpec(
    task=Binary("delayed"),
    key="parcel_id",
    columns=(
        Numeric("kilograms"),
        Numeric("hour"),
        Numeric("temperature"),
        Numeric("truck_age", indicator=True),
        Categorical("region", max_vocabulary=3),
        Categorical("service", max_vocabulary=10),
        Categorical("city", max_vocabulary=30, encoding="embedding"),
        Bucketized("hour", boundaries=(6.0, 12.0, 18.0)),
        Bucketized("slope", boundaries=(45.0, 90.0, 135.0, 180.0, 225.0, 270.0, 315.0)),
    ),
)
