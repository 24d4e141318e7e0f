"""The two slots side by side: weight as a bar, release, healthy count, what the targets do."""

from rich.text import Text

from deployer.model import Slot, SlotState, Snapshot
from deployer.plan import Plan
from deployer.render.words import SLOT_STYLES, bar, one_line, release_of


def slot_lines(seen: Snapshot, plan: Plan | None, width: int) -> tuple[Text, ...]:
    """One line for each slot, within `width` characters as far as names allow."""
    releases = {slot: release_of(seen[slot]) for slot in Slot}
    longest = max(map(len, releases.values()))
    bar_width = max(8, min(40, width - longest - 56))
    return tuple(
        _line(
            seen, slot, releases[slot].ljust(longest), role(plan, slot) if plan else None, bar_width
        )
        for slot in Slot
    )


def role(plan: Plan, slot: Slot) -> str:
    """What the slot is for this plan; empty if nothing."""
    return "candidate" if slot is plan.candidate else "stable" if slot is plan.stable else ""


def _line(seen: Snapshot, slot: Slot, release: str, part: str | None, bar_width: int) -> Text:
    share = seen.weights[slot] if seen.weights and not seen.asleep else 0
    state = seen[slot]
    text = Text("  ")
    text.append(f"{slot:<5}  ", f"bold {SLOT_STYLES[slot]}")
    text.append(f"{part:<9}  " if part is not None else "", "dim")
    text.append(f"{release}  ")
    text.append(bar(share, bar_width), SLOT_STYLES[slot])
    text.append(f" {share / 10:>5g} %  ")
    text.append(health(state), "red" if state.healthy() < state.desired else "")
    apart = seen.admitted
    if apart is not None and apart.slot is slot:
        text.append(f"  + users {one_line(str(apart.cohort))}", SLOT_STYLES[slot])
    return text


def health(state: SlotState) -> str:
    """`2/2 healthy`; with whatever is not as it should be: `1/2 healthy (1 healthy, 1 Pending)`."""
    if state.empty:
        return "empty"
    text = f"{state.healthy()}/{state.desired} healthy"
    if state.healthy() != len(state.instances):
        text += f" ({target_states(state)})"
    return f"{text}, {state.draining} draining" if state.draining else text


def target_states(state: SlotState) -> str:
    """Every instance's state, counted: `1 Pending, 2 healthy`."""
    words = [
        (i.health.value if i.health else "not registered")
        if i.lifecycle == "InService"
        else one_line(i.lifecycle)
        for i in state.instances
    ]
    return ", ".join(f"{words.count(word)} {word}" for word in sorted(set(words)))
