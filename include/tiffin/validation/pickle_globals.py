"""Which names a pickle uses, found by running it with nothing real in reach.

Python's own pickle machine does the reading, so there is no second grammar to fool: but every
name that it looks up becomes an inert stand-in, which takes any call and does nothing. Memo
tricks, STACK_GLOBAL with computed names, pickles inside bytes and arrays inside joblib files come
out as what they are.

What lies between the instructions of a joblib file (an array's bytes, or a pickle of its objects,
which counts its memo anew) is nothing but instructions to pickle. So the two read different names
in one file, and it matters who will load it.
"""

from __future__ import annotations

import math
import pickle
import re
from collections.abc import Callable
from enum import StrEnum
from io import BytesIO
from typing import Any, BinaryIO

Global = tuple[str, str]

_JOBLIB_ARRAY = ("joblib.numpy_pickle", "NumpyArrayWrapper")
_ARRAY_FIELDS = frozenset({"subclass", "shape", "order", "dtype", "allow_mmap"})
_ALIGNMENT = "numpy_array_alignment_bytes"
"""The field that joblib has written since 1.2."""
_DTYPE = ("numpy", "dtype")
_KIND = re.compile(r"[|<>=]?[?a-zA-Z]\d*")
_HAS_OBJECTS = 1
"""The flag in a dtype's state by which NumPy, and so joblib, knows arrays of objects."""
_DEEPEST = 5


class Loader(StrEnum):
    """Who will load the file."""

    JOBLIB = "joblib"
    ANY = "any"
    """Nobody knows, so it is read as joblib and as pickle would."""


class UnreadablePickleError(ValueError):
    """The bytes are no complete pickle; `names` were used before it broke."""

    def __init__(self, reason: str, names: frozenset[Global]) -> None:
        super().__init__(reason)
        self.names = names


class _Inert:
    """Stands for whatever a pickle names or makes; every call returns another one."""

    origin: Global = ("", "")
    given: tuple[Any, ...] = ()
    state: Any = None

    def __new__(cls, *given: Any, **named: Any) -> _Inert:
        is_array = bool(given) and _makes_arrays(cls)
        if is_array or any(map(_makes_arrays, (*given, *named.values()))):
            raise pickle.UnpicklingError("an array is made in another way than joblib's")
        return object.__new__(cls)

    def __init__(self, *given: Any, **_: Any) -> None:
        self.given = given

    def __call__(self, *_: Any, **__: Any) -> _Inert:
        return _Inert()

    def __setstate__(self, state: Any) -> None:
        if self.state is not None and self.origin == _JOBLIB_ARRAY:
            raise pickle.UnpicklingError("an array is read twice")
        self.state = state

    def __setitem__(self, key: Any, value: Any) -> None:
        pass

    def append(self, item: Any) -> None:
        pass

    def extend(self, items: Any) -> None:
        pass

    def add(self, item: Any) -> None:
        pass


def names_in(stream: BinaryIO, loader: Loader = Loader.ANY) -> frozenset[Global]:
    """Return every (module, name) that the pickles in the rest of a stream use.

    Raises UnreadablePickleError when it ends in the middle or is none, or holds an array that
    joblib does not write so: where it ends is then in doubt, and with it all that follows.
    """
    start = stream.tell()
    names, problem = _run(stream, joblib=loader is Loader.JOBLIB)
    if loader is Loader.ANY and _JOBLIB_ARRAY in names:
        stream.seek(start)
        as_joblib, problem = _run(stream, joblib=True)
        names |= as_joblib
    if problem:
        raise UnreadablePickleError(problem, names)
    return names


def _run(stream: BinaryIO, *, joblib: bool, depth: int = 0) -> tuple[frozenset[Global], str]:
    names: set[Global] = set()
    try:
        while True:
            _Recorder(stream, names, joblib=joblib, depth=depth).load()
            if not stream.read(1):
                return frozenset(names), ""
            stream.seek(-1, 1)
    except Exception as error:  # noqa: BLE001 (hostile bytes fail in any way)
        return frozenset(names), _why(error)


