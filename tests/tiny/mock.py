"""Parcels that never were: the same seed makes the same rows, and the label can be learned."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

REGIONS = ("north", "south", "west")
SERVICES = ("bulk", "economy", "express", "post", "rail")
CITIES = tuple(f"city {number:02}" for number in range(20))


def rows(count: int, seed: int = 0) -> pa.Table:
    """Rows with every raw column, key and label included; some values are missing."""
    random = np.random.default_rng(seed)
    region, service, city = (
        random.integers(0, len(words), count) for words in (REGIONS, SERVICES, CITIES)
    )
    hour = random.integers(0, 24, count)
    temperature = np.round(random.normal(10.0, 8.0, count), 1)
    kilograms = np.round(random.lognormal(1.0, 0.6, count), 2)
    logit = 0.2 * (hour - 14) + 1.2 * (service == 0) - 1.5 * (region == 0) - 0.1 * temperature
    delayed = random.random(count) < 1 / (1 + np.exp(-logit))
    return pa.table(
        {
            "parcel_id": [f"{seed}-{number}" for number in range(count)],
            "delayed": delayed.astype(np.int64),
            "region": pa.array(REGIONS).take(pa.array(region)),
            "service": pa.array(SERVICES).take(pa.array(service)),
            "city": pa.array(CITIES).take(pa.array(city)),
            "kilograms": kilograms,
            "hour": hour,
            "temperature": pa.array(temperature, mask=random.random(count) < 0.03),
            "truck_age": pa.array(random.integers(0, 30, count), mask=random.random(count) < 0.15),
            "slope": pa.array(
                np.round(random.uniform(0, 360, count)), mask=random.random(count) < 0.03
            ),
        }
    )
