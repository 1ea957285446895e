"""Leaves a model file and a CSV file, as somebody without a registry has them.

    python -m examples.model_file FOLDER

What it prints registers them: see docs/your-model-file.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from examples import datasets

MODEL, SAMPLE = "loans.joblib", "applications.csv"


def main(arguments: Sequence[str] | None = None) -> int:
    """Train the model, write both files, and say what to type."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="where the two files go")
    folder: Path = parser.parse_args(arguments).folder
    folder.mkdir(parents=True, exist_ok=True)
    write(folder)
    print(f"tiffin register {folder / MODEL} --name loans --data {folder / SAMPLE}")
    return 0


def write(folder: Path) -> None:
    """Write the model, and the applications that it was not trained on with what came of them."""
    import joblib
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.model_selection import train_test_split
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    columns, target = list(datasets.CREDIT_FEATURES), datasets.CREDIT_TARGET
    train, test = train_test_split(datasets.credit(), test_size=0.25, random_state=7)
    texts = make_column_selector(dtype_exclude="number")
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    forest = RandomForestClassifier(50, max_depth=10, random_state=7)
    model = make_pipeline(
        make_column_transformer((encoder, texts), remainder="passthrough"), forest
    )
    joblib.dump(model.fit(train[columns], train[target]), folder / MODEL)
    test[[*columns, target]].to_csv(folder / SAMPLE, index=False)


if __name__ == "__main__":
    raise SystemExit(main())
