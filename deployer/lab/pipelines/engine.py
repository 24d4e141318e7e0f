"""CodePipeline: executions carried on at every beat, their actions under the pipeline's role.

tick    under the lock: actions that ended are taken in, stages are entered, actions are noted
poll    without it: what was noted is begun (a source is fetched, a build is started)
"""

import logging
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from deployer.lab.context import Context
from deployer.lab.iam.acting import Acting
from deployer.lab.iam.asked import Ask
from deployer.lab.pipelines import building, runs
from deployer.lab.pipelines.building import Job, Place
from deployer.lab.pipelines.builds import Builds
from deployer.lab.pipelines.runs import BAD, DONE, GOING, Pipeline, Start, Try
from deployer.lab.pipelines.structure import CODEBUILD, MANUAL, S3, named, resolved
from deployer.lab.wire import Refused

SERVICE = "codepipeline.amazonaws.com"
_log = logging.getLogger("deployer.lab")


class Engine:
    """Pipelines by name. Under the lab's lock, but `poll`."""

    def __init__(self, context: Context, builds: Builds) -> None:
        self.context, self.builds = context, builds
        self.pipelines: dict[str, Pipeline] = {}
        self._acting = Acting(context, SERVICE)
        self._noted: list[tuple[Pipeline, Start, Try]] = []

    def arn(self, pipeline: Pipeline) -> str:
        return f"arn:aws:codepipeline:{self.context.region}:{self.context.account}:{pipeline.structure.name}"

    def tick(self, now: float) -> None:
        """Take in what ended, let executions get on, note what is to begin."""
        for pipeline in self.pipelines.values():
            for execution in pipeline.executions:
                for visit in execution.visits.values():
                    for each in visit.tries:
                        if each.status == GOING:
                            self._take_in(execution, each, now)
            for start in runs.steps(pipeline, now):
                made = runs.begun(start.action, now)
                start.visit.tries.append(made)
                if start.action.provider != MANUAL:
                    self._noted.append((pipeline, start, made))

    def _take_in(self, execution: runs.Execution, each: Try, now: float) -> None:
        """Whether an action has ended meanwhile, by itself or because its time is over."""
        if each.action.provider == MANUAL and now - each.began_at > each.action.timeout_s:
            each.status, each.ended_at = BAD, now
            each.error = "This action failed because it wasn't approved in time"
        build = self.builds.builds.get(each.external)
        if build is None or build.going:
            return
        good = build.status == building.SUCCEEDED
        each.status, each.ended_at = DONE if good else BAD, now
        each.error = "" if good else f"Build terminated with state: {build.status}. {build.problem}"
        if not good:
            return
        execution.artifacts |= build.job.outputs
        if each.action.namespace:
            execution.variables[each.action.namespace] = dict(build.exported)

    def poll(self, _now: float) -> None:
        """Begin what was noted."""
        with self.context.lock:
            noted, self._noted = self._noted, []
        for pipeline, start, each in noted:
            try:
                if start.action.provider == S3:
                    self._fetch(pipeline, start, each)
                elif start.action.provider == CODEBUILD:
                    self._build(pipeline, start, each)
            except (Refused, ClientError, ValueError) as error:
                self._failed(each, str(error))
            self.context.wake.set()

    def _failed(self, each: Try, why: str) -> None:
        with self.context.lock:
            each.status, each.error = BAD, why
            each.ended_at = self.context.clock.now()

    def _fetch(self, pipeline: Pipeline, start: Start, each: Try) -> None:
        """The newest version of the object, copied into the store.

        Raises:
            ClientError: the pipeline's role may not, or there is no such object.
        """
        structure, configuration = pipeline.structure, start.action.configuration
        s3 = self._acting.client(structure.role, self.arn(pipeline), "s3")
        bucket, key = configuration["S3Bucket"], configuration["S3ObjectKey"]
        self._require_versions(s3, bucket)
        found = s3.get_object(Bucket=bucket, Key=key)
        version = str(found.get("VersionId", ""))
        (name,) = start.action.outputs
        place = Place(structure.store, runs.key_for(structure.name, name), version)
        s3.put_object(Bucket=place.bucket, Key=place.key, Body=found["Body"].read())
        with self.context.lock:
            start.execution.artifacts[name] = place
            each.summary = f"Amazon S3 version id: {version}"
            each.status, each.ended_at = DONE, self.context.clock.now()
            if start.action.namespace:
                start.execution.variables[start.action.namespace] = {
                    "BucketName": bucket,
                    "ObjectKey": key,
                    "ETag": str(found["ETag"]).strip('"'),
                    "VersionId": version,
                }

    def _require_versions(self, s3: Any, bucket: str) -> None:
        if s3.get_bucket_versioning(Bucket=bucket).get("Status") != "Enabled":
            raise ValueError(f"The source bucket {bucket} must keep versions")

    def _build(self, pipeline: Pipeline, start: Start, each: Try) -> None:
        """Start a build of the project, under the pipeline's role.

        Raises:
            Refused: the role may not; or there is no such project.
            ValueError: a variable that there is not.
        """
        structure, action = pipeline.structure, start.action
        configuration, variables = action.configuration, start.execution.variables
        title = configuration["ProjectName"]
        arn = f"arn:aws:codebuild:{self.context.region}:{self.context.account}:project/{title}"
        for wanted in ("codebuild:StartBuild", "codebuild:BatchGetBuilds"):
            with self.context.lock:
                self._acting.require(structure.role, self.arn(pipeline), Ask(wanted, arn))
        given = {key: resolved(text, variables) for key, text in named(configuration)}
        first = configuration.get("PrimarySource", action.inputs[0])
        inputs = {name: start.execution.artifacts[name] for name in (first, *action.inputs)}
        outputs = {
            name: Place(structure.store, runs.key_for(structure.name, name), inputs[first].revision)
            for name in action.outputs
        }
        with self.context.lock:
            project = self.builds.projects.get(title)
            if project is None:
                raise ValueError(f"Build project {title} does not exist")
            job = Job(f"codepipeline/{structure.name}", inputs, outputs, given)
            each.external = self.builds.start(project, job).id

    def moment(self, at: float) -> datetime:
        """As the API tells it."""
        return datetime.fromtimestamp(at, UTC)
