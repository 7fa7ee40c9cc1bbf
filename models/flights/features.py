"""What the flights model learns from: one line per column, known before departure."""

from taxiway.modeling.spec import Binary, Bucketized, Categorical, FeatureSpec, Numeric

SPEC = FeatureSpec(
    task=Binary("late"),
    key="flight_id",
    columns=(
        Numeric("distance"),
        Numeric("sched_dep_minute"),
        Numeric("sched_arr_minute"),
        Numeric("temp"),
        Numeric("dewp"),
        Numeric("humid"),
        Numeric("wind_speed"),
        Numeric("precip"),
        Numeric("pressure", indicator=True),
        Numeric("visib"),
        Numeric("plane_age", indicator=True),
        Numeric("seats"),
        Bucketized("sched_dep_minute", boundaries=tuple(60.0 * hour for hour in range(6, 23))),
        Bucketized("wind_dir", boundaries=(45.0, 90.0, 135.0, 180.0, 225.0, 270.0, 315.0)),
        Categorical("origin", max_vocabulary=3),
        Categorical("carrier", max_vocabulary=20),
        Categorical("day_of_week", max_vocabulary=7),
        Categorical("dest", max_vocabulary=150, encoding="embedding"),
    ),
)
