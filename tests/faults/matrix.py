"""Which victims are killed at which phases: all pairs, the default ones, those that FAULTS names.

make fault-test                                     the default pairs
FAULTS=ramping:envoy,watching:stable make fault-test
FAULTS=ramping make fault-test                      every victim in one phase
FAULTS=:scheduler make fault-test                   one victim in every phase, in one release
FAULTS=all make fault-test                          each victim so

A candidate that is killed ends its release, so each of its pairs has a release of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.faults.victims import Victim
from tiffin.release.phases import Phase

PHASES = (
    Phase.VALIDATING,
    Phase.PACKAGING,
    Phase.BUILDING,
    Phase.STARTING,
    Phase.SMOKING,
    Phase.RAMPING,
    Phase.PROMOTING,
    Phase.WATCHING,
)
_WITH_A_CANDIDATE_PROCESS = PHASES[4:]


@dataclass(frozen=True, slots=True)
class Fault:
    """One pair: the victim dies at the moment the Release enters the phase."""

    phase: Phase
    victim: Victim

    def __str__(self) -> str:
        return f"{self.phase.value.lower()}:{self.victim}"

    @property
    def is_possible(self) -> bool:
        """False where the victim does not exist yet."""
        return self.victim is not Victim.CANDIDATE or self.phase in _WITH_A_CANDIDATE_PROCESS


ALL = tuple(
    fault for phase in PHASES for victim in Victim if (fault := Fault(phase, victim)).is_possible
)
DEFAULT = (
    Fault(Phase.VALIDATING, Victim.MLFLOW),
    Fault(Phase.PACKAGING, Victim.WORKER),
    Fault(Phase.STARTING, Victim.SCHEDULER),
    Fault(Phase.SMOKING, Victim.CANDIDATE),
    Fault(Phase.RAMPING, Victim.ENVOY),
    Fault(Phase.RAMPING, Victim.GATEWAY),
    Fault(Phase.RAMPING, Victim.CANDIDATE),
    Fault(Phase.RAMPING, Victim.STABLE),
    Fault(Phase.PROMOTING, Victim.POSTGRES),
    Fault(Phase.WATCHING, Victim.API_SERVER),
)


Killing = tuple[Fault, ...]
"""What is killed in one release, in the order of its phases."""


def chosen(asked: str) -> tuple[Killing, ...]:
    """Read FAULTS; raise ValueError for a phase or victim that there is not."""
    if not asked:
        return tuple((fault,) for fault in DEFAULT)
    names = [f":{victim}" for victim in Victim] if asked == "all" else asked.split(",")
    return tuple(killing for name in names for killing in _named(name.strip()))


def name_of(killing: Killing) -> str:
    """Name it as FAULTS does."""
    return str(killing[0]) if len(killing) == 1 else f":{killing[0].victim}"


def _named(name: str) -> tuple[Killing, ...]:
    phase, _, victim = name.partition(":")
    found = tuple(
        fault
        for fault in ALL
        if phase.lower() in ("", fault.phase.value.lower()) and victim in ("", fault.victim)
    )
    if not found or not name:
        raise ValueError(
            f"there is no fault {name!r}; phases: {', '.join(p.value.lower() for p in PHASES)}; "
            f"victims: {', '.join(Victim)}"
        )
    is_sweep = not phase and found[0].victim is not Victim.CANDIDATE
    return (found,) if is_sweep else tuple((fault,) for fault in found)
