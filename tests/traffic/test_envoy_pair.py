"""What two Envoys on one port are there for: either may die, at any instant."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

import pytest

from tests.e2e.patient_load import load_on
from tests.traffic.rig import (
    Gateway,
    ask,
    free_port,
    go_live,
    half_and_half,
    split_of,
    wait_until,
)
from tiffin.errors import RefusedError, UnavailableError
from tiffin.traffic import envoy_router
from tiffin.traffic.counters import Counts
from tiffin.traffic.envoy_admin import EnvoyAdmin
from tiffin.traffic.envoy_confirmation import CDS, LDS, EnvoyConfirmation, rds
from tiffin.traffic.route_store import write_file
from tiffin.traffic.split import WHOLE, Timeouts

_STALE_S = 0.25
"""A busy caller takes this long to notice that a connection it kept has been closed."""


@pytest.fixture
def stable(gateway):
    return gateway.upstream("v1")


@pytest.fixture
def candidate(gateway):
    return gateway.upstream("v2")


@pytest.fixture
def split(stable, candidate, port):
    return split_of((stable, WHOLE), (candidate, 0), port=port)


@pytest.fixture
def patient_router(gateway):
    """A router with so much patience that waiting for a dead Envoy would be noticed."""
    return gateway.router(confirm_s=60)


def in_flight_in(envoy):
    return envoy.number("http.iris.downstream_rq_active")


def accepted_by(envoy):
    return envoy.number("http.iris.downstream_cx_total")


class TestCallers:
    @pytest.mark.timeout(120)
    @pytest.mark.parametrize("fresh", [False, True], ids=["kept connections", "fresh connections"])
    def test_only_what_was_in_flight_in_a_killed_envoy_fails(
        self, gateway, stable, candidate, port, tmp_path, fresh
    ):
        patient = Timeouts(8.0, 4.0)  # what a busy machine delays is not what is looked for here
        split = replace(half_and_half(stable, candidate, port), timeouts=patient)
        go_live(gateway.router(), split)
        bodies = tmp_path / "bodies.jsonl"
        bodies.write_text("{}\n")
        kills = []
        with load_on(f"http://127.0.0.1:{port}/predict", bodies, rate=200, fresh=fresh) as report:
            for _ in range(4):
                time.sleep(0.5)
                busier = max(gateway.envoys, key=accepted_by)
                begin = time.time()
                busier.kill()
                kills.append((begin, time.time() + _STALE_S))
                time.sleep(1)  # one alone carries everything
                gateway.start()
        assert report.sent > 1_000
        assert report.failed_outside(*kills) == [], (kills, report.failures)
        assert report.unanswered < 50 * len(kills), "an outage of a second costs 200"
        assert (report.answered_badly, report.failed_after_retry) == (0, 0), report.failures

    def test_requests_in_flight_in_the_other_are_answered(self, gateway, stable, port):
        split = split_of((stable, WHOLE), port=port, timeouts=Timeouts(5.0, 3.0))
        go_live(gateway.router(), split)
        stable.become("slow")
        first, second = gateway.envoys
        with ThreadPoolExecutor(20) as callers:
            asked = [callers.submit(ask, port) for _ in range(20)]
            wait_until(lambda: sum(map(in_flight_in, gateway.envoys)) == 20, "all are in flight")
            lost = in_flight_in(first)
            assert 0 < lost < 20, "all went to one of the two"
            first.kill()
            ends = Counter("lost" if call.exception() else call.result().status for call in asked)
        assert ends == {"lost": lost, 200: 20 - lost}
        stable.become("ok")
        assert {ask(port).status for _ in range(20)} == {200}
        assert in_flight_in(second) == 0

    def test_an_envoy_that_is_back_takes_its_share_again(self, gateway, split, port):
        go_live(gateway.router(), split)
        gateway.envoys[0].kill()
        gateway.start()
        assert {ask(port).status for _ in range(40)} == {200}
        assert all(accepted_by(envoy) for envoy in gateway.envoys)


class TestWrites:
    def test_a_dead_envoy_delays_no_write_and_begins_with_the_newest(
        self, gateway, split, stable, candidate, patient_router, port
    ):
        dead, alive = gateway.envoys
        go_live(patient_router, split)
        dead.kill()
        third = gateway.upstream("v3")
        begin = time.monotonic()
        patient_router.write(split.shifted(candidate.backend(5_000)), release="r1")
        rolled_back = time.monotonic() - begin
        grown = split.shifted(third.backend(5_000)).promoted("v3")
        patient_router.write(grown, release="r1")
        assert rolled_back < 5
        assert time.monotonic() - begin < 20
        assert alive.runs(grown)
        gateway.start()
        assert dead.runs(grown)
        assert {ask(port).revision for _ in range(20)} == {"v3"}

    def test_no_write_is_confirmed_by_the_dead(self, gateway, split, candidate):
        router = gateway.router(confirm_s=0.5)
        go_live(router, split)
        gateway.kill()
        with pytest.raises(UnavailableError, match="did not answer"):
            router.write(split.shifted(candidate.backend(5_000)), release="r1")
        assert router.read("iris").split == split

    def test_of_two_dead_the_first_that_is_back_confirms(
        self, gateway, split, candidate, patient_router
    ):
        go_live(patient_router, split)
        gateway.kill()
        bootstraps = gateway.bootstraps()
        first = gateway.envoys[0]
        restart = threading.Timer(0.5, lambda: first.start(bootstraps[first.name]))
        restart.start()
        shifted = split.shifted(candidate.backend(5_000))
        assert patient_router.write(shifted, release="r1").split == shifted
        assert first.runs(shifted)

    def test_an_envoy_that_hangs_is_not_dead_and_confirms_nothing(self, gateway):
        admins = [EnvoyAdmin(url, timeout_s=0.5) for url in gateway.admin_urls]
        expected = {LDS: version_of(gateway.folder / "lds.json")}
        wait_until(lambda: EnvoyConfirmation(admins).runs(expected), "both run it")
        with stopped(gateway.envoys[0]):
            assert not EnvoyConfirmation(admins).runs(expected)
            with pytest.raises(UnavailableError, match="put back"):
                EnvoyConfirmation(admins).await_versions("iris", expected, timeout_s=1)
        assert EnvoyConfirmation(admins).runs(expected)

    @pytest.mark.timeout(120)
    def test_an_envoy_started_amid_writes_ends_with_the_newest(
        self, gateway, split, candidate, patient_router
    ):
        dice = random.Random(11)
        go_live(patient_router, split)
        bootstraps = gateway.bootstraps()
        envoy = gateway.envoys[0]
        for turn in range(25):
            envoy.kill()
            envoy.start(bootstraps[envoy.name])
            time.sleep(dice.random() * 0.08)  # it is LIVE after about that time
            for step in range(3):
                written = split.shifted(candidate.backend(1 + turn * 10 + step))
                patient_router.write(written, release="r1")
            wait_until(envoy.is_live, "it is live")
            assert gateway.runs(written), f"in turn {turn}"

    def test_an_envoy_that_may_have_read_the_old_file_is_waited_for(
        self, gateway, split, candidate, patient_router
    ):
        starting, alive = gateway.envoys
        go_live(patient_router, split)
        shifted = split.shifted(candidate.backend(5_000))
        routes = gateway.folder / "rds" / "iris.json"
        said = routes.read_text()
        with (
            start_stuck_in(gateway, starting, "rds/iris.json") as go_on,
            ThreadPoolExecutor(1) as elsewhere,
        ):
            write_file(routes, said)  # for the router to read; Envoy still has the pipe open
            write = elsewhere.submit(patient_router.write, shifted, release="r1")
            wait_until(lambda: alive.runs(shifted), "the other runs it")
            time.sleep(0.3)
            waited = not write.done()
            go_on()
            write.result()
        assert waited
        assert gateway.runs(shifted)
        wait_until(starting.is_live, "it is live")

    def test_a_refusal_by_one_is_a_refusal(self, gateway, stable, port):
        blocked = gateway.envoys[1]
        blocked.kill()
        bootstrap = json.loads(gateway.bootstraps()[blocked.name].read_text())
        bootstrap["static_resources"] = {"listeners": [occupant(port)]}
        own = gateway.folder / "blocked.json"
        own.write_text(json.dumps(bootstrap))
        blocked.start(own)
        wait_until(blocked.is_live, "it is live")
        router = gateway.router()
        with pytest.raises(RefusedError, match="refused the traffic of iris") as refusal:
            go_live(router, split_of((stable, WHOLE), port=port))
        assert refusal.value.code == "gateway-refused"
        assert router.read("iris") is None


@pytest.mark.parametrize("file", ["cds.json", "lds.json", "rds/iris.json"])
def test_envoy_opens_its_admin_port_before_its_files_and_watches_before_it_reads(
    gateway, split, file
):
    """What `EnvoyAdmin.is_dead` relies on; an Envoy that does otherwise must not be used."""
    starting = gateway.envoys[0]
    go_live(gateway.router(), split)
    path = gateway.folder / file
    newer = json.loads(path.read_text()) | {"version_info": "newer"}
    with start_stuck_in(gateway, starting, file) as go_on:
        assert not starting.admin.is_dead()
        write_file(path, json.dumps(newer))
        go_on()
        wait_until(starting.is_live, "it is live")
    subscription = {"cds.json": CDS, "lds.json": LDS}.get(file, rds("iris"))
    confirmation = EnvoyConfirmation([starting.admin])
    wait_until(lambda: confirmation.runs({subscription: "newer"}), "it runs the newer file")


class TestPort:
    """Sharing a port is for the gateway's own Envoys; a stranger's requests stay the stranger's."""

    @pytest.mark.parametrize("shares", [False, True], ids=["alone", "willing to share"])
    def test_refuses_a_port_that_another_program_holds(self, gateway, stable, port, shares):
        router = gateway.router()
        with bound(port, shares=shares) as stranger:
            stranger.listen()
            with pytest.raises(RefusedError, match=f"held by process {os.getpid()}") as refusal:
                go_live(router, split_of((stable, WHOLE), port=port))
        assert refusal.value.code == "service-port-taken"
        assert router.read("iris") is None
        assert all(accepted_by(envoy) == 0 for envoy in gateway.envoys)
        go_live(router, split_of((stable, WHOLE), port=port))
        assert ask(port).status == 200

    def test_refuses_the_port_of_another_gateway(self, gateway, stable, port, tmp_path):
        other = Gateway(tmp_path / "other")
        other.folder.mkdir()
        try:
            other.start()
            go_live(other.router(), split_of((stable, WHOLE), port=port))
            with pytest.raises(RefusedError) as refusal:
                go_live(gateway.router(), split_of((stable, WHOLE), service="wine", port=port))
            assert refusal.value.code == "service-port-taken"
            assert {ask(port).status for _ in range(20)} == {200}
            assert other.requests("iris") == 20
        finally:
            other.close()

    @pytest.mark.parametrize("shares", [False, True], ids=["alone", "willing to share"])
    def test_who_takes_the_port_after_it_was_looked_at_is_found_too(
        self, gateway, stable, port, shares, monkeypatch
    ):
        router = gateway.router()
        with bound(port, shares=shares) as stranger:

            def come_in(split):
                stranger.listen()

            monkeypatch.setattr(envoy_router, "validate", come_in)
            with pytest.raises(RefusedError) as refusal:
                go_live(router, split_of((stable, WHOLE), port=port))
        assert refusal.value.code == ("service-port-taken" if shares else "gateway-refused")
        assert router.read("iris") is None

    def test_a_service_moves_to_a_free_port_only(self, gateway, split):
        router = gateway.router()
        go_live(router, split)
        with socket.create_server(("127.0.0.1", 0)) as stranger:
            taken = stranger.getsockname()[1]
            with pytest.raises(RefusedError, match=str(taken)):
                router.write(replace(split, port=taken), release="r1")
        moved = replace(split, port=free_port())
        router.write(moved, release="r1")
        assert ask(moved.port).status == 200

    def test_what_a_dead_writer_left_listening_is_no_stranger(self, gateway, split, port):
        router = gateway.router()
        go_live(router, split)
        (gateway.folder / "routes" / "iris.json").unlink()  # as if it had died before the truth
        go_live(router, split)
        assert ask(port).status == 200


