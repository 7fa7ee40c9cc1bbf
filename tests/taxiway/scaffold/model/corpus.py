"""Data sets as people have them: small, made up, and each nasty in its own way."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

Write = Callable[[Path], Path]
LONG_NAME: Final = "How satisfied were you with the service that our team gave you " * 2


def _csv(
    path: Path, header: str, rows: list[str], encoding: str = "utf-8", end: str = "\n"
) -> Path:
    path.write_bytes((end.join([header, *rows]) + end).encode(encoding))
    return path


def _noise(seed: int, count: int) -> tuple[Any, Any]:
    random = np.random.default_rng(seed)
    return random, random.normal(0, 1, count)


def penguins(folder: Path) -> Path:
    """Three classes as words; NA where a bird got away; a unit in the names."""
    random, _ = _noise(1, 0)
    rows = []
    for number in range(344):
        kind = ("Adelie", "Chinstrap", "Gentoo")[number % 5 % 3]
        at = {"Adelie": 190, "Chinstrap": 196, "Gentoo": 217}[kind]
        island = {"Adelie": "Torgersen", "Chinstrap": "Dream", "Gentoo": "Biscoe"}[kind]
        island = island if random.random() < 0.6 else "Dream"
        flipper = f"{random.normal(at, 6):.0f}" if random.random() > 0.01 else "NA"
        bill = f"{random.normal(at / 5, 2):.1f}" if random.random() > 0.01 else "NA"
        sex = random.choice(["male", "female", "NA"], p=[0.48, 0.48, 0.04])
        rows.append(f"{kind},{island},{bill},{flipper},{sex},{2007 + number % 3}")
    header = "species,island,bill length (mm),flipper length (mm),sex,year"
    return _csv(folder / "penguins.csv", header, rows)


def taxi(folder: Path) -> Path:
    """12,000 trips; blanks and units in names, American moments, empty cells."""
    random, _ = _noise(2, 0)
    count = 12_000
    miles = random.gamma(1.5, 2.0, count)
    seconds = (miles * 240 + random.normal(200, 60, count)).clip(30)
    fare = 3 + miles * 2.2 + random.normal(0, 1, count)
    card = random.random(count) < 0.55
    big = card & (random.random(count) < 1 / (1 + np.exp(2 - miles)))
    hours, days = random.integers(0, 24, count), random.integers(1, 28, count)
    clock = [f"{1 + hour % 12:02}:15:00 {'AP'[hour % 2]}M" for hour in hours]
    rows = [
        f"{i:08x},0{1 + i % 9}/{days[i]:02}/2014 {clock[i]},"
        f"{seconds[i]:.0f},{miles[i]:.1f},{'' if i % 40 == 0 else f'{fare[i]:.2f}'},"
        f"{'Credit Card' if card[i] else 'Cash'},{'' if i % 3 == 0 else f'Taxi {i % 7}'},"
        f"{1 + i % 70},{int(big[i])}"
        for i in range(count)
    ]
    header = (
        "Trip ID,Trip Start Timestamp,Trip Seconds (s),Trip Miles,Fare,Payment Type,Company,"
        "Pickup Community Area,big tip"
    )
    return _csv(folder / "taxi.csv", header, rows)


def houses(folder: Path) -> Path:
    """A price with a currency, decimal commas between semicolons, a BOM, postal codes, umlauts."""
    random, noise = _noise(3, 500)
    rows = []
    for i in range(500):
        size = random.uniform(30, 220)
        price = 50_000 + 3_000 * size + 20_000 * noise[i]
        told = f"{price:,.2f}".replace(",", "x").replace(".", ",").replace("x", ".")
        rows.append(
            f"{i + 1};{size:.1f}".replace(".", ",") + f";0{1067 + i % 9};"
            f"{('Altbau', 'Neubau', 'Reihenhaus „klein“')[i % 3]};"
            f"{(i % 28) + 1:02}.{i % 12 + 1:02}.2020;{told} €;"
        )
    header = "Nr;größe (m²);PLZ;Bauart;verkauft am;Preis;"
    return _csv(folder / "häuser.csv", header, rows, "utf-8-sig", "\r\n")


def rare(folder: Path) -> Path:
    """One row in a hundred is a fraud; a huge number names the account."""
    random, noise = _noise(4, 3000)
    rows = []
    for i in range(3000):
        fraud = int(noise[i] > 2.3)
        amount = abs(random.normal(50 + 100 * fraud, 30))
        account = 10**17 + int(random.integers(0, 900))
        rows.append(
            f"{amount:.2f},{account},{random.integers(0, 24)},{'web' if i % 2 else 'shop'},{fraud}"
        )
    return _csv(folder / "fraud.csv", "amount,account_id,hour,channel,is_fraud", rows)


def few(folder: Path) -> Path:
    """150 rows, names with blanks at their ends, tabs between cells, 3.0 for 3."""
    random, noise = _noise(5, 150)
    rows = [
        f"{i % 3}.0\t{noise[i]:.4f}\t{noise[i] + random.normal(0, 0.3):.3f}\t"
        f"{'ab'[int(noise[i] + random.normal(0, 0.2) > 0)]}"
        for i in range(150)
    ]
    return _csv(folder / "few.tsv", " group \twidth %\t%\tclass", rows)


def churn(folder: Path) -> Path:
    """Yes or no, missing in places; quotes within text; a column that tells the label."""
    random, noise = _noise(6, 800)
    rows = []
    for i in range(800):
        gone = noise[i] > 0.8
        label = "" if i % 50 == 7 else "yes" if gone else "no"
        remark = f'"He said ""no, {i}"" and hung up, it was call {i * 7 % 31}"' if i % 4 else ""
        months = max(1, round(24 - 8 * noise[i] + random.normal(0, 4)))
        contract = "monthly" if random.random() < (0.8 if gone else 0.4) else "yearly"
        rows.append(
            f"C-{i % 790:05},{months},{contract},{remark},{'TRUE' if i % 2 else 'FALSE'},DE,,"
            f"{'left' if gone else 'stayed'},{label}"
        )
    header = "customer id,tenure (months),contract,last remark,paperless,country,notes,state,churn?"
    return _csv(folder / "churn.csv", header, rows)


def windows(folder: Path) -> Path:
    """What Excel saves in Germany: cp1252, `sep=;`, a title above the names."""
    random, noise = _noise(7, 300)
    rows = [
        f"{i % 5};{random.normal(20, 5):.2f}".replace(".", ",")
        + f";{('süß', 'sauer')[int(noise[i] > 0)]};{'Müller' if i % 2 else 'Groß & Söhne'}"
        for i in range(300)
    ]
    lines = ["Auswertung 2020;;;", "Sorte;Gewicht (g);Geschmack;Händler", *rows]
    return _csv(folder / "export.csv", "sep=;", lines, "cp1252", "\r\n")


def wide_text(folder: Path) -> Path:
    """UTF-16 and tabs, as Excel's `Unicode text`; cells that go on over a line end."""
    _, noise = _noise(8, 200)
    rows = [
        f'"Zeile {i}\nnoch eine mehr"\t{noise[i]:.3f}\t{2 * noise[i]:.3f}\t{"нет"[i % 3 :]}'
        for i in range(200)
    ]
    return _csv(folder / "unicode.txt", "Я\tx\ty\tжить", rows, "utf-16", "\r\n")


