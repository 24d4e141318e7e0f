"""deployer.toml -> Settings: parse, merge the environment's overrides, check, judge.

Precedence, weakest first: the defaults, [canary] and its like, [environments.NAME.canary] and its
like, what the caller overrides (command-line flags).
"""

import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from msgspec import Struct
from msgspec.structs import fields

from deployer.errors import NotFound, SettingsInvalid
from deployer.settings import pipeline as pipelines
from deployer.settings import waves
from deployer.settings.checking import as_written, joined, reject_unknown, spelled, struct, written
from deployer.settings.cost import CostSettings
from deployer.settings.existing import ExistingSettings
from deployer.settings.freezing import WindowsSettings
from deployer.settings.hooks import HooksSettings
from deployer.settings.notify import NotifySettings
from deployer.settings.pipeline import PipelineSettings
from deployer.settings.rules import objections
from deployer.settings.schema import (
    AnalysisSettings,
    BlueGreenSettings,
    CanarySettings,
    EnvironmentSettings,
    ExistingEnvironment,
    JournalSettings,
    ProbeSettings,
    ProvisionSettings,
    ReleaseSettings,
    RollingSettings,
    ServiceSettings,
    Settings,
)
from deployer.settings.stacks import (
    BalancerSettings,
    FleetSettings,
    MonitoringSettings,
    NetworkSettings,
    RunnerSettings,
)
from deployer.settings.teardown import SweepSettings, TeardownSettings
from deployer.settings.telemetry import TelemetrySettings
from deployer.settings.waves import WavesSettings

# Sections that an environment, or a caller, may override.
TUNABLE: Mapping[str, type[Struct]] = {
    "canary": CanarySettings,
    "blue_green": BlueGreenSettings,
    "rolling": RollingSettings,
    "analysis": AnalysisSettings,
    "probe": ProbeSettings,
    "provision": ProvisionSettings,
    "journal": JournalSettings,
    "hooks": HooksSettings,
    "network": NetworkSettings,
    "balancer": BalancerSettings,
    "fleet": FleetSettings,
    "cost": CostSettings,
    "monitoring": MonitoringSettings,
    "runner": RunnerSettings,
    "notify": NotifySettings,
    "telemetry": TelemetrySettings,
    "teardown": TeardownSettings,
    "windows": WindowsSettings,
}
EXISTING = "existing"  # a section that only environments have
_SECTIONS = ("service", "release", *TUNABLE, "sweep", "waves", "pipeline", "environments")
_NOTHING: Mapping[str, Any] = MappingProxyType({})


def load(
    path: Path, environment: str | None = None, overrides: Mapping[str, Any] = _NOTHING
) -> Settings:
    """The settings of one environment.

    Args:
        path:        the file, usually ./deployer.toml.
        environment: its name; None picks the only one there is.
        overrides:   values as the file would have them, by dotted key: {"canary.bake": "2m"}.

    Raises:
        NotFound: no such file, or no such environment in it (says which there are).
        SettingsInvalid: anything in the file is wrong: key, value, and what is allowed.
    """
    document = _document(path)
    name = _chosen(document, environment, path)
    settings = _settings(document, name, overrides, f"{path.name}:")
    return _checked(settings, name, f"{path.name}:", overrides)


def load_waves(path: Path) -> tuple[WavesSettings | None, Mapping[str, Settings]]:
    """The file's waves, judged with the environments that they go through, and those by name.

    None: it has no [waves].

    Raises:
        NotFound, SettingsInvalid: as `load`.
    """
    document = _document(path)
    where = f"{path.name}:"
    every = {name: load(path, name) for name in document["environments"]}
    if "waves" not in document:
        return None, every
    found = struct(WavesSettings, document["waves"], f"{where} waves")
    for key, allowed in waves.objections(found, every):
        value = written(found, key.partition(".")[2])
        raise SettingsInvalid(f"{where} {key} = {value}: must be {allowed}")
    return found, every


def load_pipeline(path: Path) -> PipelineSettings | None:
    """The file's pipeline, judged with the environments that it goes through; None: it has none.

    Raises:
        NotFound, SettingsInvalid: as `load`.
    """
    document = _document(path)
    if "pipeline" not in document:
        return None
    where = f"{path.name}:"
    pipeline = struct(PipelineSettings, document["pipeline"], f"{where} pipeline")
    every = {name: load(path, name) for name in document["environments"]}
    for key, allowed in pipelines.objections(pipeline, every):
        found = written(pipeline, key.partition(".")[2])
        raise SettingsInvalid(f"{where} {key} = {found}: must be {allowed}")
    return pipeline


def made(
    service: ServiceSettings, environment: EnvironmentSettings, sections: Mapping[str, Struct]
) -> Settings:
    """Settings made in code, judged like those of a file; sections not given have their defaults.

    Args:
        service:     what runs.
        environment: where.
        sections:    the others, by name: {"balancer": BalancerSettings(...)}; "release" is one.

    Raises:
        SettingsInvalid: something in them is wrong: key, value, and what is allowed.
    """
    parts: dict[str, Any] = {
        "service": service,
        "environment": environment,
        "release": ReleaseSettings(),
        "sweep": SweepSettings(),
        **{name: kind() for name, kind in TUNABLE.items()},
        **sections,
    }
    for name, part in parts.items():
        table = {field.encode_name: getattr(part, field.name) for field in fields(part)}
        # Hooks are tables of their own, whose values were judged when they were made.
        if name != "hooks":
            plain = {key: as_written(value) for key, value in table.items()}
            struct(type(part), plain, f"props: {name}")
    return _checked(Settings(**parts), environment.name, "props:")


