"""The settings of each strategy, and what else to say. For each setting the first row that fits decides."""

from collections.abc import Mapping

from deployer.operations.advice.conditions import AtLeast, AtMost, Below, OneOf
from deployer.operations.advice.table import USED_UP, Row, care, evidence

PLENTY = OneOf("budget", ("plenty",))
NOT_ONE = OneOf("budget", ("none",))
PRODUCTION = OneOf("stage", ("production",))
CAREFUL = care("high", "utmost")
NO_VERDICT = evidence("scarce", "unknown")
FEW = Below("traffic", 0.5)  # less than a hundred in a bake of minutes

CANARY = (
    Row(
        "canary.weights", (10, 50), (evidence("scarce"),),
        "a ramp needs evidence for each share; so few requests give none",
    ),
    Row("canary.weights", "auto", (), "the evidence finds the shares, as fast as it allows"),
    Row("canary.bake", "1h", (evidence("scarce"), care("utmost")), "few requests need long bakes"),
    Row("canary.bake", "30m", (evidence("scarce"),), "few requests need long bakes"),
    Row("canary.bake", "5m", (care("little"),), "little is at stake"),
    Row("canary.bake", "10m", (), "what shows later shows in ten minutes, mostly"),
    Row("canary.final_bake", "5m", (care("little"),), "little is at stake"),
    Row("canary.final_bake", "10m", (care("usual"),), "what shows at full load shows soon, mostly"),
    Row("canary.final_bake", "20m", (care("high"),), "leaks and full queues need their time"),
    Row("canary.final_bake", "30m", (), "leaks and full queues need their time"),
    Row(
        "canary.capacity", "full", (care("utmost"),),
        "a surge of users finds all of the instances",
    ),
    Row("canary.capacity", "full", (PLENTY,), "there is budget for a whole second group"),
    Row("canary.capacity", "matched", (), "instances come ahead of each share, and not before"),
    Row(
        "canary.hold_back", 5, (CAREFUL,),
        "what shows only at full load is judged beside the old release",
    ),
    Row("canary.hold_back", "auto", (), "a twentieth after a ramp, which costs nothing but minutes"),
    Row("canary.hold_back_for", "1h", (care("utmost"),), "an hour at nearly full load, compared"),
    Row("canary.hold_back_for", "20m", (care("high"),), "a while at nearly full load, compared"),
    Row("canary.hold_back_for", "auto", (), "ten minutes after a ramp"),
    Row(
        "canary.approve", (10,), (care("utmost"), evidence("scarce")),
        "requests are too few to tell, so a person looks",
    ),
    Row(
        "canary.approve", (95,), (care("utmost"), evidence("unknown")),
        "nobody knows whether requests tell enough, so a person looks",
    ),
    Row(
        "canary.approve", (95,), (PRODUCTION, USED_UP),
        "nothing may fail any more, so a person looks",
    ),
    Row("canary.approve", (), (), "evidence decides; a person who is asked each time only clicks"),
    Row("canary.linger", "2h", (care("utmost"), PLENTY), "the way back stays one change"),
    Row("canary.linger", "1h", (care("high"), PLENTY), "the way back stays one change"),
    Row("canary.linger", "30m", (care("utmost"),), "the way back stays one change for a while"),
    Row("canary.linger", "20m", (care("high"),), "the way back stays one change for a while"),
    Row("canary.linger", "10m", (), "users of keep-alive connections leave the old slot"),
    Row("analysis.max_time", "30m", (AtMost("verdict", 30),), "the verdict comes within that"),
    Row("analysis.max_time", "1h", (AtMost("verdict", 60),), "the verdict comes within that"),
    Row(
        "analysis.max_time", "1h", (evidence("hours"), care("little", "usual")),
        "the verdict takes longer; nobody should wait for hours for so little risk",
    ),
    Row("analysis.max_time", "2h", (AtMost("verdict", 120),), "the verdict comes within that"),
    Row("analysis.max_time", "4h", (AtMost("verdict", 240),), "the verdict comes within that"),
    Row(
        "analysis.max_time", "4h", (evidence("hours"), care("high")),
        "the verdict takes longer; after that a person decides",
    ),
    Row("analysis.max_time", "8h", (AtMost("verdict", 480),), "the verdict comes within that"),
    Row("analysis.max_time", "24h", (evidence("hours"),), "the verdict comes within that"),
    Row("analysis.max_time", "2h", (evidence("scarce"),), "no time is enough; a person decides"),
    Row("analysis.max_time", "30m", (), "enough from 100 requests/s on"),
    Row(
        "analysis.inconclusive", "hold", (CAREFUL,),
        "what nobody could call good goes on only if a person says so",
    ),
    Row(
        "analysis.inconclusive", "auto", (),
        "most releases are good: nothing was seen against it, and that is on the record",
    ),
    Row("analysis.harm_budget", 5, (Below("affordable", 10),), "the error budget allows hardly any"),
    Row("analysis.harm_budget", 20, (care("utmost"),), "slower, and fewer users meet a bad release"),
    Row("analysis.harm_budget", 20, (Below("affordable", 50),), "the error budget allows few"),
    Row("analysis.harm_budget", 50, (care("high"),), "slower, and fewer users meet a bad release"),
    Row("analysis.harm_budget", 50, (Below("affordable", 100),), "the error budget allows few"),
    Row("analysis.harm_budget", 100, (), "a hundred bad requests are found out about quickly"),
    Row("analysis.min_requests", 20, (evidence("scarce"),), "more do not come in a bake"),
    Row("analysis.min_requests", 100, (), "fewer tell nothing of one percent"),
    Row(
        "analysis.probes", 30, (evidence("scarce"), AtLeast("traffic", 0.5)),
        "as many visitors of the tool's own as users find a dead release sooner",
    ),
    Row(
        "analysis.probes", 6, (evidence("scarce"),),
        "some visitors of the tool's own find a dead release, where hardly a user comes",
    ),
    Row("analysis.probes", 0, (), "users tell enough"),
    Row(
        "environment.stickiness", "1h", (OneOf("two-versions", ("per-user",)),),
        "a cookie keeps each user with one release",
    ),
)  # fmt: skip

