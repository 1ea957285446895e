"""Revisions as supervised processes of this machine, each on its own loopback port.

What should run is a record in `<home>/revisions/<service>/<name>.json`; it holds the Revision and
its port, which stays the same for as long as the Revision exists, whatever is restarted.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from math import ceil
from pathlib import Path

import httpx
import psutil
from filelock import FileLock

from tiffin.errors import RefusedError
from tiffin.home import TiffinHome, write_atomically
from tiffin.packaging.serving_home import ensure_serving_home
from tiffin.ports import is_free
from tiffin.stack.daemon import base_environment
from tiffin.stack.programs import tool
from tiffin.stack.supervisor import Program, ProgramState, ProgramStatus, Supervisor
from tiffin.targets.target import Resources, Revision, RevisionState, RevisionStatus
from tiffin.traffic.envoy_routes import EXPLAIN_S
from tiffin.traffic.split import Endpoint

HOST = "127.0.0.1"
LAUNCHES_BEFORE_FAILED = 3
"""A Revision that was started so often without becoming ready is called FAILED."""

DRAIN_SECONDS = 3
"""A Revision that must stop answers on so long, not ready: the gateway looks once a second."""

IN_FLIGHT_SECONDS = ceil(EXPLAIN_S)
"""How long its requests may take after that: as long as the gateway waits for any of them."""

STOP_SECONDS = DRAIN_SECONDS + IN_FLIGHT_SECONDS + 7
"""Who has not ended by itself after both, and some seconds for ending, is killed."""

CommandFor = Callable[[Revision, int], tuple[str, ...]]


def bentoml_command(revision: Revision, port: int) -> tuple[str, ...]:
    """Return the command that serves a Revision's bento on a port."""
    return (
        *(tool("bentoml"), "serve", revision.bento, "--host", HOST, "--port", str(port)),
        *("--timeout-graceful-shutdown", str(IN_FLIGHT_SECONDS)),
    )


@dataclass(frozen=True, slots=True)
class RevisionRecord:
    """A Revision and the port that is its own."""

    revision: Revision
    port: int

    @property
    def program(self) -> str:
        """The name of its program under the supervisor."""
        return program_name(self.revision.service, self.revision.name)

    def to_json(self) -> str:
        """Return the record as it is stored."""
        return json.dumps({"revision": asdict(self.revision), "port": self.port}, indent=1)

    @classmethod
    def from_json(cls, text: str) -> RevisionRecord:
        """Read a record as stored."""
        content = json.loads(text)
        fields = content["revision"]
        resources = Resources(**fields.pop("resources"))
        return cls(Revision(**fields, resources=resources), int(content["port"]))


def program_name(service: str, name: str) -> str:
    """Return the name of a Revision's program: `revision.<service>.<name>`."""
    return f"revision.{service}.{name}"


