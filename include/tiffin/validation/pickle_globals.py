"""Which names a pickle uses, found by running it with nothing real in reach.

Python's own pickle machine does the reading, so there is no second grammar to fool: but every
name that it looks up becomes an inert stand-in, which takes any call and does nothing. Memo
tricks, STACK_GLOBAL with computed names, pickles inside bytes and arrays inside joblib files come
out as what they are.
"""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from io import BytesIO
from typing import Any, BinaryIO

Global = tuple[str, str]

_JOBLIB_ARRAY = ("joblib.numpy_pickle", "NumpyArrayWrapper")
_DEEPEST = 5


class UnreadablePickleError(ValueError):
    """The bytes are no complete pickle; `names` were used before it broke."""

    def __init__(self, reason: str, names: frozenset[Global]) -> None:
        super().__init__(reason)
        self.names = names


class _Inert:
    """Stands for whatever a pickle names or makes; every call returns another one."""

    origin: Global = ("", "")

    def __new__(cls, *_: Any, **__: Any) -> _Inert:
        return object.__new__(cls)

    def __init__(self, *given: Any, **_: Any) -> None:
        self.given = given
        self.state: Any = None

    def __call__(self, *_: Any, **__: Any) -> _Inert:
        return _Inert()

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def __setitem__(self, key: Any, value: Any) -> None:
        pass

    def append(self, item: Any) -> None:
        pass

    def extend(self, items: Any) -> None:
        pass

    def add(self, item: Any) -> None:
        pass


def names_in(stream: BinaryIO) -> frozenset[Global]:
    """Return every (module, name) that the pickles in the rest of a stream use.

    Raises UnreadablePickleError when it ends in the middle or is none. A file with joblib's
    arrays is read twice, as joblib and as pickle would: what is an array's bytes to the one are
    instructions to the other.
    """
    start = stream.tell()
    names, problem = _run(stream, joblib=False)
    if problem and _JOBLIB_ARRAY in names:
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
        return frozenset(names), f"{type(error).__name__}: {error}"[:200]


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
        if self._joblib and getattr(made, "origin", None) == _JOBLIB_ARRAY:
            kind = str(made.state["dtype"].given[0])
            if "O" in kind:
                _Recorder(self._stream, self._names, joblib=False, depth=self._depth).load()
            else:
                self._skip_values(made.state, _width(kind))

    def _skip_values(self, state: dict[str, Any], width: int) -> None:
        if state.get("numpy_array_alignment_bytes") is not None:
            self._skip(self._stream.read(1)[0])
        self._skip(math.prod(state["shape"]) * width)

    def _skip(self, size: int) -> None:
        if size < 0 or len(self._stream.read(size)) != size:
            raise EOFError("an array's bytes end in the middle")


def _width(kind: str) -> int:
    import numpy as np

    return int(np.dtype(kind).itemsize)


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
