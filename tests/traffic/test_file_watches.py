from __future__ import annotations

import subprocess
import sys

import pytest

from tiffin.traffic.file_watches import check_room_for_watches, watches_needed

ASK_WITH_FEW_DESCRIPTORS = """
import resource
from tiffin.errors import RefusedError
from tiffin.traffic.file_watches import check_room_for_watches
resource.setrlimit(resource.RLIMIT_NOFILE, (6, 6))
try:
    check_room_for_watches(2)
except RefusedError as error:
    print(error.code)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's")
def test_refuses_when_no_watch_is_left():
    done = subprocess.run(
        [sys.executable, "-c", ASK_WITH_FEW_DESCRIPTORS], capture_output=True, text=True
    )
    assert done.stdout.strip() == "no-room-for-watches", done.stderr


def test_leaves_nothing_taken():
    for _ in range(50):
        check_room_for_watches(2)


def test_a_service_takes_a_watch_of_each_envoy_and_a_dead_one_will_want_its_own_back():
    assert watches_needed(10, envoys=2, dead=0) == 2
    assert watches_needed(10, envoys=2, dead=1) == 2 + 12
