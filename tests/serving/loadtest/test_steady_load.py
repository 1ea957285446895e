from __future__ import annotations

import asyncio
import csv
import json
import signal
import subprocess
import sys
import time

import pytest
from aiohttp import web

from serving.loadtest.steady_load import SteadyLoad, Target


async def _loaded(rate=200.0, seconds=1.0, status=200, bodies=(b"{}",), delay_s=0.0):
    seen = []

    async def answer(request):
        seen.append((request.method, await request.read()))
        await asyncio.sleep(delay_s)
        return web.Response(status=status, headers={"x-tiffin-revision": "v1"})

    app = web.Application()
    app.router.add_route("*", "/predict", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    load = SteadyLoad(Target(f"http://127.0.0.1:{port}/predict", rate=rate, bodies=bodies))
    await load.run(seconds=seconds)
    await runner.cleanup()
    return load, seen


def test_keeps_its_rate_and_records_every_request():
    load, seen = asyncio.run(_loaded())
    summary = load.summary()
    assert 180 <= summary["requests_sent"] <= 201
    assert len(load.timeline) == len(seen) == summary["requests_sent"]
    assert summary["requests_failed"] == 0
    assert summary["revisions"]["v1"]["answers"] == summary["requests_sent"]
    assert summary["revisions"]["v1"]["last"] == pytest.approx(time.time(), abs=5)


def test_slow_answers_do_not_slow_the_sending():
    load, _ = asyncio.run(_loaded(rate=100, delay_s=0.5))
    assert 90 <= load.summary()["requests_sent"] <= 101


def test_sends_the_bodies_in_turn():
    _, seen = asyncio.run(_loaded(rate=50, seconds=0.3, bodies=(b"1", b"2")))
    assert {method for method, _ in seen} == {"POST"}
    assert sorted(body for _, body in seen)[:: len(seen) - 1] == [b"1", b"2"]


def test_anything_but_2xx_is_a_failure():
    load, _ = asyncio.run(_loaded(rate=50, seconds=0.3, status=503))
    summary = load.summary()
    assert summary["requests_failed"] == summary["requests_sent"] > 0
    assert set(summary["statuses"]) == {"503"}


def test_no_answer_is_a_failure_with_a_name():
    load = SteadyLoad(Target("http://127.0.0.1:1/", rate=50))
    asyncio.run(load.run(seconds=0.3))
    summary = load.summary()
    assert summary["requests_failed"] == summary["requests_sent"] > 0
    assert summary["errors"] == {"ClientConnectorError": summary["requests_sent"]}


def test_sigterm_ends_it_with_a_summary_and_a_timeline(tmp_path):
    summary, timeline = tmp_path / "load.json", tmp_path / "load.csv"
    command = [sys.executable, "-m", "serving.loadtest.steady_load", "http://127.0.0.1:1/"]
    options = ["--rate", "50", "--summary", str(summary), "--csv", str(timeline)]
    process = subprocess.Popen([*command, *options], stdout=subprocess.PIPE)
    deadline = time.monotonic() + 20
    while not _has_signal_handler(process.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=20)
    assert process.returncode == 1, "requests failed"
    counted = json.loads(summary.read_text())
    assert json.loads(out) == counted
    with timeline.open() as rows:
        assert len(list(csv.DictReader(rows))) == counted["requests_sent"] > 0


def _has_signal_handler(pid):
    from pathlib import Path

    status = Path(f"/proc/{pid}/status").read_text()
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt"))
    return bool(int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1)
