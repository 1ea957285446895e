"""A real Feast feature server with a few customers: run by the Python of Feast's environment.

    python feast_server.py FOLDER CSV PORT

Customer N has the N-th row of the CSV file, but customer 3 has no value for home.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
from feast import Entity, FeatureService, FeatureStore, FeatureView, Field, FileSource, ValueType
from feast.repo_config import RepoConfig
from feast.types import Float64, Int64, String

CUSTOMERS = 5
SCHEMA = {"customer_id": Int64, "seniority": Int64, "home": String, "income": Float64}


def main(folder: Path, csv: Path, port: int) -> None:
    store = FeatureStore(
        config=RepoConfig(
            project="tiffin",
            provider="local",
            registry=str(folder / "registry.db"),
            online_store={"type": "sqlite", "path": str(folder / "online.db")},
            entity_key_serialization_version=3,
        )
    )
    customer = Entity(name="customer", join_keys=["customer_id"], value_type=ValueType.INT64)
    view = FeatureView(
        name="credit",
        entities=[customer],
        schema=[Field(name=name, dtype=dtype) for name, dtype in SCHEMA.items()],
        source=FileSource(path=str(folder / "credit.parquet"), timestamp_field="written"),
        ttl=timedelta(0),
    )
    store.apply([customer, view, FeatureService(name="credit_risk", features=[view])])
    store.write_to_online_store("credit", customers(csv))
    serve(store, port)


def customers(csv: Path) -> pd.DataFrame:
    table = pd.read_csv(csv, nrows=CUSTOMERS)
    table["customer_id"] = range(1, CUSTOMERS + 1)
    table["written"] = datetime.now(UTC)
    table.loc[table["customer_id"] == 3, "home"] = None
    return table[[*SCHEMA, "written"]]


def serve(store: FeatureStore, port: int) -> None:
    store.serve(
        host="127.0.0.1",
        port=port,
        type_="http",
        no_access_log=True,
        workers=1,
        metrics=False,
        keep_alive_timeout=5,
        registry_ttl_sec=600,
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
