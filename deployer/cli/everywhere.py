"""Several environments of the settings at once: each with its services, each read by itself.

Environments of one Region are read one after the other: they share its clients, and its limits.
What cannot be read of one is told of that one; the others are shown all the same.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby
from typing import TypeVar

from deployer.aws.session import Aws
from deployer.cli.app import App
from deployer.errors import DeployError, NotFound
from deployer.settings.reading import environments
from deployer.settings.schema import Settings
from deployer.wiring import endpoint
from deployer.wiring import services as wiring
from deployer.wiring.services import Services

T = TypeVar("T")


@dataclass(eq=False)
class Place:
    """One environment; its services are made when they are first asked for, and kept."""

    name: str
    app: App

    @property
    def settings(self) -> Settings:
        return self.app.settings

    @cached_property
    def services(self) -> Services:
        return self.app.services

    def read(self, ask: Callable[[Services], T]) -> T | DeployError:
        """The answer, or why there is none."""
        try:
            return ask(self.services)
        except DeployError as error:
            return error


@dataclass
class Everywhere:
    """All environments of the settings, in the order of the file."""

    places: Sequence[Place]

    def read(self, ask: Callable[[Services], T]) -> Iterator[tuple[Place, T | DeployError]]:
        """Every environment's answer; Regions are asked side by side."""
        regions = self._regions
        with ThreadPoolExecutor(max_workers=max(1, len(regions))) as pool:
            answers = dict(
                pair
                for pairs in pool.map(lambda part: [(p.name, p.read(ask)) for p in part], regions)
                for pair in pairs
            )
        return ((place, answers[place.name]) for place in self.places)

    def any(self) -> Services:
        """Those of the first environment that answers.

        Raises:
            DeployError: none does.
        """
        problem: DeployError | None = None
        for place in self.places:
            try:
                return place.services
            except DeployError as error:
                problem = problem or error
        raise problem or NotFound("the settings have no environment")

    @cached_property
    def _regions(self) -> list[list[Place]]:
        known = sorted(self.places, key=_region)
        return [list(part) for _, part in groupby(known, key=_region)]


def asked_for(app: App, *, every: bool) -> Everywhere | None:
    """All environments, if that is what is meant: nobody named one, and there are several.

    every: whatever was named, and how many there are.

    Raises:
        NotFound, SettingsInvalid: as `App.settings`.
    """
    names = environments(app.found())
    if not every and (app.environment is not None or len(names) == 1):
        return None
    joined = replace(app, connect=sharing()) if app.connect is wiring.connect else app
    places = [Place(name, replace(joined, environment=name)) for name in names]
    for place in places:
        _ = place.settings  # a mistake in the file is told at once, not as one environment's
    return Everywhere(places)


def sharing() -> Callable[[Settings], Services]:
    """`wiring.connect`, with one set of clients for each Region."""
    made: dict[str, Aws] = {}

    def connect(settings: Settings) -> Services:
        region = settings.environment.region
        if region not in made:
            made[region] = endpoint.clients(region, endpoint.chosen_clock(os.environ))
        return wiring.connect(settings, aws=made[region])

    return connect


def _region(place: Place) -> str:
    return place.settings.environment.region
