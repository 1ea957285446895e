"""Every error that Tiffin raises on purpose, in one tree.

    TiffinError
    ├── RefusedError        what was asked for is wrong; asking again won't help
    │   └── MeasuredBadError    it was measured, and it is bad
    ├── UnavailableError    something did not answer; the same call may succeed later
    ├── FencedError         somebody else may write now; stop
    └── UndecidedError      only a person can decide

The four branches are the four ends of a Release: Failed, Error, Aborted and Inconclusive. Each
error carries a stable `code` whose page in docs/errors.md says what to do at 3 a.m.
"""

from __future__ import annotations


class TiffinError(Exception):
    """Something went wrong that a person should read in one sentence.

    Args:
        message: what happened, to what, and what to do next. One sentence, no traceback.
        code: the stable, kebab-case name of this error in docs/errors.md.
    """

    retryable = False

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message)
        self.message = message
        self.code = code

    def __str__(self) -> str:
        return f"{self.message} [{self.code}]"

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.message, self.code)


def _rebuild(kind: type[TiffinError], message: str, code: str) -> TiffinError:
    return kind(message, code=code)


class RefusedError(TiffinError):
    """The input is wrong, so nothing was changed; the same call will be refused again."""


class MeasuredBadError(RefusedError):
    """The candidate was measured and found bad: a gate, a smoke case or the analysis said so."""


class UnavailableError(TiffinError):
    """A service that Tiffin needs did not answer or failed; nothing is known to be wrong."""

    retryable = True


class FencedError(TiffinError):
    """Another Release holds the Service, so this one may not write its traffic any more."""


class UndecidedError(TiffinError):
    """The evidence does not suffice and the policy leaves the decision to a person."""
