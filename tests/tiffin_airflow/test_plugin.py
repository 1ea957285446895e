from __future__ import annotations

import runpy
import subprocess
import sys

from tiffin.home import PROJECT

PLUGINS = PROJECT / "plugins"


def test_airflow_loads_the_registration_and_nothing_beside_it():
    lines = (PLUGINS / ".airflowignore").read_text().split()
    assert lines == ["*", "!*_plugin.py"]
    assert [file.name for file in PLUGINS.glob("*.py")] == ["tiffin_plugin.py"]


def test_registers_the_routes_below_a_prefix_of_their_own():
    plugin = runpy.run_path(str(PLUGINS / "tiffin_plugin.py"))["TiffinPlugin"]
    (routes,) = plugin.fastapi_apps
    assert routes["url_prefix"] == "/tiffin"
    assert [link.name for link in plugin.operator_extra_links] == ["Validation report"]


def test_processes_that_serve_nothing_do_not_load_the_server():
    code = (
        "import sys, runpy, airflow.plugins_manager; before = set(sys.modules);"
        f"runpy.run_path({str(PLUGINS / 'tiffin_plugin.py')!r});"
        "print({'fastapi', 'tiffin.platform'} & (set(sys.modules) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert done.stdout.splitlines()[-1] == "set()"
