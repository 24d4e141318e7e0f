"""What `deployer recommend` does: gather answers, ask for advice, write it down."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from deployer.analysis.dispersion import Base
from deployer.cli.app import App
from deployer.cli.init import keep
from deployer.cli.interview import ask
from deployer.errors import DeployError
from deployer.operations import usual
from deployer.operations.advice import questions
from deployer.operations.advice.advise import advise, changes
from deployer.operations.advice.circumstances import Circumstances, stage_of
from deployer.operations.advice.questions import (
    Criticality,
    Database,
    Question,
    Spare,
    Stage,
    Together,
)
from deployer.render.advice import Answer, Setting, Told
from deployer.render.words import one_line
from deployer.settings.reading import vet
from deployer.settings.schema import Settings
from deployer.settings.terms import wish_of
from deployer.settings.writing import as_meant, as_now, edited

UNKNOWN = "unknown"


@dataclass
class Inquiry:
    """The answers: what flags say, what can be read, what a person says, what is assumed.

    given:  by the question's name; None: no flag.
    person: there is somebody to ask.
    """

    app: App
    given: Mapping[str, str | None]
    person: bool
    answers: list[Answer] = field(default_factory=list)

    @cached_property
    def settings(self) -> Settings | None:
        """The environment's; None: there is no file yet."""
        return self.app.settings if self.app.config.exists() else None

    @property
    def place(self) -> str:
        """`shop/prod`, or the environment alone."""
        if self.settings is None:
            return self.app.environment or "prod"
        return f"{self.settings.service.name}/{self.settings.environment.name}"

    def circumstances(self) -> Circumstances:
        """Every question, in the order in which a person is asked."""
        stage = Stage(self._one(replace(questions.STAGE, assumed=self._stage())))
        criticality = Criticality(self._one(questions.CRITICALITY))
        sla = float(self._one(questions.SLA))
        budget = float(self._one(questions.ERROR_BUDGET, ask_it=bool(sla)))
        traffic, bases = self._traffic()
        return Circumstances(
            stage=stage, criticality=criticality, sla=sla, error_budget=budget, traffic=traffic,
            together=Together(self._one(questions.TOGETHER)),
            spare=Spare(self._one(questions.SPARE)),
            database=Database(self._one(questions.DATABASE)),
            usual=bases,
        )  # fmt: skip

    def _stage(self) -> Stage:
        """What the environment probably is: one that may be torn down has no users."""
        if self.settings is not None and self.settings.teardown.ephemeral:
            return Stage.DEVELOPMENT
        return stage_of(self.place.rpartition("/")[2])

    def _one(self, question: Question, *, ask_it: bool = True, note: str = "") -> str:
        said = self.given.get(question.name)
        if said is not None:
            return self._told(question, said, "flag")
        if self.person and ask_it:
            return self._told(question, ask(question), "asked", note)
        return self._told(question, question.assumed, "assumed", note)

    def _told(self, question: Question, answer: str, source: str, note: str = "") -> str:
        self.answers.append(Answer(question.name, answer or UNKNOWN, source, note))
        return answer

    def _traffic(self) -> tuple[float | None, Mapping[str, Base]]:
        """Requests a second, and how they fail usually."""
        why = ""
        if self.given.get(questions.TRAFFIC.name) is None and self.settings is not None:
            if self.person:
                self.app.output.note("\nReading the traffic of the last day ...")
            found = past_of(self.app, self.settings)
            if isinstance(found, usual.Past) and found.requests_per_min is not None:
                a_second = found.requests_per_min / 60
                note = f"the newest {usual.LATELY_MIN} minutes with users, of the last day"
                self._told(questions.TRAFFIC, f"{a_second:.3g}", "read", note)
                return a_second, found.bases
            why = found if isinstance(found, str) else "the last day has too few minutes of traffic"
        said = self._one(questions.TRAFFIC, note=why)
        return (float(said) if said else None), {}

    def may_write(self, told: Told) -> bool:
        """There is something to write, nobody has said yet that it shall be, and somebody to ask."""
        new = any(each.new for each in told.settings)
        return self.person and new and not told.written and self.settings is not None

    def last_word(self, told: Told, *, write: bool) -> str:
        """What was written, or how it can be."""
        if told.written:
            return f"{told.written} is written; the one of before is kept beside it"
        if not any(each.new for each in told.settings):
            return f"{self.app.config.name} says all of that already"
        if write or self.settings is None:
            return "no settings to write to: `deployer init` makes them"
        return "the same command with --write writes what is marked with * into the settings"


def past_of(app: App, settings: Settings) -> usual.Past | str:
    """What the slot that serves did in the last day; or why nobody knows."""
    try:
        services = app.services
        return usual.past(services, services.cloud.observe(), wish_of(settings.analysis))
    except DeployError as error:
        return one_line(str(error))


def told_of(inquiry: Inquiry) -> Told:
    """The advice, beside what the settings say now."""
    circumstances = inquiry.circumstances()
    advice, settings = advise(circumstances), inquiry.settings
    rows = tuple(
        Setting(key, as_meant(key, value), as_now(settings, key) if settings else "")
        for key, value in advice.settings.items()
    )
    return Told(inquiry.place, tuple(inquiry.answers), advice, rows, changes(circumstances))


def write_down(app: App, told: Told) -> Told:
    """What differs, into the environment's own sections; nothing where nothing differs.

    Raises:
        SettingsInvalid: the file would contradict itself, or cannot be edited; nothing was written.
    """
    new = {each.key: told.advice.settings[each.key] for each in told.settings if each.new}
    if not new:
        return told
    name, path = app.settings.environment.name, app.config.resolve()
    text = edited(path.read_bytes().decode("utf-8"), name, new)
    vet(text.removeprefix("\ufeff"), name, f"{app.config} is not written:")
    fresh = path.with_name(f"{path.name}.new")
    fresh.write_bytes(text.encode("utf-8"))
    shutil.copymode(path, fresh)
    keep(path)
    fresh.replace(path)
    return replace(told, written=str(app.config))
