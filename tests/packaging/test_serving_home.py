from __future__ import annotations

from pathlib import Path

from tiffin.packaging.serving_home import ensure_serving_home


def test_reads_the_shared_stores_and_keeps_its_own_metrics(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    homes = [ensure_serving_home(shared, tmp_path / name) for name in ("v1", "v2")]
    (shared / "bentos" / "credit-risk").mkdir()
    for home in homes:
        assert (home / "bentos" / "credit-risk").is_dir()
        (home / "prometheus_multiproc_dir").mkdir()
    assert not (shared / "prometheus_multiproc_dir").exists()


def test_follows_a_shared_home_that_moved_and_may_run_twice(tmp_path: Path) -> None:
    own = tmp_path / "own"
    ensure_serving_home(tmp_path / "before", own)
    for _ in range(2):
        ensure_serving_home(tmp_path / "after", own)
    assert (own / "models").resolve() == (tmp_path / "after" / "models").resolve()
    assert sorted(path.name for path in own.iterdir()) == ["bentos", "models"]
