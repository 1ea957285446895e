"""What every router must do; a new implementation's test subclasses this and makes a `router`."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tiffin.errors import FencedError
from tiffin.traffic.split import WHOLE, Split


class RouterContract:
    """Subclasses provide the fixtures `router`, `stable`, `candidate`, `port` and `other_port`.

    `stable` and `candidate` are functions from a weight to a Backend that really answers.
    """

    @pytest.fixture
    def split(self, stable, port):
        return Split("iris", port, (stable(WHOLE),), stable(0).revision)

    @pytest.fixture
    def routed(self, router, split):
        router.take_over("iris", "r1", generation=0)
        return router.write(split, release="r1")

    def test_knows_nothing_of_a_service_that_was_never_routed(self, router):
        assert router.read("iris") is None
        assert router.services() == ()

    def test_a_first_write_is_generation_one(self, router, routed, split):
        assert (routed.split, routed.holder, routed.generation) == (split, "r1", 1)
        assert router.read("iris") == routed
        assert router.services() == ("iris",)

    def test_a_holder_without_a_write_is_no_route(self, router):
        assert router.take_over("iris", "r1", generation=0) is None
        assert router.read("iris") is None
        assert router.services() == ()

    def test_refuses_a_write_that_nobody_took_over_for(self, router, split):
        with pytest.raises(FencedError):
            router.write(split, release="r1")
        assert router.read("iris") is None

    def test_each_write_grows_the_generation_and_the_same_write_does_not(
        self, router, routed, split, candidate
    ):
        shifted = split.shifted(candidate(1_000))
        assert router.write(shifted, release="r1").generation == 2
        assert router.write(shifted, release="r1").generation == 2
        assert router.read("iris").split == shifted

    def test_fences_the_release_that_lost(self, router, routed, split, candidate):
        router.take_over("iris", "r2", generation=1)
        with pytest.raises(FencedError):
            router.write(split.shifted(candidate(1_000)), release="r1")
        assert router.read("iris").split == split

    def test_the_new_holder_may_write(self, router, routed, split, candidate):
        assert router.take_over("iris", "r2", generation=1).holder == "r2"
        route = router.write(split.shifted(candidate(1_000)), release="r2")
        assert (route.holder, route.generation) == ("r2", 3)

    def test_of_two_who_read_the_same_generation_the_second_is_refused(self, router, routed):
        router.take_over("iris", "r2", generation=1)
        with pytest.raises(FencedError):
            router.take_over("iris", "r3", generation=1)
        assert router.read("iris").holder == "r2"

    def test_a_write_at_a_generation_takes_over_in_the_same_step(
        self, router, routed, split, candidate
    ):
        shifted = split.shifted(candidate(1_000))
        route = router.write(shifted, release="r2", at=1)
        assert (route.holder, route.split) == ("r2", shifted)
        with pytest.raises(FencedError):
            router.write(split, release="r1")

    def test_a_write_at_a_generation_that_moved_on_changes_nothing(
        self, router, routed, split, candidate
    ):
        router.write(split.shifted(candidate(1_000)), release="r1")
        before = router.read("iris")
        for release in ("r1", "r2"):
            with pytest.raises(FencedError):
                router.write(split, release=release, at=1)
        assert router.read("iris") == before

    def test_a_first_holder_that_never_wrote_gives_way(self, router):
        router.take_over("tea", "r1", generation=0)
        assert router.take_over("tea", "r2", generation=0) is None

    def test_refuses_to_take_over_when_the_generation_moved_on(
        self, router, routed, split, candidate
    ):
        router.write(split.shifted(candidate(1_000)), release="r1")
        with pytest.raises(FencedError):
            router.take_over("iris", "r2", generation=1)
        assert router.read("iris").holder == "r1"

    def test_taking_over_twice_is_taking_over_once(self, router, routed):
        first = router.take_over("iris", "r2", generation=1)
        assert router.take_over("iris", "r2", generation=1) == first

    def test_remembers_the_previous_revision_until_it_is_retired(
        self, router, routed, split, stable, candidate
    ):
        old, new = stable(0).revision, candidate(0).revision
        promoted = split.shifted(candidate(1_000)).promoted(new)
        assert router.write(promoted, release="r1", previous=old).previous == old
        tuned = replace(promoted, sticky_header="x-user")
        assert router.write(tuned, release="r1").previous == old
        assert router.write(tuned.without(old), release="r1").previous is None

    def test_keeps_services_apart(self, router, routed, stable, other_port):
        other = Split("wine", other_port, (stable(WHOLE),), stable(0).revision)
        router.take_over("wine", "r9", generation=0)
        router.write(other, release="r9")
        assert router.services() == ("iris", "wine")
        assert router.read("iris") == routed