BLUE_GREEN = (
    Row("blue_green.bake", "1m", (care("least"),), "nobody is harmed"),
    Row("blue_green.bake", "5m", (care("little"),), "little is at stake"),
    Row("blue_green.bake", "10m", (care("usual"),), "what shows at full load shows soon, mostly"),
    Row("blue_green.bake", "20m", (care("high"),), "leaks and full queues need their time"),
    Row("blue_green.bake", "30m", (), "leaks and full queues need their time"),
    Row("blue_green.window", "0s", (care("least"),), "the next release is the way back"),
    Row("blue_green.window", "10m", (care("little"),), "the way back is one change for a while"),
    Row("blue_green.window", "1h", (care("usual"), PLENTY), "the way back is one change so long"),
    Row("blue_green.window", "30m", (care("usual"),), "the way back is one change, for little money"),
    Row("blue_green.window", "2h", (care("high"), PLENTY), "the way back is one change so long"),
    Row("blue_green.window", "1h", (care("high"),), "the way back is one change so long"),
    Row("blue_green.window", "4h", (PLENTY,), "the way back is one change so long"),
    Row("blue_green.window", "2h", (), "the way back is one change so long"),
    Row(
        "blue_green.approve", True, (care("utmost"), NO_VERDICT),
        "requests do not tell enough, so a person looks",
    ),
    Row(
        "blue_green.approve", True, (PRODUCTION, USED_UP),
        "nothing may fail any more, so a person looks",
    ),
    Row("blue_green.approve", False, (), "evidence decides; who is asked each time only clicks"),
    Row(
        "blue_green.standby", 1, (CAREFUL, PLENTY),
        "a later way back finds an instance that stands already",
    ),
    Row("blue_green.standby", 0, (), "what nobody uses is not paid for"),
)  # fmt: skip

ROLLING = (
    Row(
        "rolling.max_unavailable", 1, (NOT_ONE, care("least", "little", "usual")),
        "not one instance more: one fewer serves at a time",
    ),
    Row("rolling.max_unavailable", 0, (), "capacity never falls"),
    Row(
        "rolling.surge", 0, (NOT_ONE, care("least", "little", "usual")),
        "not one instance more may run",
    ),
    Row("rolling.surge", 1, (NOT_ONE,), "one more for minutes, so that capacity never falls"),
    Row("rolling.surge", "50%", (care("least"),), "quickest: nobody is harmed"),
    Row("rolling.surge", "25%", (care("little", "usual"),), "a quarter meets a bad release first"),
    Row("rolling.surge", "10%", (), "a tenth meets a bad release first"),
    Row("rolling.bake", "30s", (care("least"),), "nobody is harmed"),
    Row("rolling.bake", "1m", (care("little"),), "little is at stake"),
    Row("rolling.bake", "3m", (care("usual"),), "metrics of a batch are there after that"),
    Row("rolling.bake", "5m", (care("high"),), "metrics of several minutes are there after that"),
    Row("rolling.bake", "10m", (), "ten minutes of metrics judge each batch"),
    Row(
        "rolling.until", "25%", (care("utmost"), NO_VERDICT),
        "requests do not tell enough, so a person looks",
    ),
    Row(
        "rolling.until", "25%", (PRODUCTION, USED_UP),
        "nothing may fail any more, so a person looks",
    ),
    Row("rolling.until", "", (), "evidence decides; who is asked each time only clicks"),
)  # fmt: skip

# Where nothing stands beside the release, too few requests would send every release back.
ABSOLUTE = (
    Row(
        "analysis.inconclusive", "hold", (NO_VERDICT, CAREFUL),
        "too few requests would send every release back: a person decides instead",
    ),
    Row(
        "analysis.inconclusive", "hold", (FEW, CAREFUL),
        "too few requests would send every release back: a person decides instead",
    ),
    Row(
        "analysis.inconclusive", "promote", (NO_VERDICT,),
        "too few requests would send every release back, good ones too",
    ),
    Row(
        "analysis.inconclusive", "promote", (FEW,),
        "too few requests would send every release back, good ones too",
    ),
    Row("analysis.inconclusive", "auto", (), "what cannot be called good goes back"),
    Row("analysis.min_requests", 20, (evidence("scarce"),), "more take too long to come"),
    Row("analysis.min_requests", 20, (FEW,), "more take too long to come"),
    Row("analysis.min_requests", 20, (care("least"),), "nobody is harmed, and nobody wants to wait"),
    Row("analysis.min_requests", 100, (), "fewer tell nothing of one percent"),
)  # fmt: skip

SETTINGS: Mapping[str, tuple[Row, ...]] = {
    "canary": CANARY,
    "blue-green": (*BLUE_GREEN, *ABSOLUTE),
    "rolling": (*ROLLING, *ABSOLUTE),
}
