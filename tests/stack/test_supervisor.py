import os
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tiffin.errors import UnavailableError
from tiffin.home import TiffinHome
from tiffin.stack.daemon import end_supervisord, ensure_supervisord
from tiffin.stack.processes import stack_processes
from tiffin.stack.supervisor import Program, ProgramState, Supervisor

PRINTER = "import os, time; print(os.getcwd(), os.environ['GREETING'], flush=True); time.sleep(600)"


def printer(name: str, greeting: str) -> Program:
    return Program(name, (sys.executable, "-c", PRINTER), {"GREETING": greeting})


def wait_until_printed(supervisor: Supervisor, name: str, text: str) -> None:
    deadline = time.monotonic() + 20
    log = supervisor.log(name)
    while not (log.exists() and text in log.read_text()):
        assert time.monotonic() < deadline, f"{name} did not print {text}"
        time.sleep(0.05)


@pytest.fixture
def supervisor(supervised_home: TiffinHome) -> Supervisor:
    return Supervisor(supervised_home)


def test_runs_with_its_own_folder_and_an_environment_that_needs_no_quoting(
    supervisor: Supervisor, supervised_home: TiffinHome
):
    awkward = """100% "quoted" 'twice' ; # $HOME %(here)s"""
    supervisor.ensure_program(printer("awkward", awkward))
    folder = supervised_home.path / "supervisor" / "work" / "awkward"
    wait_until_printed(supervisor, "awkward", f"{folder} {awkward}")


def test_an_unchanged_program_keeps_its_process(supervisor: Supervisor):
    supervisor.ensure_program(printer("steady", "hello"))
    wait_until_printed(supervisor, "steady", "hello")
    before = supervisor.state("steady").pid
    supervisor.ensure_program(printer("steady", "hello"))
    assert supervisor.state("steady").pid == before


def test_a_changed_program_is_replaced(supervisor: Supervisor):
    supervisor.ensure_program(printer("changing", "first"))
    wait_until_printed(supervisor, "changing", "first")
    supervisor.ensure_program(printer("changing", "second"))
    wait_until_printed(supervisor, "changing", "second")


def test_a_killed_program_comes_back_and_the_launch_is_counted(supervisor: Supervisor):
    supervisor.ensure_program(printer("mortal", "alive"))
    wait_until_printed(supervisor, "mortal", "alive")
    killed = supervisor.state("mortal")
    os.kill(killed.pid, signal.SIGKILL)
    deadline = time.monotonic() + 20
    while supervisor.state("mortal").pid in (0, killed.pid) or (
        supervisor.state("mortal").launches <= killed.launches
    ):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    supervisor.forgive("mortal")
    assert supervisor.state("mortal").launches == 0


def test_children_left_by_a_killed_program_end_before_its_successor_runs(
    supervisor: Supervisor, tmp_path: Path
):
    code = (
        "import os, subprocess, sys, time;"
        "child = subprocess.Popen(['sleep', '600'], start_new_session=True);"
        "print('child', child.pid, flush=True); time.sleep(600)"
    )
    supervisor.ensure_program(Program("parent", (sys.executable, "-c", code)))
    wait_until_printed(supervisor, "parent", "child")
    first_child = int(supervisor.log("parent").read_text().split()[1])
    os.kill(supervisor.state("parent").pid, signal.SIGKILL)
    deadline = time.monotonic() + 20
    while supervisor.log("parent").read_text().count("child") < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert not Path(f"/proc/{first_child}").exists()


def test_what_is_gone_is_absent_and_may_go_twice(supervisor: Supervisor):
    supervisor.ensure_program(printer("leaving", "bye"))
    supervisor.ensure_gone("leaving")
    supervisor.ensure_gone("leaving")
    assert supervisor.state("leaving").state is ProgramState.ABSENT
    assert "leaving" not in {program.name for program in supervisor.programs()}


def test_a_stopped_program_starts_when_it_is_ensured_again(supervisor: Supervisor):
    supervisor.ensure_program(printer("pausing", "on"))
    supervisor.ensure_stopped("pausing")
    assert supervisor.state("pausing").state is ProgramState.STOPPED
    supervisor.ensure_program(printer("pausing", "on"))
    assert supervisor.state("pausing").state in (ProgramState.STARTING, ProgramState.RUNNING)


def test_programs_come_back_after_the_supervisor_and_all_else_was_killed(tmp_path: Path):
    home = TiffinHome(tmp_path / "a home with spaces, 100% odd")
    supervisor = Supervisor(home)
    ensure_supervisord(home)
    try:
        supervisor.ensure_program(printer("survivor", "still here"))
        wait_until_printed(supervisor, "survivor", "still here")
        for process in stack_processes(home.path):
            process.kill()
        with pytest.raises(UnavailableError, match="run `tiffin up`"):
            supervisor.programs()
        assert ensure_supervisord(home)
        assert not ensure_supervisord(home)
        assert supervisor.state("survivor").state is not ProgramState.ABSENT
    finally:
        end_supervisord(home)
    assert stack_processes(home.path) == []


def test_a_program_that_ignores_the_stop_signal_is_killed(supervisor: Supervisor):
    deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True);"
    program = Program("deaf", (sys.executable, "-c", f"{deaf} time.sleep(600)"), stop_seconds=1)
    supervisor.ensure_program(replace(program))
    wait_until_printed(supervisor, "deaf", "deaf")
    supervisor.ensure_gone("deaf")
    assert supervisor.state("deaf").state is ProgramState.ABSENT
