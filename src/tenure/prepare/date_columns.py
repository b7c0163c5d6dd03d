"""Columns of dates written as text: date_text.parser for a whole Polars series."""

from __future__ import annotations

import polars as pl

from tenure.prepare import date_text

_DAY_WRITTEN = "[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}"
_CLOCK_WRITTEN = "(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
_MACHINE_WRITTEN = {
    f"^{_DAY_WRITTEN} {_CLOCK_WRITTEN}$": "%Y-%m-%d %H:%M:%S",
    f"^{_DAY_WRITTEN}T{_CLOCK_WRITTEN}$": "%Y-%m-%dT%H:%M:%S",
}


def read_dates(cells: pl.Series, names: tuple[str, ...]) -> pl.Series:
    """Microseconds since the epoch of stripped texts, Int64; null where a text is no date of these formats.

    Each different text is read once: tables hold few days, and matching is what costs.
    """
    different = cells.drop_nulls().unique().to_frame("text")
    read = [pl.DataFrame(schema={"text": pl.String, "micros": pl.Int64})]
    if "year-month-day" in names:
        quickly, different = _read_machine_written(different)
        read += quickly
    for name in names:
        pattern = f"^(?:{date_text.FORMATS[name]})$"
        matches = different.select(pl.col("text").str.contains(pattern)).to_series()
        read.append(_read(different.filter(matches), name, pattern))
        different = different.filter(~matches)
    table = cells.to_frame("text").join(pl.concat(read), on="text", how="left", maintain_order="left")
    return table["micros"].alias(cells.name)


def _read_machine_written(texts: pl.DataFrame) -> tuple[list[pl.DataFrame], pl.DataFrame]:
    """Columns text and micros of dates as programs write them, and the other texts.

    No other format reads these texts, and their patterns leave to Polars' quick parser only what it and
    date_text understand alike: which days a month has.
    """
    read = []
    for pattern, form in _MACHINE_WRITTEN.items():
        matches = texts["text"].str.contains(pattern)
        if matches.any():
            moment = pl.col("text").str.to_datetime(form, time_unit="us", strict=False)
            read.append(texts.filter(matches).select("text", micros=moment.dt.epoch("us")))
            texts = texts.filter(~matches)
    return read, texts


def _read(texts: pl.DataFrame, name: str, pattern: str) -> pl.DataFrame:
    """Columns text and micros of texts that match the pattern of one format."""
    parts = texts.with_columns(pl.col("text").str.extract_groups(pattern).alias("found")).unnest("found")
    absent = [group for group in date_text.GROUPS if group not in date_text.groups_of(name)]
    parts = parts.with_columns(pl.lit(None, dtype=pl.String).alias(group) for group in absent)
    return parts.with_columns(*_calendar(), *_clock(), *_offset()).select("text", micros=_micros())


def _number(part: str, default: int) -> pl.Expr:
    return pl.col(part).cast(pl.Int64, strict=False).fill_null(default)


def _calendar() -> list[pl.Expr]:
    year = _number("year", 0)
    century = pl.when(pl.col("year").str.len_bytes() == 2).then(pl.when(year < 69).then(2000).otherwise(1900))
    lowered = pl.col("name").str.to_lowercase()  # the patterns admit A to Z only
    months = date_text.MONTHS
    named = lowered.replace_strict(list(months), list(months.values()), default=0, return_dtype=pl.Int64)
    return [
        (year + century.otherwise(0)).alias("year"),
        pl.when(pl.col("name").is_null()).then(_number("month", 0)).otherwise(named).alias("month"),
        _number("day", 1).alias("day"),
    ]


def _clock() -> list[pl.Expr]:
    hour, half = _number("hour", 0), pl.col("half")
    twelve = hour % 12 + pl.when(half.str.to_lowercase() == "pm").then(12).otherwise(0)
    digits = pl.col("fraction").fill_null("0").str.slice(0, 6)
    return [
        pl.when(half.is_null()).then(hour).otherwise(twelve).alias("hour"),
        (half.is_null() | hour.is_between(1, 12)).alias("half_fits"),
        _number("minute", 0).alias("minute"),
        _number("second", 0).alias("second"),
        (digits + pl.lit("000000")).str.slice(0, 6).cast(pl.Int64).alias("fraction"),
    ]


def _offset() -> list[pl.Expr]:
    """Seconds east of UTC, and whether there is such an offset."""
    zone = pl.col("zone")
    signed = zone.is_not_null() & (zone.str.starts_with("+") | zone.str.starts_with("-"))
    has_minutes = signed & (zone.str.len_bytes() > 3)
    hours = pl.when(signed).then(zone.str.slice(1, 2)).otherwise(pl.lit("0")).cast(pl.Int64, strict=False)
    minutes = (
        pl.when(has_minutes).then(zone.str.slice(-2)).otherwise(pl.lit("0")).cast(pl.Int64, strict=False)
    )
    size = hours * 3600 + minutes * 60
    return [
        pl.when(zone.str.starts_with("-")).then(-size).otherwise(size).alias("offset"),
        ((hours <= 23) & (minutes <= 59)).alias("offset_fits"),
    ]


def _micros() -> pl.Expr:
    year, month, day = pl.col("year"), pl.col("month"), pl.col("day")
    hour, minute, second = pl.col("hour"), pl.col("minute"), pl.col("second")
    exists = (
        (year >= 1)
        & month.is_between(1, 12)
        & day.is_between(1, date_text.days_in_month(year, month))
        & (hour <= 23)
        & (minute <= 59)
        & (second <= 59)
        & pl.col("half_fits")
        & pl.col("offset_fits")
    )
    clock = (hour * 3600 + minute * 60 + second - pl.col("offset")) * date_text.SECOND + pl.col("fraction")
    return pl.when(exists).then(date_text.days_of(year, month, day) * date_text.DAY + clock)
