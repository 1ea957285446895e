"""Which columns of a sample the model reads, and which one holds the truth. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tiffin.registration.refusals import bad_sample


@dataclass(frozen=True, slots=True)
class Reads:
    """What a model says of the columns that it reads; None where it does not tell."""

    names: tuple[str, ...] | None = None
    width: int | None = None


@dataclass(frozen=True, slots=True)
class Columns:
    """What each column of a sample is for; columns that are neither are left out."""

    features: tuple[str, ...]
    truth: str | None
    why: str
    """How the truth was found, or why there is none, for a person."""


def choose_columns(reads: Reads, header: Sequence[str], target: str | None) -> Columns:
    """Return the columns; RefusedError `bad-sample` when they don't fit, or can't be told apart."""
    if target is not None and target not in header:
        raise bad_sample(f"the sample has no column {target!r}; it has {_listed(header)}")
    if reads.names is not None:
        return _by_name(reads.names, header, target)
    rest = [name for name in header if name != target]
    if reads.width is not None:
        _check_width(reads.width, rest, target)
    elif target is None:
        raise bad_sample(
            "the model does not say which columns it reads; say which one holds the truth with "
            "--target"
        )
    return Columns(tuple(rest), target, _why(target))


def _by_name(names: tuple[str, ...], header: Sequence[str], target: str | None) -> Columns:
    missing = [name for name in names if name not in header]
    if missing:
        raise bad_sample(
            f"the sample lacks {_listed(missing)}, which the model reads; it has {_listed(header)}"
        )
    if target is not None and target in names:
        raise bad_sample(f"the model reads {target}, the truth itself; train it without")
    others = [name for name in header if name not in names]
    if target is None and len(others) > 1:
        raise bad_sample(
            f"the model reads none of {_listed(others)}; say which one holds the truth with "
            f"--target, as --target {others[-1]}"
        )
    if target is None and others:
        return Columns(names, others[0], "the only column that the model does not read")
    return Columns(names, target, _why(target))


def _check_width(width: int, rest: Sequence[str], target: str | None) -> None:
    if len(rest) == width:
        return
    if target is None and len(rest) == width + 1:
        raise bad_sample(
            f"the model reads {width} of the {len(rest)} columns; say which one holds the truth "
            f"with --target, as --target {rest[-1]}"
        )
    beside = f" beside {target}" if target else ""
    raise bad_sample(
        f"the sample has {len(rest)} columns{beside}, the model reads {width}; keep those that "
        "it was trained on, in their order, and the truth"
    )


def _why(target: str | None) -> str:
    return "as --target says" if target else "the sample has no column beside those of the model"


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:12])
    return shown if len(names) <= 12 else f"{shown}, and {len(names) - 12} more"
