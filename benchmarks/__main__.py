"""`make bench`: every benchmark, one after the other; `python -m benchmarks NAME` runs one."""

import sys

from benchmarks import in_flight, judged, lab, scale, simulated, start, synth, verdict

BENCHMARKS = {
    "start": start.main,
    "simulated": simulated.main,
    "scale": scale.main,
    "in_flight": in_flight.main,
    "judged": judged.main,
    "lab": lab.main,
    "verdict": verdict.main,
    "synth": synth.main,
}


def main(names: list[str]) -> int:
    """Run the named benchmarks, or all of them."""
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        print(f"no benchmark {', '.join(unknown)}; there are: {', '.join(BENCHMARKS)}")
        return 2
    for name in names or BENCHMARKS:
        BENCHMARKS[name]()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
