from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from rich.console import Console

from tiffin.cli.services_table import service_rows, services_table
from tiffin.platform import Platform
from tiffin.release.records import Records


def test_says_what_is_live_and_what_is_on_its_way(platform: Platform) -> None:
    iris, roses = service_rows(platform)
    assert (iris.live, iris.release, iris.phase) == ("v1-aa", "iris-v2-1", "Ramping")
    assert iris.split == {"v1-aa": 0.9, "v2-bb": 0.1}
    assert (roses.live, roses.split, roses.release) == (None, {}, None)


def test_names_the_address_with_the_offset_of_the_stack(platform: Platform) -> None:
    assert service_rows(replace(platform, port_offset=4000))[0].url == "http://127.0.0.1:7001"


def test_shows_the_traffic_though_the_records_are_down(platform: Platform, tmp_path: Path) -> None:
    down = replace(platform, records=Records(f"sqlite:///{tmp_path}/no/such/folder.db"))
    rows = service_rows(down)
    assert rows[0].split == {"v1-aa": 0.9, "v2-bb": 0.1}
    assert rows[0].unknown == (
        "the records database did not answer; start the stack with `tiffin up`"
    )
    console = Console(record=True, width=160)
    console.print(services_table(rows))
    assert "did not answer" not in console.export_text()


def test_the_table_fits_a_wide_terminal(platform: Platform) -> None:
    console = Console(record=True, width=160)
    console.print(services_table(service_rows(platform)))
    text = console.export_text()
    assert "v1-aa 90.0%, v2-bb 10.0%" in text
    assert "iris-v2-1 (Ramping)" in text
    assert "not deployed" in text
