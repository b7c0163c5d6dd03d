"""The script that people write to prepare a table for a model, with pandas and scikit-learn; see prepare_speed.py.

    python prepare_pandas.py TABLE.csv OUT

Every type and format is known: read, fix, fold, drop duplicates, count what is missing, split, write the parts as
Parquet, and learn from the training part what a model needs: medians, scales and levels.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

NUMBERS = [*(f"n{i}" for i in range(7)), "charge", "usage", "note"]
WORDS = ["contract", "plan", "region", "payment", "city", "autopay", "paperless"]


def main(source: Path, out: Path) -> None:
    table = pd.read_csv(source, na_values=["?", "unknown", ""])
    for name in WORDS:
        table[name] = table[name].str.strip().str.lower()
    table["charge"] = table["charge"].str.replace("[$,]", "", regex=True).astype(float)
    table["usage"] = table["usage"].str.rstrip("%").astype(float) / 100
    table["signup"] = pd.to_datetime(table["signup"], errors="coerce")
    table = table.drop_duplicates()
    print(table.isna().sum().to_dict(), file=sys.stderr)
    rest, test = train_test_split(table, test_size=0.2, stratify=table["churned"], random_state=0)
    train, valid = train_test_split(rest, test_size=0.25, stratify=rest["churned"], random_state=0)
    for name, part in (("train", train), ("valid", valid), ("test", test)):
        part.to_parquet(out / f"{name}.parquet", index=False)
    encoder = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), NUMBERS),
            ("words", make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder()), WORDS),
        ]
    )
    encoder.fit(train)
    print(
        {name: len(part) for name, part in (("train", train), ("valid", valid), ("test", test))},
        file=sys.stderr,
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
