"""Which victims are killed at which phases: all pairs, the default ones, those that FAULTS names.

make fault-test                                     the default pairs
FAULTS=ramping:envoy,watching:stable make fault-test
FAULTS=ramping make fault-test                      every victim in one phase
FAULTS=:scheduler make fault-test                   one victim in every phase
FAULTS=all make fault-test
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
    Fault(Phase.RAMPING, Victim.CANDIDATE),
    Fault(Phase.RAMPING, Victim.STABLE),
    Fault(Phase.PROMOTING, Victim.POSTGRES),
    Fault(Phase.WATCHING, Victim.API_SERVER),
)


def chosen(asked: str) -> tuple[Fault, ...]:
    """Read FAULTS; raise ValueError for a phase or victim that there is not."""
    if not asked:
        return DEFAULT
    if asked == "all":
        return ALL
    return tuple(fault for name in asked.split(",") for fault in _named(name.strip()))


def _named(name: str) -> tuple[Fault, ...]:
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
    return found
