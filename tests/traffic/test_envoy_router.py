"""The Envoy router's own promises, on a real Envoy with real upstreams."""

from __future__ import annotations

import json
import random
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace

import pytest

from tests.traffic.rig import (
    ask,
    free_port,
    go_live,
    half_and_half,
    split_of,
    steady_load,
    wait_until,
)
from tiffin.errors import RefusedError, UnavailableError
from tiffin.traffic.envoy_admin import EnvoyAdmin
from tiffin.traffic.envoy_confirmation import EnvoyConfirmation
from tiffin.traffic.split import WHOLE, Timeouts


@pytest.fixture
def stable(gateway):
    return gateway.upstream("v1")


@pytest.fixture
def candidate(gateway):
    return gateway.upstream("v2")


def test_the_answer_says_which_revision_answered(gateway, stable, candidate, port):
    go_live(gateway.router(), half_and_half(stable, candidate, port))
    for _ in range(20):
        answer = ask(port)
        assert answer.status == 200
        assert answer.revision == answer.body.decode()


def test_a_caller_pins_a_revision_that_carries_no_weight(gateway, stable, candidate, port):
    go_live(gateway.router(), split_of((stable, WHOLE), (candidate, 0), port=port))
    pinned = [ask(port, headers={"x-tiffin-revision": "v2"}) for _ in range(10)]
    assert {answer.revision for answer in pinned} == {"v2"}
    assert {ask(port).revision for _ in range(10)} == {"v1"}


def test_a_pin_on_an_unknown_revision_is_told_so(gateway, stable, port):
    go_live(gateway.router(), split_of((stable, WHOLE), port=port))
    answer = ask(port, headers={"x-tiffin-revision": "v9"})
    assert (answer.status, answer.headers["content-type"]) == (404, "application/json")
    assert json.loads(answer.body)["code"] == "unknown-revision"
    assert "v1" in json.loads(answer.body)["error"]


def test_sticky_callers_stay_while_the_share_grows(gateway, stable, candidate, port):
    router = gateway.router()
    split = split_of((stable, 7_000), (candidate, 3_000), port=port, sticky_header="x-user")
    go_live(router, split)

    def revision_of(user):
        return ask(port, headers={"x-user": user}).revision

    users = [f"user-{number}" for number in range(60)]
    first = {user: revision_of(user) for user in users}
    assert set(first.values()) == {"v1", "v2"}
    assert {user: revision_of(user) for user in users} == first
    router.write(split.shifted(candidate.backend(6_000)), release="r1")
    kept = [user for user, revision in first.items() if revision == "v2"]
    assert {revision_of(user) for user in kept} == {"v2"}


def test_a_write_has_taken_effect_when_it_returns(gateway, stable, candidate, port):
    router = gateway.router()
    split = split_of((stable, WHOLE), (candidate, 0), port=port)
    go_live(router, split)
    for turn in range(50):
        to_candidate = turn % 2 == 0
        router.write(split.shifted(candidate.backend(WHOLE * to_candidate)), release="r1")
        assert ask(port).revision == ("v2" if to_candidate else "v1")


def test_answers_of_nearly_a_mebibyte_pass(gateway, stable, port):
    go_live(gateway.router(), split_of((stable, WHOLE), port=port))
    assert len(ask(port, "/bytes/1000000").body) == 1_000_000
    assert ask(port, "/bytes/2000000").status == 500


@pytest.mark.timeout(180)
def test_a_thousand_weight_changes_under_load_fail_no_request(gateway, stable, candidate, port):
    router = gateway.router()
    split = split_of((stable, WHOLE), (candidate, 0), port=port)
    go_live(router, split)
    with steady_load(gateway, port, rate=300) as load:
        for change in range(1_000):
            weight = (change * 37) % 5_000 + 1
            router.write(split.shifted(candidate.backend(weight)), release="r1")
    assert router.read("iris").generation >= 1_000
    assert load.summary["requests_failed"] == 0, load.summary
    assert set(load.summary["revisions"]) == {"v1", "v2"}


@pytest.mark.timeout(120)
@pytest.mark.parametrize("fault", ["killed", "error", "sick", "hang", "cut"])
def test_a_failing_candidate_costs_no_caller_an_answer(gateway, stable, candidate, port, fault):
    go_live(gateway.router(), half_and_half(stable, candidate, port))
    with steady_load(gateway, port) as load:
        wait_until(lambda: _answered(gateway, "v2") > 20, "the candidate has answered")
        candidate.kill() if fault == "killed" else candidate.become(fault)
        time.sleep(4)  # the load goes on, through ejection and readmission
        bad = gateway.counters().read("iris").counts["v2"].bad
    assert load.summary["requests_failed"] == 0, load.summary
    assert bad >= 3, "the candidate had no traffic to fail"


