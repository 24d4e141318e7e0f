"""Commands, as real processes under their guard."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from deployer.aws.hooks import BackgroundHooks
from deployer.aws.tail import KEPT
from deployer.hooks import HookAction, HookReport
from tests.hooks.runs import ended, eventually, hook, python

pytestmark = pytest.mark.alone

STUBBORN = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-I", "-S", "-c", "import signal, time\\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\\nprint('ready', flush=True)\\ntime.sleep(600)"],
    stdout=subprocess.PIPE)
child.stdout.readline()
open(sys.argv[1] + ".new", "w").write(f"{os.getpid()} {child.pid}")
os.rename(sys.argv[1] + ".new", sys.argv[1])
time.sleep(600)
"""


def alive(pid: int) -> bool:
    """It runs: a zombie does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def pids(file: Path) -> list[int]:
    eventually(file.exists)
    return [int(pid) for pid in file.read_text().split()]


def test_a_command_that_ends_well(hooks: BackgroundHooks) -> None:
    hooks.begin(hook(python("import sys; print('out'); print('err', file=sys.stderr)")))
    report = ended(hooks)
    assert (report.state, report.reason) == ("succeeded", "")
    assert sorted(report.output.split()) == ["err", "out"]


def test_what_a_command_is_told(hooks: BackgroundHooks) -> None:
    show = (
        "import os\nfor k in sorted(os.environ):\n if k[:9] == 'DEPLOYER_': print(k, os.environ[k])"
    )
    hooks.begin(hook(python(f"{show}\nprint(os.environ['OWN'])")))
    assert ended(hooks).output.splitlines() == [
        "DEPLOYER_DEPLOYMENT 20270115-080017-6489",
        "DEPLOYER_ENVIRONMENT prod",
        "DEPLOYER_HOOK before_traffic",
        "DEPLOYER_KEY 20270115-080017-6489/before_traffic",
        "DEPLOYER_PREVIOUS v1",
        "DEPLOYER_RELEASE v2",
        "DEPLOYER_SERVICE shop",
        "DEPLOYER_SLOT green",
        "kept",
    ]


@pytest.mark.parametrize(
    ("action", "reason"),
    [
        (python("raise SystemExit(3)"), "exit status 3"),
        (python("import os; os.kill(os.getpid(), 9)"), "killed by SIGKILL"),
        (HookAction(command=("./no-such-program",)), "cannot be run: [Errno 2]"),
        (HookAction(command=("/",)), "cannot be run: [Errno 13]"),
    ],
)
def test_a_command_that_fails(hooks: BackgroundHooks, action: HookAction, reason: str) -> None:
    hooks.begin(hook(action))
    report = ended(hooks)
    assert report.state == "failed"
    assert report.reason.startswith(reason)


def test_at_its_deadline_the_whole_group_is_killed(hooks: BackgroundHooks, tmp_path: Path) -> None:
    """Also processes that do not hear SIGTERM."""
    hooks.begin(hook(python(STUBBORN, str(tmp_path / "pids")), limit_s=2.0))
    group = pids(tmp_path / "pids")
    assert all(map(alive, group))
    assert ended(hooks) == HookReport("failed", "killed at its deadline")
    assert not any(map(alive, group))


def test_the_deadline_is_of_the_deployers_clock(tmp_path: Path) -> None:
    fast = BackgroundHooks(None, "shop", "lab", scale=600.0)  # type: ignore[arg-type]
    fast.begin(hook(python("import time; time.sleep(600)"), limit_s=300.0))
    assert ended(fast).reason == "killed at its deadline"
    fast.close()


def test_closing_ends_it(hooks: BackgroundHooks, tmp_path: Path) -> None:
    hooks.begin(hook(python(STUBBORN, str(tmp_path / "pids")), limit_s=600.0))
    group = pids(tmp_path / "pids")
    hooks.close()
    assert not any(map(alive, group))
    assert hooks.report("anything") is None


def test_the_next_hook_waits_for_the_end_of_one_that_nobody_waits_for(
    hooks: BackgroundHooks, tmp_path: Path
) -> None:
    hooks.begin(hook(python(STUBBORN, str(tmp_path / "pids")), limit_s=600.0))
    group = pids(tmp_path / "pids")
    hooks.end()
    hooks.begin(hook(python("print('next')"), key="next"))
    assert not any(map(alive, group))
    assert ended(hooks, "next").output == "next"


def test_what_a_command_leaves_behind_ends_with_it(hooks: BackgroundHooks, tmp_path: Path) -> None:
    leave = (
        "import subprocess, sys\n"
        "left = subprocess.Popen(['sleep', '600'])\n"
        "open(sys.argv[1], 'w').write(str(left.pid))"
    )
    hooks.begin(hook(python(leave, str(tmp_path / "pids"))))
    assert ended(hooks).state == "succeeded"
    assert not any(map(alive, pids(tmp_path / "pids")))


def test_a_daemon_is_not_waited_for(hooks: BackgroundHooks, tmp_path: Path) -> None:
    """It has left the group, and holds the output open."""
    start = (
        "import subprocess, sys\n"
        "left = subprocess.Popen(['sleep', '600'], start_new_session=True)\n"
        "open(sys.argv[1], 'w').write(str(left.pid))\n"
        "print('started')"
    )
    hooks.begin(hook(python(start, str(tmp_path / "pids"))))
    (left,) = pids(tmp_path / "pids")
    try:
        assert ended(hooks) == HookReport("succeeded", "", "started")
        assert alive(left)
    finally:
        os.kill(left, signal.SIGKILL)


def test_begun_twice_it_runs_once(hooks: BackgroundHooks, tmp_path: Path) -> None:
    mark = python("import sys; open(sys.argv[1], 'a').write('x')", str(tmp_path / "marks"))
    hooks.begin(hook(mark))
    hooks.begin(hook(mark))
    assert ended(hooks).state == "succeeded"
    hooks.begin(hook(mark))
    assert (tmp_path / "marks").read_text() == "x"
    assert hooks.report("another key") is None


def test_of_a_big_output_the_end_is_kept(hooks: BackgroundHooks) -> None:
    """Far more than a pipe holds: it must be drained, and forgotten."""
    hooks.begin(hook(python("import sys; sys.stdout.write('a' * 20_000_000 + 'the end')")))
    report = ended(hooks)
    assert report.state == "succeeded"
    assert report.output == "..." + "a" * (KEPT - 7) + "the end"


def test_our_credentials_are_not_in_the_output(hooks: BackgroundHooks) -> None:
    hooks.begin(hook(python("import os; print(os.environ['AWS_SECRET_ACCESS_KEY'], 'x')")))
    assert ended(hooks).output == "*** x"


RUNNER = """
import sys, time
from deployer.aws import hook_runs
from deployer.aws.hooks import BackgroundHooks
from deployer.hooks import About, HookAction, HookPoint, RunHook
from deployer.model import Slot
hook_runs.GRACE_S = 0.5
hooks = BackgroundHooks(None, "shop", "prod")
action = HookAction(command=tuple(sys.argv[1:]))
about = About("d1", "v2", "v1")
hooks.begin(RunHook("key", HookPoint.ON_ROLLBACK, action, about, Slot.BLUE))
print("begun", flush=True)
time.sleep(600)
"""


def test_a_hook_does_not_outlive_a_runner_that_was_killed(tmp_path: Path) -> None:
    command = python(STUBBORN, str(tmp_path / "pids")).command
    runner = subprocess.Popen([sys.executable, "-c", RUNNER, *command], stdout=subprocess.PIPE)
    group = pids(tmp_path / "pids")
    os.kill(runner.pid, signal.SIGKILL)
    runner.communicate()
    eventually(lambda: not any(map(alive, group)))


def test_a_hook_does_not_hear_the_terminals_signals(tmp_path: Path) -> None:
    """Ctrl-C reaches the whole foreground group: the runner decides what it means to the hook."""
    command = python(STUBBORN, str(tmp_path / "pids")).command
    runner = subprocess.Popen(
        [sys.executable, "-c", RUNNER, *command], stdout=subprocess.PIPE, start_new_session=True
    )
    group = pids(tmp_path / "pids")
    assert os.getpgid(group[0]) not in (runner.pid, os.getpgid(0))
    assert os.getpgid(group[1]) == os.getpgid(group[0])
    os.killpg(runner.pid, signal.SIGKILL)
    runner.communicate()
    eventually(lambda: not any(map(alive, group)))