def vet(text: str, environment: str, where: str) -> None:
    """Refuse what `load` would refuse later, of a file that is still to be written.

    Args:
        text:        of the file.
        environment: its name in it.
        where:       begins the complaint: "deployer.toml is not written:".

    Raises:
        SettingsInvalid: as `load`.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsInvalid(f"{where} not TOML: {error}") from None
    _shape(document, where)
    _checked(_settings(document, environment, _NOTHING, where), environment, where)


def environments(path: Path) -> tuple[str, ...]:
    """The names of the environments in the file, in its order.

    Raises:
        NotFound, SettingsInvalid: as `load`.
    """
    return tuple(_document(path)["environments"])


def _document(path: Path) -> Mapping[str, Any]:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise NotFound(
            f"{path}: no such file; copy deployer.example.toml to {path} and fill it in, "
            "or name another with --config or DEPLOYER_CONFIG"
        ) from None
    except OSError as error:
        raise SettingsInvalid(f"{path}: cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsInvalid(f"{path}: is not TOML: {error}") from None
    _shape(document, f"{path.name}:")
    return document


def _shape(document: Mapping[str, Any], where: str) -> None:
    for section, table in document.items():
        reject_unknown(section, _SECTIONS, where)
        _require_table(table, joined(where, section))
    for section in ("service", "environments"):
        if not document.get(section):
            raise SettingsInvalid(f"{where} [{section}] is missing; see deployer.example.toml")
    for name, table in document["environments"].items():
        _require_table(table, f"{where} environments.{name}")
        for section in (*TUNABLE, EXISTING):
            _require_table(table.get(section, {}), f"{where} environments.{name}.{section}")


def _require_table(value: Any, where: str) -> None:
    if not isinstance(value, dict):
        raise SettingsInvalid(f"{where} = {spelled(value)}: must be a section with keys of its own")


def _chosen(document: Mapping[str, Any], environment: str | None, path: Path) -> str:
    names: tuple[str, ...] = tuple(document["environments"])
    if environment is not None and environment in names:
        return environment
    if environment is None and len(names) == 1:
        return names[0]
    if environment is None:
        raise SettingsInvalid(f"{path}: name an environment with --env: {', '.join(names)}")
    raise NotFound(f"{path}: no environment {environment!r}; there is: {', '.join(names)}")


def _settings(
    document: Mapping[str, Any], name: str, overrides: Mapping[str, Any], where: str
) -> Settings:
    own = document["environments"][name]
    place = {key: value for key, value in own.items() if key not in (*TUNABLE, EXISTING)}
    there = EXISTING in own
    return Settings(
        service=struct(ServiceSettings, document["service"], f"{where} service"),
        release=struct(ReleaseSettings, document.get("release", {}), f"{where} release"),
        sweep=struct(SweepSettings, document.get("sweep", {}), f"{where} sweep"),
        environment=struct(
            ExistingEnvironment if there else EnvironmentSettings,
            place,
            f"{where} environments.{name}",
            {"name": name},
        ),
        existing=struct(ExistingSettings, own[EXISTING], f"{where} environments.{name}.{EXISTING}")
        if there
        else None,
        **_tuned(document, name, _by_section(overrides), where),
    )


def _tuned(
    document: Mapping[str, Any], name: str, overrides: Mapping[str, Any], where: str
) -> dict[str, Any]:
    """Each layer is checked by itself, so that a complaint names the place of the mistake."""
    tuned: dict[str, Any] = {}
    for section, kind in TUNABLE.items():
        layers = {
            f"{where} {section}": document.get(section, {}),
            f"{where} environments.{name}.{section}": document["environments"][name].get(
                section, {}
            ),
            f"option: {section}": overrides.get(section, {}),
        }
        for place, table in layers.items():
            struct(kind, table, place)
        merged = {key: value for table in layers.values() for key, value in table.items()}
        tuned[section] = struct(kind, merged, f"{where} {section}")
    return tuned


def _by_section(overrides: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    sections: dict[str, dict[str, Any]] = {}
    for dotted, value in overrides.items():
        section, _, key = dotted.partition(".")
        reject_unknown(section, TUNABLE, "option:")
        sections.setdefault(section, {})[key] = value
    return sections


def _checked(
    settings: Settings, name: str, where: str, overrides: Collection[str] = ()
) -> Settings:
    for key, allowed in objections(settings):
        section, _, rest = key.partition(".")
        found = written(getattr(settings, section), rest)
        place = f"environments.{name}.{rest}" if section == "environment" else key
        place = f"environments.{name}.{key}" if section == EXISTING else place
        source = "option:" if key in overrides else where
        raise SettingsInvalid(f"{source} {place} = {found} (in {name}): must be {allowed}")
    return settings