@pytest.mark.timeout(120)
@pytest.mark.parametrize("fault", ["killed", "error", "hang"])
def test_the_replaced_revision_answers_for_a_promoted_one_that_fails(
    gateway, stable, candidate, port, fault
):
    router = gateway.router()
    split = half_and_half(stable, candidate, port)
    go_live(router, split)
    router.write(split.promoted("v2"), release="r1", previous="v1")
    with steady_load(gateway, port) as load:
        wait_until(lambda: _answered(gateway, "v2") > 20, "the promoted one has answered")
        candidate.kill() if fault == "killed" else candidate.become(fault)
        time.sleep(4)  # the load goes on, through ejection and readmission
    assert load.summary["requests_failed"] == 0, load.summary
    assert load.summary["revisions"].keys() == {"v1", "v2"}
    router.write(split.promoted("v2").back_on("v1"), release="r1")
    assert {ask(port).revision for _ in range(20)} == {"v1"}


@pytest.mark.timeout(120)
def test_promotion_and_retirement_under_load_fail_no_request(gateway, stable, candidate, port):
    router = gateway.router()
    split = split_of((stable, WHOLE), port=port)
    go_live(router, split)
    with steady_load(gateway, port) as load:
        ramped = split.shifted(candidate.backend(2_000))
        router.write(ramped, release="r1")
        wait_until(lambda: _answered(gateway, "v2") > 20, "the candidate has answered")
        router.write(ramped.promoted("v2"), release="r1", previous="v1")
        router.write(ramped.promoted("v2").without("v1"), release="r1")
        router.wait_idle("iris", "v1", timeout_s=10)
        stable.kill()
        third = gateway.upstream("v3")
        back_and_forth = ramped.promoted("v2").without("v1").shifted(third.backend(5_000))
        router.write(back_and_forth, release="r1")
        wait_until(lambda: _answered(gateway, "v3") > 20, "the third has answered")
        router.write(back_and_forth.promoted("v2"), release="r1")
    assert load.summary["requests_failed"] == 0, load.summary
    assert set(load.summary["revisions"]) == {"v1", "v2", "v3"}


def test_a_stable_that_fails_its_probe_is_still_asked(gateway, stable, port):
    go_live(gateway.router(), split_of((stable, WHOLE), port=port))
    stable.become("sick")
    time.sleep(3)  # two probes fail
    stable.become("ok")
    assert ask(port).status == 200


def test_waits_until_a_revision_is_idle(gateway, stable, candidate, port):
    router = gateway.router()
    split = split_of((stable, WHOLE), (candidate, 0), port=port, timeouts=Timeouts(5.0, 3.0))
    go_live(router, split.shifted(candidate.backend(WHOLE)))
    candidate.become("slow")
    results = []
    asking = threading.Thread(target=lambda: results.append(ask(port)))
    asking.start()
    wait_until(lambda: _in_flight(gateway, "iris@v2") == 1, "the slow request is in flight")
    router.write(split.without("v2"), release="r1")
    with pytest.raises(UnavailableError, match="still answers 1"):
        router.wait_idle("iris", "v2", timeout_s=0.1)
    router.wait_idle("iris", "v2", timeout_s=5)
    asking.join()
    assert (results[0].status, results[0].revision) == (200, "v2")


def _answered(gateway, revision):
    counts = gateway.counters().read("iris").counts
    return counts[revision].good if revision in counts else 0


def _in_flight(gateway, cluster):
    admins = [EnvoyAdmin(url) for url in gateway.admin_urls]
    return EnvoyConfirmation(admins).requests_in_flight(cluster)


def test_old_clusters_go_once_nothing_can_need_them(gateway, stable, candidate, port):
    router = gateway.router()
    split = split_of((stable, WHOLE), (candidate, 0), port=port, timeouts=Timeouts(0.4, 0.2))
    go_live(router, split)
    router.write(split.without("v2"), release="r1")

    def names():
        clusters = json.loads((gateway.folder / "cds.json").read_text())["resources"]
        return {cluster["name"] for cluster in clusters}

    explaining = {"iris_explain@v1", "iris_explain@v2"}
    assert names() == {"iris@v1", "iris@v2", "iris@v2-ha", *explaining}
    time.sleep(1.5)
    router.ensure_live("iris")
    assert names() == {"iris@v1", "iris_explain@v1"}
    assert ask(port).status == 200


