"""The records of Releases, in SQL: PostgreSQL in use, SQLite in quick tests.

Whoever changes a Release does it here, in one transaction with the ledger entry that says so.
Neighbours: `ledger` chains the entries, `phases` says which change is legal.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from tiffin.errors import FencedError, RefusedError, UnavailableError
from tiffin.release.ledger import Entry, next_entry
from tiffin.release.phases import ENDS, Phase, check_transition
from tiffin.release.release import OnConflict, Order, Release, ReleaseRequest
from tiffin.targets.target import Resources, Revision

_META = sa.MetaData()
_RELEASES = sa.Table(
    "releases",
    _META,
    sa.Column("id", sa.String(250), primary_key=True),
    sa.Column("service", sa.String(40), nullable=False, index=True),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("version", sa.String(40), nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("phase", sa.String(20), nullable=False),
    sa.Column("begun_at", sa.String(40), nullable=False),
    sa.Column("changed_at", sa.String(40), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("request", sa.Text),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("stable", sa.Text),
    sa.Column("candidate", sa.Text),
    sa.Column("registry_run", sa.String(64)),
)
_LEDGER = sa.Table(
    "ledger",
    _META,
    sa.Column("release", sa.String(250), primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("at", sa.String(40), nullable=False),
    sa.Column("kind", sa.String(40), nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("previous", sa.String(64), nullable=False),
    sa.Column("hash", sa.String(64), nullable=False),
)
_CLAIMS = sa.Table(
    "claims",
    _META,
    sa.Column("service", sa.String(40), primary_key=True),
    sa.Column("release", sa.String(250), nullable=False),
)
_ORDERS = sa.Table(
    "orders",
    _META,
    sa.Column("release", sa.String(250), primary_key=True),
    sa.Column("said", sa.String(20), nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
)
_DELIVERIES = sa.Table(
    "deliveries",
    _META,
    sa.Column("id", sa.String(250), primary_key=True),
    sa.Column("at", sa.String(40), nullable=False),
)
_SCHEMA_LOCK = 7_411_004
"""Any number that nobody else in this database takes an advisory lock on."""

_APPEND_ONLY = (
    "CREATE OR REPLACE FUNCTION ledger_is_append_only() RETURNS trigger AS $$ BEGIN "
    "RAISE EXCEPTION 'the ledger is append-only'; END $$ LANGUAGE plpgsql",
    "CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger "
    "EXECUTE FUNCTION ledger_is_append_only()",
)


class Records:
    """Releases, their ledgers, who holds which Service, orders, and deliveries seen.

    Every method is one transaction: killed in the middle, it has not happened.
    """

    def __init__(self, url: str) -> None:
        self._url = url

    @cached_property
    def _engine(self) -> sa.Engine:
        engine = sa.create_engine(self._url, pool_pre_ping=True, pool_size=2)
        if engine.dialect.name == "sqlite":
            sa.event.listen(engine, "connect", _leave_transactions_to_us)
            sa.event.listen(engine, "begin", _begin_with_the_lock)
        return engine

    def ensure_schema(self) -> None:
        """Make the tables that aren't there; the ledger refuses UPDATE and DELETE (PostgreSQL).

        PostgreSQL's IF NOT EXISTS is no lock: two callers at once would trip over each other.
        """
        with self._transaction() as tx:
            if tx.dialect.name != "postgresql":
                _META.create_all(tx)
                return
            tx.execute(sa.select(sa.func.pg_advisory_xact_lock(_SCHEMA_LOCK)))
            _META.create_all(tx)
            for statement in _APPEND_ONLY:
                tx.execute(sa.text(statement))

    def open(self, release: Release) -> Release:
        """Record a new Release; one with this id that is there already is returned instead."""
        with self._transaction() as tx:
            known = tx.execute(sa.select(_RELEASES).filter_by(id=release.id)).mappings().first()
            if known is not None:
                return _release(known)
            tx.execute(_RELEASES.insert().values(_row(release)))
            facts = {"service": release.service, "model": release.model}
            self._append(
                tx,
                release.id,
                "asked",
                facts | {"version": release.version, "actor": release.actor},
            )
            return release

    def find(self, release: str) -> Release | None:
        """Return a Release, or None."""
        with self._transaction() as tx:
            row = tx.execute(sa.select(_RELEASES).filter_by(id=release)).mappings().first()
            return _release(row) if row is not None else None

    def release(self, release: str) -> Release:
        """Return a Release; RefusedError `unknown-release` if there is none."""
        found = self.find(release)
        if found is None:
            raise RefusedError(
                f"there is no release {release!r}; `tiffin history` lists them",
                code="unknown-release",
            )
        return found

    def history(self, service: str | None = None, limit: int = 20) -> tuple[Release, ...]:
        """Return the latest Releases, newest first."""
        query = sa.select(_RELEASES).order_by(_RELEASES.c.begun_at.desc()).limit(limit)
        if service is not None:
            query = query.filter_by(service=service)
        with self._transaction() as tx:
            return tuple(_release(row) for row in tx.execute(query).mappings())

    def attempts(self, service: str, version: str) -> int:
        """Count the ended Releases of a version."""
        query = sa.select(sa.func.count()).select_from(_RELEASES)
        query = query.filter_by(service=service, version=version)
        with self._transaction() as tx:
            return int(tx.execute(query.where(_RELEASES.c.phase.in_(ENDS))).scalar_one())

    def in_progress(self, service: str) -> tuple[Release, ...]:
        """Return the Releases of a Service that have not ended, oldest first."""
        query = sa.select(_RELEASES).filter_by(service=service).order_by(_RELEASES.c.begun_at)
        query = query.where(_RELEASES.c.phase.not_in(ENDS))
        with self._transaction() as tx:
            return tuple(_release(row) for row in tx.execute(query).mappings())

    def revision(self, service: str, name: str) -> Revision | None:
        """Return what a Revision's name stands for, from the Release that made it."""
        query = sa.select(_RELEASES).filter_by(service=service)
        query = query.where(_RELEASES.c.candidate.is_not(None))
        with self._transaction() as tx:
            made = [_release(row).candidate for row in tx.execute(query).mappings()]
        return next((found for found in made if found and found.name == name), None)

    def move(self, release: str, to: Phase, *, reason: str = "", **facts: Any) -> Release:
        """Change a Release's phase (and facts about it) and write the ledger entry.

        Moving to where it already is changes the facts only if they differ; an illegal move
        raises RefusedError; a Release that has ended raises FencedError, because whoever tries
        to move it on has lost.
        """
        with self._transaction() as tx:
            row = self._locked(tx, release)
            now = _release(row)
            if now.phase.is_end and now.phase is not to:
                raise FencedError(
                    f"release {release} has ended ({now.phase}: {now.reason}); it can't go on",
                    code="release-ended",
                )
            if now.phase is not to:
                check_transition(release, now.phase, to)
            after = now.evolved(phase=to, reason=reason or now.reason, **facts)
            if after == now:
                return now
            after = after.evolved(changed_at=_now())
            tx.execute(_RELEASES.update().filter_by(id=release).values(_row(after)))
            told = {key: _plain(value) for key, value in facts.items()}
            body = {"from": now.phase.value, "to": to.value, "reason": reason, **told}
            self._append(tx, release, "phase", body)
            return after

    def note(self, release: str, kind: str, body: Mapping[str, Any]) -> Entry:
        """Append a ledger entry."""
        with self._transaction() as tx:
            self._locked(tx, release)
            return self._append(tx, release, kind, body)

    def entries(self, release: str, kind: str | None = None) -> tuple[Entry, ...]:
        """Return a Release's ledger (or its entries of one kind), oldest first."""
        query = sa.select(_LEDGER).filter_by(release=release).order_by(_LEDGER.c.seq)
        if kind is not None:
            query = query.filter_by(kind=kind)
        with self._transaction() as tx:
            return tuple(_entry(row) for row in tx.execute(query).mappings())

    def claim(self, service: str, release: str) -> str:
        """Hold a Service for a Release if nobody does; return the id of who holds it now."""
        with suppress(_DuplicateError), self._transaction() as tx:
            holder = tx.execute(sa.select(_CLAIMS.c.release).filter_by(service=service)).scalar()
            if holder is None:
                tx.execute(_CLAIMS.insert().values(service=service, release=release))
                return release
            return str(holder)
        return self.claimant(service) or self.claim(service, release)

    def disclaim(self, service: str, release: str) -> None:
        """Let go of a Service, if this Release holds it."""
        with self._transaction() as tx:
            tx.execute(_CLAIMS.delete().filter_by(service=service, release=release))

    def claimant(self, service: str) -> str | None:
        """Return the id of the Release that holds a Service."""
        with self._transaction() as tx:
            return tx.execute(sa.select(_CLAIMS.c.release).filter_by(service=service)).scalar()

    def give_order(self, release: str, order: Order, actor: str) -> None:
        """Tell a Release in progress what to do; it obeys at its next look."""
        with self._transaction() as tx:
            now = _release(self._locked(tx, release))
            if now.phase.is_end:
                raise RefusedError(
                    f"release {release} has already ended: {now.phase}", code="release-ended"
                )
            tx.execute(_ORDERS.delete().filter_by(release=release))
            tx.execute(_ORDERS.insert().values(release=release, said=order.value, actor=actor))
            self._append(tx, release, "order", {"order": order.value, "actor": actor})

    def standing_order(self, release: str) -> Order | None:
        """Return the last order given to a Release."""
        with self._transaction() as tx:
            said = tx.execute(sa.select(_ORDERS.c.said).filter_by(release=release)).scalar()
            return Order(said) if said else None

    def first_time(self, delivery: str) -> bool:
        """Remember a delivery's id; True only for the one caller who brought it first."""
        try:
            with self._transaction() as tx:
                tx.execute(_DELIVERIES.insert().values(id=delivery, at=_now().isoformat()))
        except _DuplicateError:
            return False
        return True

    def forget(self, delivery: str) -> None:
        """Forget a delivery that could not be acted on, so that its retry counts as the first."""
        with self._transaction() as tx:
            tx.execute(_DELIVERIES.delete().filter_by(id=delivery))

    @contextmanager
    def _transaction(self) -> Iterator[sa.Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except IntegrityError as error:
            raise _DuplicateError(
                "two writers met in the records; the loser tries again", code="records-conflict"
            ) from error
        except SQLAlchemyError as error:
            raise UnavailableError(
                f"the records database did not answer{_said_by(error)}; start the stack with "
                "`tiffin up`",
                code="records-unavailable",
            ) from error

    def _locked(self, tx: sa.Connection, release: str) -> Mapping[str, Any]:
        query = sa.select(_RELEASES).filter_by(id=release).with_for_update()
        row = tx.execute(query).mappings().first()
        if row is None:
            raise RefusedError(f"there is no release {release!r}", code="unknown-release")
        return dict(row)

    def _append(self, tx: sa.Connection, release: str, kind: str, body: Mapping[str, Any]) -> Entry:
        query = sa.select(_LEDGER).filter_by(release=release).order_by(_LEDGER.c.seq.desc())
        last = tx.execute(query.limit(1)).mappings().first()
        entry = next_entry(release, _entry(last) if last else None, _now(), kind, dict(body))
        values = asdict(entry) | {"at": entry.at.isoformat(), "body": json.dumps(entry.body)}
        tx.execute(_LEDGER.insert().values(values))
        return entry


class _DuplicateError(UnavailableError):
    """A row is there already; whoever expected to be first wasn't."""


def _said_by(error: SQLAlchemyError) -> str:
    """Return what the database itself said; one that can't be reached says nothing."""
    if getattr(getattr(error, "orig", None), "pgcode", None) is None:
        return ""
    return f": {str(error).splitlines()[0]}"


def _leave_transactions_to_us(connection: Any, _: Any) -> None:
    connection.isolation_level = None


def _begin_with_the_lock(connection: sa.Connection) -> None:
    """SQLite has no row locks: take the write lock at once, as FOR UPDATE does elsewhere."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _now() -> datetime:
    return datetime.now(UTC)


def _plain(value: Any) -> Any:
    return asdict(value) if isinstance(value, Revision) else value


def _row(release: Release) -> dict[str, Any]:
    row = {column.name: getattr(release, column.name) for column in _RELEASES.columns}
    return row | {
        "begun_at": release.begun_at.isoformat(),
        "changed_at": release.changed_at.isoformat(),
        "phase": release.phase.value,
        "request": json.dumps(asdict(release.request)) if release.request else None,
        "candidate": json.dumps(asdict(release.candidate)) if release.candidate else None,
    }


def _release(row: Mapping[Any, Any]) -> Release:
    values = dict(row)
    request = json.loads(values["request"]) if values["request"] else None
    candidate = json.loads(values["candidate"]) if values["candidate"] else None
    if request:
        request["on_conflict"] = OnConflict(request["on_conflict"])
        request["weights"] = tuple(request["weights"]) if request["weights"] else None
    if candidate:
        candidate["resources"] = Resources(**candidate["resources"])
    return Release(
        **values
        | {
            "phase": Phase(values["phase"]),
            "begun_at": datetime.fromisoformat(values["begun_at"]),
            "changed_at": datetime.fromisoformat(values["changed_at"]),
            "request": ReleaseRequest(**request) if request else None,
            "candidate": Revision(**candidate) if candidate else None,
        }
    )


def _entry(row: Mapping[Any, Any]) -> Entry:
    at = datetime.fromisoformat(row["at"])
    body = json.loads(row["body"])
    return Entry(row["release"], row["seq"], at, row["kind"], body, row["previous"], row["hash"])