def adult(folder: Path) -> Path:
    """A blank behind every comma, `?` for nothing, single values that are rare."""
    random, noise = _noise(9, 1500)
    jobs = ("Sales", "Craft-repair", "Exec-managerial", "?", "Armed-Forces")
    rows = [
        f"{random.integers(17, 90)}, {jobs[min(i % 9 % 5, 4) if i > 3 else 4]}, "
        f"{int(40 + 10 * noise[i])}, {'>50K' if noise[i] + random.random() > 1 else '<=50K'}"
        for i in range(1500)
    ]
    return _csv(folder / "adult.data", "age, occupation, hours-per-week, income", rows)


def long_names(folder: Path) -> Path:
    """A question for a name, quotes and a backslash in names, an index without one."""
    random, noise = _noise(10, 250)
    rows = [
        f"{i},{random.integers(1, 6)},{noise[i]:.2f},{random.choice(['N/A', 'a', 'b'])},"
        f"{max(0, round(3 + noise[i]))}"
        for i in range(250)
    ]
    header = f',"{LONG_NAME}","5"" screen \\ size","it\'s","result"'
    return _csv(folder / "survey.csv", header, rows)


def apostrophes(folder: Path) -> Path:
    """Single quotes around cells, backslashes before quotes, packed."""
    _, noise = _noise(11, 120)
    rows = [f"'{noise[i]:.2f}','Bob\\'s, {i % 3}','{int(noise[i] > 0)}'" for i in range(120)]
    path = _csv(folder / "quotes.csv", "'x','shop','bought'", rows)
    packed = folder / "quotes.csv.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    return packed


def typed(folder: Path) -> Path:
    """Parquet: moments, booleans, decimals, whole-number ids, a list, a struct, repeated rows."""
    random, noise = _noise(12, 400)
    half = 390
    table = pa.table(
        {
            "order_id": pa.array([i % half for i in range(400)]),
            "at": pa.array(
                [1_600_000_000 + 3600 * (i % half) for i in range(400)], pa.timestamp("s")
            ),
            "express": pa.array([bool(i % half % 2) for i in range(400)]),
            "weight": pa.array([float(random.gamma(2, 2)) for _ in range(400)]),
            "items": pa.array([["a", "b"][: i % 3] for i in range(400)]),
            "address": pa.array([{"zip": "1"} for _ in range(400)]),
            "empty": pa.nulls(400),
            "returned": pa.array([bool(one > 1) for one in noise]),
        }
    )
    path = folder / "orders.parquet"
    pq.write_table(table, path)
    return path


def spans(folder: Path) -> Path:
    """Three months, each a span already; the label is a real number."""
    place = folder / "monthly"
    for span in (1, 2, 3):
        random, noise = _noise(20 + span, 200)
        (place / f"span-{span}").mkdir(parents=True)
        rows = [
            f"{20 + 5 * noise[i]:.1f},{'north' if i % 3 else 'south'},"
            f"{3 * noise[i] + (i % 3 > 0) + random.normal(0, 0.3):.3f}"
            for i in range(200)
        ]
        _csv(place / f"span-{span}" / "data.csv", "temperature °C,region,demand", rows)
    return place


DATA_SETS: Final[dict[str, Write]] = {
    one.__name__: one
    for one in (
        *(penguins, taxi, houses, rare, few, churn, windows, wide_text, adult, long_names),
        *(apostrophes, typed, spans),
    )
}
