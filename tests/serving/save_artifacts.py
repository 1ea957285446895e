"""Saves example models as MLflow would, in a process of its own: importing MLflow is slow."""

from __future__ import annotations

import sys
from pathlib import Path

import mlflow

from examples.recipes import RECIPES
from examples.train import model_options


def main(folder: str, *names: str) -> None:
    for name in names:
        model, _, recipe = name.partition(":")
        trained = RECIPES[model][recipe]()
        place = Path(folder) / name.replace(":", "-")
        mlflow.sklearn.save_model(path=str(place / "model"), **model_options(trained))
        trained.evaluation.to_csv(place / "data.csv", index=False)
    pickled = RECIPES["credit-risk"]["v1"]()
    options = model_options(pickled) | {"serialization_format": "cloudpickle"}
    del options["skops_trusted_types"]
    mlflow.sklearn.save_model(path=str(Path(folder) / "pickled" / "model"), **options)


if __name__ == "__main__":
    main(*sys.argv[1:])