def test_a_gateway_killed_and_restarted_serves_the_same_split(gateway, stable, candidate, port):
    router = gateway.router()
    split = split_of((stable, 0), (candidate, WHOLE), port=port, fallback="v1")
    go_live(router, split)
    gateway.kill()
    (gateway.folder / "rds" / "iris.json").write_text("{broken")
    (gateway.folder / "cds.json").unlink()
    gateway.start()
    assert {ask(port).revision for _ in range(5)} == {"v2"}
    assert router.read("iris").split == split


def test_a_write_waits_for_a_gateway_that_is_restarting(gateway, stable, candidate, port):
    router = gateway.router()
    split = split_of((stable, 0), (candidate, WHOLE), port=port, fallback="v1")
    go_live(router, split)
    gateway.kill()
    restart = threading.Timer(0.5, lambda: gateway.start(wait=False))
    restart.start()
    route = router.write(split.promoted("v1"), release="r1")
    restart.join()
    assert route.generation == 2
    assert ask(port).revision == "v1"


def test_a_write_without_a_gateway_changes_nothing(gateway, stable, candidate, port):
    router = gateway.router(confirm_s=0.5)
    split = split_of((stable, WHOLE), (candidate, 0), port=port)
    go_live(router, split)
    before = router.read("iris")
    gateway.kill()
    for changed in (split.shifted(candidate.backend(5_000)), split.without("v2")):
        with pytest.raises(UnavailableError, match="gateway"):
            router.write(changed, release="r1")
        assert router.read("iris") == before
    gateway.start()
    assert gateway.runs(split)
    router.ensure_live("iris")


def test_refuses_what_envoy_finds_invalid(gateway, stable, port):
    router = gateway.router()
    split = split_of((stable, WHOLE), port=port)
    go_live(router, split)
    with pytest.raises(RefusedError, match="invalid"):
        router.write(replace(split, sticky_header="bad\nheader", port=free_port()), release="r1")
    assert router.read("iris").split == split
    assert ask(port).status == 200


def test_refuses_the_port_of_another_service(gateway, stable, port):
    router = gateway.router()
    go_live(router, split_of((stable, WHOLE), port=port))
    with pytest.raises(RefusedError, match=str(port)):
        go_live(router, split_of((stable, WHOLE), service="wine", port=port))
    assert router.services() == ("iris",)


def test_refuses_a_port_that_another_program_holds(gateway, stable, port):
    router = gateway.router()
    with socket.create_server(("127.0.0.1", port)), pytest.raises(RefusedError, match="port"):
        go_live(router, split_of((stable, WHOLE), port=port))
    assert router.read("iris") is None
    go_live(router, split_of((stable, WHOLE), port=port))
    assert ask(port).status == 200


WRITER = """
import itertools, json, sys
from pathlib import Path
from tiffin.traffic.envoy_router import EnvoyRouter
from tiffin.traffic.split import Backend, Endpoint, Split
folder, urls, port, one, two = sys.argv[1:]
router = EnvoyRouter(Path(folder), tuple(urls.split()))
a = lambda weight: Backend("v1", Endpoint("127.0.0.1", int(one)), weight)
b = lambda weight: Backend("v2", Endpoint("127.0.0.1", int(two)), weight)
base = Split("iris", int(port), (a(10000), b(0)), "v1")
states = [base, base.shifted(b(1000)), base.shifted(b(5000)), base.promoted("v2"),
          base.promoted("v2").without("v1"), base.without("v2")]
for turn in itertools.count():
    router.write(states[turn % len(states)], release="r1")
"""


@pytest.mark.timeout(200)
def test_a_writer_killed_at_any_instant_leaves_one_consistent_state(
    gateway, stable, candidate, port
):
    router = gateway.router()
    go_live(router, split_of((stable, WHOLE), (candidate, 0), port=port))
    dice = random.Random(7)
    urls = " ".join(gateway.admin_urls)
    arguments = [str(gateway.folder), urls, port, stable.port, candidate.port]
    in_doubt = 0
    for _ in range(50):
        generation = router.read("iris").generation
        writer = subprocess.Popen([sys.executable, "-c", WRITER, *map(str, arguments)])
        wait_until(lambda: router.read("iris").generation > generation, "the writer writes")  # noqa: B023
        time.sleep(dice.random() * 0.3)
        writer.kill()
        writer.wait()
        in_doubt += (gateway.folder / "routes" / ".iris.doubt").exists()
        route = router.read("iris")
        assert not (gateway.folder / "routes" / ".iris.doubt").exists()
        assert gateway.runs(route.split)
        assert ask(port).status == 200
    assert in_doubt > 3, "the writer was never killed in the middle of a write"
    router.take_over("iris", "r2", generation=route.generation)
    router.write(split_of((stable, WHOLE), port=port), release="r2")
