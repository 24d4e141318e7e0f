"""What a plan was expected to come to before it began, and what it has used since. Pure data, of the record.

How it is found out: `operations.foreseeing`. What is not known is None, never zero.
"""

import msgspec


class Assumed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an outlook rests on.

    boot_s:           from the launch of an instance until it is healthy in its target group.
    measured:         that is what earlier deployments here took; else it is taken for granted.
    drain_s:          from its deregistration until it is gone.
    requests_per_min: of all users; None: not known, and taken for enough to judge by.
    failing:          share of its requests, 0..1, that a bad release fails.
    """

    boot_s: float
    measured: bool = False
    drain_s: float = 30.0
    requests_per_min: float | None = None
    failing: float = 0.05


class Bad(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What becomes of a release that fails so many of its requests (`Assumed.failing`).

    exposed: requests that it answers until it is found out; None: how many come is not known.
    failed:  of these, as many fail.
    found_s: from its first user until it is found out.
    back_s:  from then until nobody reaches it any more.
    """

    exposed: float | None
    failed: float | None
    found_s: float
    back_s: float


class Price(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an hour of one instance costs.

    usd:    On-Demand, Linux, in US dollars.
    type:   of the instance, `t3.micro`; several, if the fleet has several: then this is their mean.
    source: where that is from, and of when, for people.
    """

    usd: float
    type: str
    source: str


class Reduced(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The fleet was too large to be simulated as it is, so a smaller one like it was.

    one_to:  real instances that each simulated one stands for.
    batches: of a rolling deployment that were rehearsed, of `of_batches`; the rest is reckoned from
             them. None: all of them were.
    """

    one_to: float
    batches: int | None = None
    of_batches: int | None = None


class Outlook(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One plan, carried out by the engine in a simulated environment like the real one.

    full_s:      until the release has all of the traffic, without the time that people take.
    end_s:       until nothing is left to do, without that either.
    extra_hours: of instances, beyond those there were when it began, until its end.
    price:       of one such hour; None: unknown.
    people:      how many times it waits for a person.
    bad:         what becomes of a bad release; None: unknown, `unfound` says why.
    undo_s:      from `deployer rollback` after its end until nobody reaches the release; None: unknown.
    why:         what is unknown and why, for people: a sentence each.
    reduced:     how much smaller the simulated fleet was; None: it was as large as the real one.
    """

    assumed: Assumed
    full_s: float | None = None
    end_s: float | None = None
    extra_hours: float | None = None
    price: Price | None = None
    people: int = 0
    bad: Bad | None = None
    unfound: str = ""
    undo_s: float | None = None
    why: tuple[str, ...] = ()
    reduced: Reduced | None = None

    @property
    def usd(self) -> float | None:
        """What the extra instance hours cost, in US dollars."""
        if self.price is None or self.extra_hours is None:
            return None
        return self.price.usd * self.extra_hours


class Spent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Instances of both slots over the time of a deployment.

    before:     as many there were at its first look.
    now:        at the look at `at`, epoch seconds.
    instance_s: seconds of instances until then; between two looks as many as at the first of them.
    """

    before: int
    at: float
    now: int
    instance_s: float = 0.0

    def until(self, at: float, instances: int) -> "Spent":
        """The same with the time since, and as many from then on."""
        gone_s = max(0.0, at - self.at)
        return Spent(
            before=self.before, at=at, now=instances,
            instance_s=self.instance_s + self.now * gone_s,
        )  # fmt: skip

    def extra_hours(self, since: float) -> float:
        """Hours of instances beyond those there were, since `since`, epoch seconds."""
        return (self.instance_s - self.before * (self.at - since)) / 3600
