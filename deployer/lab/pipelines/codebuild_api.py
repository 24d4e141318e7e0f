"""CodeBuild's API: projects are made, builds are looked at and stopped.

Builds begin through a pipeline only (source and artifacts of type CODEPIPELINE), as the stacks have
them. [M:codebuild]
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from deployer.lab import actions
from deployer.lab.actions import Call
from deployer.lab.pipelines.building import Build, Project
from deployer.lab.pipelines.builds import Builds
from deployer.lab.pipelines.buildspec import parse, require_runtimes, unsupported
from deployer.lab.wire import Refused

Params = Mapping[str, Any]
Answer = dict[str, Any]
_SETTINGS = {
    "name", "description", "source", "artifacts", "environment", "serviceRole", "encryptionKey",
    "logsConfig", "timeoutInMinutes", "queuedTimeoutInMinutes", "tags", "cache", "triggers",
}  # fmt: skip
_ENVIRONMENT = {
    "type", "image", "computeType", "environmentVariables", "privilegedMode",
    "imagePullCredentialsType",
}  # fmt: skip


class Api:
    """The service's actions. Under the lab's lock."""

    def __init__(self, builds: Builds) -> None:
        self._all = builds

    def install(self) -> None:
        """Answer from here on."""
        actions.own("codebuild")
        for action, handler in {
            "CreateProject": self.create_project,
            "UpdateProject": self.update_project,
            "DeleteProject": self.delete_project,
            "BatchGetProjects": self.batch_get_projects,
            "ListProjects": self.list_projects,
            "BatchGetBuilds": self.batch_get_builds,
            "ListBuildsForProject": self.list_builds,
            "StopBuild": self.stop_build,
        }.items():
            actions.replace("codebuild", action, handler)

    def create_project(self, call: Call, params: Params) -> Answer:
        """Raises Refused: taken, not valid, or not simulated."""
        name = params["name"]
        if name in self._all.projects:
            raise Refused("ResourceAlreadyExistsException", f"Project already exists: {name}")
        return {"project": _shown(self._put(call, params))}

    def update_project(self, call: Call, params: Params) -> Answer:
        """What is not said stays. Raises Refused, as creating does; or there is none."""
        known = self._project(params["name"])
        return {"project": _shown(self._put(call, {**known.settings, **params}))}

    def _put(self, call: Call, settings: Params) -> Project:
        _require_simulated(settings)
        spec = parse(settings["source"]["buildspec"])
        require_runtimes(spec, settings["environment"]["image"])
        made = Project(
            name=settings["name"],
            arn=f"arn:aws:codebuild:{call.region}:{call.account}:project/{settings['name']}",
            role=settings["serviceRole"],
            spec=spec,
            settings=dict(settings),
        )
        self._all.projects[made.name] = made
        return made

    def delete_project(self, _call: Call, params: Params) -> Answer:
        """Builds that run go on, as on AWS."""
        self._all.projects.pop(params["name"].rsplit("/", 1)[-1], None)
        return {}

    def batch_get_projects(self, _call: Call, params: Params) -> Answer:
        found = [self._all.projects.get(name.rsplit("/", 1)[-1]) for name in params["names"]]
        return {
            "projects": [_shown(each) for each in found if each],
            "projectsNotFound": [
                n for n, each in zip(params["names"], found, strict=True) if not each
            ],
        }

    def list_projects(self, _call: Call, _params: Params) -> Answer:
        return {"projects": sorted(self._all.projects)}

    def batch_get_builds(self, _call: Call, params: Params) -> Answer:
        wanted = [each.rsplit("build/", 1)[-1] for each in params["ids"]]
        return {
            "builds": [_build(self._all.builds[i]) for i in wanted if i in self._all.builds],
            "buildsNotFound": [i for i in wanted if i not in self._all.builds],
        }

    def list_builds(self, _call: Call, params: Params) -> Answer:
        """Newest first, as by default."""
        self._project(params["projectName"])
        ids = [i for i, b in self._all.builds.items() if b.project.name == params["projectName"]]
        return {"ids": ids if params.get("sortOrder") == "ASCENDING" else ids[::-1]}

    def stop_build(self, _call: Call, params: Params) -> Answer:
        """Raises Refused: there is none."""
        found = self._all.builds.get(params["id"].rsplit("build/", 1)[-1])
        if found is None:
            raise Refused("ResourceNotFoundException", f"Build {params['id']} not found")
        if found.going:
            self._all.stop(found)
        return {"build": _build(found)}

    def _project(self, name: str) -> Project:
        if name not in self._all.projects:
            raise Refused(
                "ResourceNotFoundException", f"The provided project name was not found: {name}"
            )
        return self._all.projects[name]


def _require_simulated(settings: Params) -> None:
    """Raises Refused: it says something that no build here would do."""
    if more := set(settings) - _SETTINGS:
        raise unsupported(f"{', '.join(sorted(more))} of a project")
    for part in ("source", "artifacts"):
        if settings[part]["type"] != "CODEPIPELINE":
            raise unsupported(
                f"{part} of type {settings[part]['type']}: builds begin in a pipeline"
            )
    if "buildspec" not in settings["source"]:
        raise unsupported("a buildspec that is not in the project")
    _require_plain(settings["environment"])
    if settings.get("cache", {}).get("type", "NO_CACHE") != "NO_CACHE":
        raise unsupported("a cache")


def _require_plain(environment: Params) -> None:
    if more := set(environment) - _ENVIRONMENT:
        raise unsupported(f"{', '.join(sorted(more))} of an environment")
    for each in environment.get("environmentVariables", ()):
        if each.get("type", "PLAINTEXT") != "PLAINTEXT":
            raise unsupported(f"a variable of type {each['type']}")
    if environment.get("privilegedMode"):
        raise unsupported("privileged mode")


def _shown(project: Project) -> Answer:
    named = {key: value for key, value in project.settings.items() if key != "triggers"}
    return {**named, "arn": project.arn}


def _build(build: Build) -> Answer:
    """As BatchGetBuilds tells it."""
    context = [{"statusCode": "COMMAND_EXECUTION_ERROR", "message": build.problem}]
    failed = bool(build.problem)
    region, account = build.project.arn.split(":")[3:5]
    return {
        "id": build.id,
        "arn": f"arn:aws:codebuild:{region}:{account}:build/{build.id}",
        "buildNumber": build.number,
        "projectName": build.project.name,
        "buildStatus": build.status,
        "buildComplete": not build.going,
        "initiator": build.job.initiator,
        "serviceRole": build.project.role,
        "startTime": _moment(build.started_at),
        **({"endTime": _moment(build.ended_at)} if build.ended_at is not None else {}),
        "currentPhase": "BUILD" if build.going else "COMPLETED",
        "phases": [
            *(
                {"phaseType": name, "phaseStatus": state, "contexts": [{"message": said}]}
                for name, state, said in build.phases
            ),
            *(
                [{"phaseType": "COMPLETED", "contexts": context if failed else []}]
                if not build.going
                else []
            ),
        ],
        "exportedEnvironmentVariables": [
            {"name": name, "value": value} for name, value in build.exported.items()
        ],
        "logs": {"groupName": build.project.log_group, "streamName": build.stream},
    }


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)
