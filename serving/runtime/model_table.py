"""The models of one server, by name and version."""

from __future__ import annotations

from serving.runtime.errors import UnknownModelError
from serving.runtime.served_model import ServedModel

_LONGEST_NAME = 80


class ModelTable:
    """Finds models; loading, replacing and removing one loses no request.

    A request that has found a model keeps it until it has been answered, whatever happens to the
    table meanwhile. Belongs to one event loop.
    """

    def __init__(self) -> None:
        self._models: dict[tuple[str, str], ServedModel] = {}
        self._names: list[str] = []
        self._newest: dict[str | None, ServedModel] = {}

    def find(self, name: str | None = None, version: str | None = None) -> ServedModel:
        """Return a model; raise UnknownModelError, which says which ones there are.

        Without a version: the one that was put last. Without a name: the default model, the one
        whose name has been here longest.
        """
        if version is None:
            model = self._newest.get(name)
        else:
            model = self._models.get((name or next(iter(self._names), ""), version))
        if model is None:
            raise UnknownModelError(self._unknown(name, version))
        return model

    def all(self) -> tuple[ServedModel, ...]:
        """Return all models, the one that was put last at the end."""
        return tuple(self._models.values())

    def put(self, model: ServedModel) -> ServedModel | None:
        """Let requests find this model from now on; close and return the one that it replaces."""
        key = (model.identity.model_name, model.identity.model_version)
        replaced = self._models.pop(key, None)
        self._models[key] = model
        self._renew()
        if replaced is not None:
            replaced.close()
        return replaced

    async def remove(self, name: str, version: str | None = None) -> None:
        """Take one version out, or all; returns when they have answered what they were asked.

        Raises UnknownModelError when there is none, so also the second time.
        """
        keys = [key for key in self._models if key[0] == name and version in (None, key[1])]
        if not keys:
            raise UnknownModelError(self._unknown(name, version))
        removed = [self._models.pop(key) for key in keys]
        self._renew()
        for model in removed:
            model.close()
            await model.idle()

    def _renew(self) -> None:
        here = dict.fromkeys(name for name, _ in self._models)
        self._names = [*(name for name in self._names if name in here)]
        self._names += [name for name in here if name not in self._names]
        self._newest = {name: model for (name, _), model in self._models.items()}
        if self._names:
            self._newest[None] = self._newest[self._names[0]]

    def _unknown(self, name: str | None, version: str | None) -> str:
        if not self._models:
            return "no model is loaded here"
        asked = f"the model {name[:_LONGEST_NAME]!r}" if name else "the default model"
        if version is not None:
            asked += f" in version {version[:_LONGEST_NAME]!r}"
        loaded = ", ".join(f"{name} (version {version})" for name, version in self._models)
        return f"{asked} is not loaded here; ask for {loaded}"