class LocalTarget:
    """A Target on this machine; see `tiffin.targets.target` for what it promises."""

    def __init__(
        self,
        home: TiffinHome,
        supervisor: Supervisor,
        command_for: CommandFor = bentoml_command,
    ) -> None:
        self._home = home
        self._supervisor = supervisor
        self._command_for = command_for

    def ensure_started(self, revision: Revision) -> RevisionStatus:
        """Record the Revision, then run it. Killed in between, the next call runs it."""
        record = self._record(revision.service, revision.name)
        if record is None:
            check_room(revision, psutil.virtual_memory().available)
            record = self._allocate(revision)
        self._supervisor.ensure_program(self._program(record))
        return self._look(record)

    def status(self, service: str, name: str) -> RevisionStatus:
        """Look at one Revision; a ready one is forgiven its earlier launches."""
        record = self._record(service, name)
        if record is None:
            return RevisionStatus(service, name, RevisionState.ABSENT, reason="it is not there")
        return self._look(record)

    def revisions(self, service: str) -> tuple[RevisionStatus, ...]:
        """Look at all recorded Revisions of a service."""
        return tuple(self._look(record) for record in self._records(service))

    def ensure_retired(self, service: str, name: str) -> None:
        """Stop it, then forget it. Killed in between, the record leads the next call here."""
        self._supervisor.ensure_gone(program_name(service, name))
        self._file(service, name).unlink(missing_ok=True)

    def _look(self, record: RevisionRecord) -> RevisionStatus:
        program = self._supervisor.state(record.program)
        is_ready = program.state is not ProgramState.ABSENT and _is_ready(record.port)
        if is_ready:
            self._supervisor.forgive(record.program)
        state, reason = judge(program, is_ready=is_ready)
        revision, endpoint = record.revision, Endpoint(HOST, record.port)
        return RevisionStatus(revision.service, revision.name, state, endpoint, reason)

    def _program(self, record: RevisionRecord) -> Program:
        revision = record.revision
        name = record.program
        bento_home = ensure_serving_home(
            self._home.folder("bentoml"), self._home.folder("serving", name)
        )
        environment = {
            **base_environment(self._home),
            "BENTOML_HOME": str(bento_home),
            "BENTOML_DO_NOT_TRACK": "True",
            "OMP_NUM_THREADS": "1",
            "TIFFIN_SERVICE": revision.service,
            "TIFFIN_REVISION": revision.name,
            "TIFFIN_MODEL_VERSION": revision.version,
            # BentoML's own option for it says nothing to services of today's kind.
            "TIFFIN_WORKERS": str(revision.resources.workers),
            "TIFFIN_THREADS": str(threads_of(revision.resources)),
            "TIFFIN_ENGINE_CACHE": str(self._home.path / "engines"),
            "TIFFIN_DRAIN_SECONDS": str(DRAIN_SECONDS),
        }
        command = self._command_for(revision, record.port)
        return Program(name, command, environment, stop_seconds=STOP_SECONDS)

    def _allocate(self, revision: Revision) -> RevisionRecord:
        """Give the Revision the first port that no record and no listener holds."""
        with self._lock():
            known = self._record(revision.service, revision.name)
            if known is not None:
                return known
            taken = {record.port for record in self._records("*")}
            first = self._home.port("revisions")
            free = (port for port in range(first, first + 1000) if port not in taken)
            record = RevisionRecord(revision, next(port for port in free if is_free(port)))
            write_atomically(self._file(revision.service, revision.name), record.to_json())
        return record

    def _record(self, service: str, name: str) -> RevisionRecord | None:
        try:
            return RevisionRecord.from_json(self._file(service, name).read_text())
        except FileNotFoundError:
            return None

    def _records(self, service: str) -> Iterator[RevisionRecord]:
        for file in sorted(self._home.folder("revisions").glob(f"{service}/*.json")):
            with contextlib.suppress(FileNotFoundError):  # retired since the listing
                yield RevisionRecord.from_json(file.read_text())

    def _file(self, service: str, name: str) -> Path:
        return self._home.folder("revisions", service) / f"{name}.json"

    def _lock(self) -> FileLock:
        return FileLock(self._home.folder("revisions") / "ports.lock", timeout=60)


def threads_of(resources: Resources) -> int:
    """Return how many threads each worker may compute with: its whole cores, at least one."""
    return max(1, int(resources.cpu / resources.workers))


def check_room(revision: Revision, available_bytes: int) -> None:
    """Raise RefusedError (`no-room`) when a Revision needs more memory than there is."""
    available = available_bytes // 2**20
    needed = revision.resources.memory_mib
    if available < needed:
        raise RefusedError(
            f"revision {revision.name} of {revision.service} asks for {needed} MiB of memory and"
            f" {available} MiB are free; retire another revision or lower resources.memory",
            code="no-room",
        )


def judge(program: ProgramStatus, *, is_ready: bool) -> tuple[RevisionState, str]:
    """Return the state of a Revision, and in one sentence why it isn't ready."""
    if is_ready:
        return RevisionState.READY, ""
    if program.state in (ProgramState.ABSENT, ProgramState.STOPPED):
        return RevisionState.STARTING, "its process is not running yet"
    if program.launches >= LAUNCHES_BEFORE_FAILED and (
        program.state is ProgramState.EXITED or program.launches > LAUNCHES_BEFORE_FAILED
    ):
        return RevisionState.FAILED, f"its process keeps exiting: {_last_line(program.log)}"
    return RevisionState.STARTING, "its readiness probe does not answer yet"


def _is_ready(port: int) -> bool:
    try:
        answer = httpx.get(f"http://{HOST}:{port}/readyz", timeout=2, trust_env=False)
    except httpx.HTTPError:
        return False
    return answer.status_code == httpx.codes.OK


def _last_line(log: Path) -> str:
    try:
        with log.open("rb") as stream:
            stream.seek(max(0, log.stat().st_size - 4096))
            lines = stream.read().decode(errors="replace").strip().splitlines()
    except OSError:  # no log (yet) is no reason to fail the look
        lines = []
    return lines[-1].strip() if lines else "it printed nothing"
