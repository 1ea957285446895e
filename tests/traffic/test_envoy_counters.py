from __future__ import annotations

import pytest

from tests.contracts.counters import CountersContract
from tests.traffic.rig import ask, go_live, half_and_half, split_of
from tiffin.errors import UnavailableError
from tiffin.traffic.counters import Counts
from tiffin.traffic.envoy_counters import EnvoyCounters
from tiffin.traffic.split import WHOLE


@pytest.fixture
def upstreams(gateway):
    return {name: gateway.upstream(name) for name in ("v1", "v2", "calm")}


@pytest.fixture
def routed(gateway, upstreams, port):
    # The fallback takes over for whichever fails, so bad requests of the two are theirs alone.
    backends = [(upstreams["calm"], WHOLE), (upstreams["v1"], 0), (upstreams["v2"], 0)]
    go_live(gateway.router(), split_of(*backends, port=port))


class TestEnvoyCounters(CountersContract):
    @pytest.fixture
    def counters(self, gateway, routed):
        return gateway.counters()

    @pytest.fixture
    def answer(self, upstreams, port):
        def answer(revision, *, good, bad):
            for mode, times in (("ok", good), ("error", bad)):
                upstreams[revision].become(mode)
                for _ in range(times):
                    assert ask(port, headers={"x-tiffin-revision": revision}).status == 200

        return answer

    @pytest.fixture
    def restart(self, gateway):
        def restart():
            gateway.kill()
            gateway.start()

        return restart


def test_counts_bad_requests_that_no_caller_saw(gateway, upstreams, port):
    stable, candidate = upstreams["v1"], upstreams["v2"]
    go_live(gateway.router(), half_and_half(stable, candidate, port))
    candidate.become("sometimes")
    answers = [ask(port, headers={"x-tiffin-revision": "v2"}) for _ in range(100)]
    assert {answer.status for answer in answers} == {200}
    counts = gateway.counters().read("iris").counts
    assert counts == {"v1": Counts(10, 0), "v2": Counts(90, 10)}


@pytest.mark.parametrize("fault", ["killed", "cut", "hang"])
def test_no_answer_is_a_bad_request(gateway, upstreams, port, fault):
    stable, candidate = upstreams["v1"], upstreams["v2"]
    go_live(gateway.router(), half_and_half(stable, candidate, port))
    candidate.kill() if fault == "killed" else candidate.become(fault)
    answer = ask(port, headers={"x-tiffin-revision": "v2"})
    assert (answer.status, answer.revision) == (200, "v1")
    assert gateway.counters().read("iris").counts == {"v1": Counts(1, 0), "v2": Counts(0, 1)}


def test_an_absent_gateway_is_no_zero(tmp_path):
    with pytest.raises(UnavailableError, match="did not answer"):
        EnvoyCounters(("http://127.0.0.1:1", "http://127.0.0.1:2")).read("iris")