class TestCounters:
    def test_counts_and_requests_in_flight_are_those_of_both(self, gateway, split, stable, port):
        go_live(gateway.router(), replace(split, timeouts=Timeouts(5.0, 3.0)))
        for _ in range(60):
            assert ask(port).status == 200
        assert all(accepted_by(envoy) for envoy in gateway.envoys), "one of them did it all"
        assert gateway.counters().read("iris").counts["v1"] == Counts(60, 0)
        stable.become("slow")
        envoys = EnvoyConfirmation([envoy.admin for envoy in gateway.envoys])
        with ThreadPoolExecutor(20) as callers:
            asked = [callers.submit(ask, port) for _ in range(20)]
            wait_until(lambda: envoys.requests_in_flight("iris@v1") == 20, "all are in flight")
            assert envoys.busy_clusters() == {"iris@v1"}
            assert {call.result().status for call in asked} == {200}

    @pytest.mark.parametrize("who", [0, 1])
    def test_a_death_and_a_return_are_new_epochs_and_neither_blinds(
        self, gateway, split, port, who
    ):
        go_live(gateway.router(), split)
        counters, dead = gateway.counters(), gateway.envoys[who]
        both = counters.read("iris")
        dead.kill()
        alone = counters.read("iris")
        for _ in range(10):
            assert ask(port).status == 200
        later = counters.read("iris")
        assert later.epoch == alone.epoch != both.epoch
        assert later.counts["v1"].total - alone.counts["v1"].total == 10
        gateway.start()
        assert counters.read("iris").epoch not in (both.epoch, alone.epoch)

    def test_half_of_the_counts_is_no_reading(self, gateway, split):
        go_live(gateway.router(), split)
        with stopped(gateway.envoys[0]), pytest.raises(UnavailableError):
            gateway.counters().read("iris")


