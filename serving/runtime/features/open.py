"""Opens what a features file names; of the stores, only that one's libraries are imported."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from serving.runtime.features.lookup import FeatureLookup
from serving.runtime.features.online_store import OnlineStore
from serving.runtime.features.section import FeaturesSection, read_features


@dataclass(frozen=True, slots=True)
class ServerFeatures:
    """What may be looked up, and the one way of a server to do so."""

    section: FeaturesSection
    lookup: FeatureLookup


def open_features(file: Path) -> ServerFeatures:
    """Read the section and open its store; ValueError with one sentence where that can't be done.

    A store that doesn't answer is no reason to refuse: there may be defaults, and it may come.
    """
    section = read_features(file)
    return ServerFeatures(section, FeatureLookup(_open_store(section), section.timeout))


def _open_store(section: FeaturesSection) -> OnlineStore:
    store = section.store
    if store.feast is not None:
        from serving.runtime.features.feast_store import FeastStore

        return FeastStore(store.feast, section.entity, section.columns)
    from serving.runtime.features.memory_store import MemoryStore

    assert store.file is not None
    return MemoryStore.read_file(store.file, section.entity, section.columns)
