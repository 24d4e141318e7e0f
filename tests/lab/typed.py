"""Every command of the tree as somebody types it, one after the other, in one lab. Data."""

from dataclasses import dataclass

from .conftest import as_sample

SETTINGS = as_sample("""
[environments.lab.teardown]
ephemeral = true
window = "1m"
requests = 1000000

[environments.lab.canary]
weights = [50]
bake = "1m"
final_bake = "1m"
linger = "1m"

[environments.lab.blue_green]
bake = "1m"
window = "1m"

[environments.lab.analysis]
min_requests = 1
inconclusive = "promote"
metrics_delay = "1s"
max_time = "3m"

[environments.lab.probe]
path = "/health"

[sweep]
enabled = false

[waves]
order = [["lab"]]
""")


@dataclass(frozen=True)
class Typed:
    """One command on a terminal.

    words:   after `deployer`, as in a shell; ID is the newest deployment
    status:  what it ends with
    shows:   what must be on the screen
    until:   of one that goes on: what is waited for; then comes a SIGTERM, or
    meanwhile: what is typed on other terminals; its own end is waited for
    answers: what it asks, and what is typed then
    wide:    its lines are for a shell or a browser, which do not mind how long they are
    """

    words: str
    status: int = 0
    shows: str = ""
    until: str = ""
    answers: tuple[tuple[str, str], ...] = ()
    meanwhile: tuple["Typed", ...] = ()
    wide: bool = False


TYPED = (
    Typed("lab up --detach", shows="lab"),
    Typed("lab env", shows="export", wide=True),
    Typed("lab status"),
    Typed("verify", shows="lab"),
    Typed("lab release v1"),
    Typed("lab release v2"),
    Typed("lab release v3 --error-rate 0.5"),
    Typed("lab load --rps 20 --duration 3s", shows="requests"),
    Typed("lab incident --error-rate 0.1"),
    Typed("lab incident --end"),
    Typed("lab certificate", shows="certificate = ", wide=True),
    Typed("lab cdk -- ls", shows="shop-lab-service"),
    Typed("windows", shows="lab"),
    Typed("status"),
    Typed("history"),
    Typed("recommend --no-input", shows="Settings"),
    Typed("recommend --traffic 20", shows="Settings", answers=(
        ("this environment?", ""), ("for some minutes?", ""), ("promised, in percent", "99.9"),
        ("budget is left", ""), ("at the same time?", "per-user"), ("while it lasts?", ""),
        ("in the database, or", ""), ("[y/N]", "n"),
    )),
    Typed("canary v1 --dry-run", shows="first v1 in shop/lab"),
    Typed("canary v1", shows="v1 shipped in"),
    Typed("canary nothing", status=2, shows="no release nothing"),
    Typed("status", shows="serves v1 100 %"),
    Typed("cost v2", shows="extra instance hours"),
    Typed("deploy v2 --dry-run", shows="canary v2 in shop/lab"),
    Typed("rolling v2 --dry-run", shows="rolling v2 in shop/lab"),
    Typed("fleet v2 --dry-run", status=1, shows="deploy its runner stack"),
    # The bake is over soon; what waits for a person waits for a day.
    Typed("canary v2", until=" ▶  4", shows="v2 shipped in", meanwhile=(Typed("promote", shows="asked"),)),
    Typed("canary v1 --approve 50", until=" ▶  5", shows="v1 shipped in", meanwhile=(
        Typed("status", shows="possible now"),
        Typed("history", shows="running"),
        Typed("canary v2", status=5, shows="is taken by canary v1"),
        Typed("pause", shows="to pause"),
        Typed("resume", shows="to go on"),
        Typed("approve", shows="as approved"),
    )),
    Typed("blue-green v2", until=" ▶  4", status=3, shows="rolled back", meanwhile=(Typed("abort"),)),
    Typed("canary v3", status=3, shows="rolled back"),
    Typed("replay ID", shows="ours"),
    Typed("rolling v2", status=143, until=" ▶  1", shows="stopped by a signal"),
    Typed("status", shows="deployer resume"),
    Typed("resume", shows="v2 shipped in"),
    Typed("deploy v1", shows="v1 shipped in"),
    Typed("rollback", shows="v2"),
    Typed("history", shows="v1"),
    Typed("history --cost", shows="exposed"),
    Typed("show ID"),
    Typed("report", shows="v2"),
    Typed("report --html report.html"),
    Typed("status --watch", until="v2"),
    Typed("dashboard", until="http://127.0.0.1", wide=True),
    Typed("supervise --once"),
    Typed("settle"),
    Typed("publish app.tar.gz --name v9", shows="v9"),
    Typed("teardown lab --dry-run", shows="sleep"),
    Typed("teardown lab"),
    Typed("wake", shows="v2"),
    Typed("extend 8h", shows="no schedule touches it"),
    Typed("completion bash", shows="complete", wide=True),
    Typed("init --service other --region us-east-1 --image ami-0abcdef1234567890 --force"),
    Typed("lab down"),
)  # fmt: skip

ALL = tuple(each for typed in TYPED for each in (typed, *typed.meanwhile))

ELSEWHERE = {
    "demo": "a lab of its own: tests/lab/test_end_to_end.py::test_the_demo_keeps_every_promise",
}
"""Commands that are not in the story, and who runs them."""