def _why(error: Exception) -> str:
    if isinstance(error, EOFError):
        return str(error) or "it ends in the middle"
    return ": ".join(filter(None, (type(error).__name__, str(error))))[:200]


class _Recorder(pickle._Unpickler):
    stack: list[Any]

    def __init__(
        self, stream: BinaryIO, names: set[Global], *, joblib: bool, depth: int = 0
    ) -> None:
        super().__init__(stream)
        self._stream, self._names, self._joblib, self._depth = stream, names, joblib, depth

    def find_class(self, module: str, name: str) -> Any:
        self._names.add((module, name))
        return type("_Named", (_Inert,), {"origin": (module, name)})

    def note_bytes(self) -> None:
        content = bytes(self.stack[-1])
        if content[:1] == pickle.PROTO and self._depth < _DEEPEST:
            found, _ = _run(BytesIO(content), joblib=False, depth=self._depth + 1)
            self._names |= found

    def skip_array(self) -> None:
        made = self.stack[-1]
        if self._joblib and isinstance(made, _Inert) and made.origin == _JOBLIB_ARRAY:
            self._read_array(made.state)
            self.stack[-1] = _Inert()

    def _read_array(self, fields: Any) -> None:
        if not isinstance(fields, dict) or fields.keys() - {_ALIGNMENT} != _ARRAY_FIELDS:
            raise pickle.UnpicklingError("an array has other fields than joblib's")
        if _holds_objects(fields["dtype"]):
            _Recorder(self._stream, self._names, joblib=False, depth=self._depth).load()
            return
        if fields.get(_ALIGNMENT) is not None:
            self._skip(self._stream.read(1)[0])
        self._skip(math.prod(fields["shape"]) * _plain(fields["dtype"]).itemsize)

    def _skip(self, size: int) -> None:
        if size < 0 or len(self._stream.read(size)) != size:
            raise EOFError("an array's bytes end in the middle")


def _makes_arrays(given: object) -> bool:
    """Whether this is the class of joblib's arrays, which only an instruction may make one of."""
    return isinstance(given, type) and getattr(given, "origin", None) == _JOBLIB_ARRAY


def _plain(dtype: Any) -> Any:
    """Return NumPy's dtype of the same kind and width, without fields."""
    import numpy as np

    if dtype.origin != _DTYPE or not _KIND.fullmatch(dtype.given[0]):
        raise pickle.UnpicklingError("an array has a dtype of its own")
    return np.dtype(dtype.given[0])


def _holds_objects(dtype: Any) -> bool:
    """Whether the values are pickled; raises where the dtype's state says something else."""
    plain = _plain(dtype)
    if dtype.state is None:
        return bool(plain.hasobject)
    _, _, inner, _, fields, width, _, flags, *_ = dtype.state
    parts = [*(inner or ())[:1], *(field[0] for field in (fields or {}).values())]
    holds = bool(plain.hasobject) or any(map(_holds_objects, parts))
    if bool(flags & _HAS_OBJECTS) != holds or width != (
        plain.itemsize if plain.kind in "SUV" else -1
    ):
        raise pickle.UnpicklingError("an array has a dtype that contradicts itself")
    return holds


def _and_then(load: Callable[[Any], None], look: Callable[[Any], None]) -> Callable[[Any], None]:
    def loading(recorder: Any) -> None:
        load(recorder)
        look(recorder)

    return loading


_PLAIN: dict[int, Callable[[Any], None]] = pickle._Unpickler.dispatch
_BYTES = (pickle.BINBYTES, pickle.SHORT_BINBYTES, pickle.BINBYTES8, pickle.BYTEARRAY8)
_Recorder.dispatch = {
    **_PLAIN,
    pickle.BUILD[0]: _and_then(_PLAIN[pickle.BUILD[0]], _Recorder.skip_array),
    **{op[0]: _and_then(_PLAIN[op[0]], _Recorder.note_bytes) for op in _BYTES},
}
