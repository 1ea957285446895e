"""What all traffic counters must do; a new implementation's test subclasses this."""

from __future__ import annotations

from tiffin.traffic.counters import Counts


class CountersContract:
    """Subclasses provide `counters`, `answer(revision, good, bad)` and `restart()` as fixtures.

    `answer` makes a Revision of the Service `iris` finish that many requests.
    """

    def test_counts_good_and_bad_requests_of_each_revision_exactly(self, counters, answer):
        answer("v1", good=7, bad=0)
        answer("v2", good=3, bad=2)
        counts = counters.read("iris").counts
        assert counts["v1"] == Counts(7, 0)
        assert counts["v2"] == Counts(3, 2)
        assert counts["v2"].total == 5

    def test_counts_go_on_within_an_epoch(self, counters, answer):
        answer("v1", good=2, bad=0)
        first = counters.read("iris")
        answer("v1", good=3, bad=0)
        second = counters.read("iris")
        assert second.epoch == first.epoch
        assert second.counts["v1"].good - first.counts["v1"].good == 3

    def test_a_restart_is_a_new_epoch_that_begins_at_zero(self, counters, answer, restart):
        answer("v1", good=2, bad=0)
        before = counters.read("iris")
        restart()
        assert counters.read("iris").epoch != before.epoch
        answer("v1", good=1, bad=0)
        assert counters.read("iris").counts["v1"] == Counts(1, 0)

    def test_keeps_services_apart(self, counters, answer):
        answer("v1", good=1, bad=0)
        assert counters.read("iris-2").counts == {}
        assert counters.read("ir").counts == {}