@contextmanager
def bound(port, *, shares):
    """Bind a port without listening on it yet, which nobody can see."""
    with socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, shares)
        stranger.bind(("127.0.0.1", port))
        yield stranger


def version_of(file):
    return json.loads(file.read_text())["version_info"]


@contextmanager
def stopped(envoy):
    """Let an Envoy hang."""
    os.kill(envoy.process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(envoy.process.pid, signal.SIGCONT)


@contextmanager
def start_stuck_in(gateway, envoy, file):
    """Start an Envoy anew that has one file open and gets nothing from it, until `go_on()`.

    Then it reads what the file said before. The file is a pipe meanwhile, which Envoy opens twice:
    to see that it is there, and to read it.
    """
    envoy.kill()
    bootstrap = gateway.bootstraps()[envoy.name]
    path = gateway.folder / file
    said = path.read_bytes()
    path.unlink()
    os.mkfifo(path)
    envoy.start(bootstrap)
    pipe = os.fdopen(os.open(path, os.O_WRONLY), "wb")  # returns once Envoy has opened it
    time.sleep(0.3)

    def go_on():
        pipe.write(said)
        pipe.close()

    with pipe:
        yield go_on


def occupant(port):
    """Return a listener that is in the way of any other on its port, in its own Envoy only."""
    return {
        "name": "occupant",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
        "filter_chains": [
            {
                "filters": [
                    {
                        "name": "envoy.filters.network.echo",
                        "typed_config": {
                            "@type": "type.googleapis.com/envoy.extensions.filters.network.echo.v3"
                            ".Echo"
                        },
                    }
                ]
            }
        ],
    }
