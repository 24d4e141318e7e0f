"""From a change of the source to production: CodePipeline, its builds, what starts it.

source ▶ build and test ▶ publish ▶ infrastructure ▶ deploy to each environment (the last one after
a person's approval, within its window). Executions queue: two never deploy at once. What deploys is
`deployer deploy --attach`, so a stage may be stopped, abandoned, retried or rolled back at any time.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from aws_cdk import CfnOutput, Stack, aws_codepipeline, aws_iam, aws_s3

from deployer.aws import publishing
from deployer.aws.needs import Resource
from deployer.settings.artifacts import location
from deployer.settings.pipeline import PipelineSettings, timeout_minutes
from deployer.settings.schema import Settings
from deployer.settings.windows import Window
from deployer.topology import EXECUTION_VARIABLE, topology_parameter
from stacks import buildspecs
from stacks.acknowledged import acknowledge, spelled
from stacks.builds import Build
from stacks.buildspecs import BUILT, RELEASE, REVISION, ROLE, SOURCE
from stacks.sources import bucket, start_when_it_arrives
from stacks.stages import Stage, allowed, approve, kind, run, stage, while_open

CDK_ROLES = ("deploy-role", "file-publishing-role", "lookup-role")  # of `cdk bootstrap`
QUALIFIER = "hnb659fds"
BUILD_MINUTES, STACKS_MINUTES = 60, 180


class Target(NamedTuple):
    """An environment that is deployed to.

    role:      its deployer's.
    artifacts: where its releases lie; the stack that has the bucket is `control`.
    stacks:    names of all of its stacks.
    """

    settings: Settings
    role: aws_iam.IRole
    artifacts: aws_s3.IBucket
    stacks: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.settings.environment.name


class PipelineStack(Stack):
    """`pipeline`, `source` (the bucket; None: a connection), `store` (what stages hand on)."""

    def __init__(
        self,
        scope: Any,
        name: str,
        pipeline: PipelineSettings,
        targets: Sequence[Target],
        **props: Any,
    ) -> None:
        super().__init__(scope, name, **props)
        self._settings, self._targets = pipeline, targets
        self.service = targets[0].settings.service.name
        self.store = bucket(self, "Store", versioned=False)
        self.source = None if pipeline.connection else bucket(self, "Source", versioned=True)
        self.role = aws_iam.Role(
            self,
            "Role",
            assumed_by=aws_iam.ServicePrincipal(
                "codepipeline.amazonaws.com",
                conditions={"StringEquals": {"aws:SourceAccount": self.account}},
            ),
            description=f"Runs the pipeline of {self.service}",
        )
        stages = self._stages()
        self._allow()
        self.pipeline = aws_codepipeline.CfnPipeline(
            self,
            "Pipeline",
            name=self.service,
            pipeline_type="V2",
            execution_mode="QUEUED",
            role_arn=self.role.role_arn,
            restart_execution_on_update=False,
            artifact_store=aws_codepipeline.CfnPipeline.ArtifactStoreProperty(
                type="S3", location=self.store.bucket_name
            ),
            stages=stages,
        )
        self.pipeline.node.add_dependency(self._policy)
        if self.source is not None:
            rule = start_when_it_arrives(self, self.source, pipeline.key, self.service)
            rule.node.add_dependency(self.pipeline)
        CfnOutput(self, "Name", value=self.pipeline.ref)

    # -- stages

    def _stages(self) -> list[Stage]:
        builds = {
            "build": buildspecs.build(self._settings),
            "publish": self._with_tools(buildspecs.publish([each.name for each in self._targets])),
        }
        self._build = self._project("Build", builds["build"], BUILD_MINUTES)
        self._publish = self._project(
            "Publish", builds["publish"], BUILD_MINUTES, *self._publishing()
        )
        stages = [
            stage("Source", self._source_action()),
            stage("Build", run("Build", self._build.title, [SOURCE], [BUILT])),
            stage(
                "Publish",
                run(
                    "Publish",
                    self._publish.title,
                    [SOURCE, BUILT],
                    named={REVISION: self._revision},
                )
                | {"namespace": "Publish"},
            ),
        ]
        self._deploys = [self._deploying(each) for each in self._targets]
        if self._settings.infrastructure:
            stages.append(stage("Infrastructure", self._infrastructure_action()))
        for target, build in zip(self._targets, self._deploys, strict=True):
            stages += self._to(target, build, last=target is self._targets[-1])
        return stages

    def _to(self, target: Target, build: Build, *, last: bool) -> list[Stage]:
        title = f"Deploy-{target.name}"
        results = f"Results-{target.name}".replace("-", "_")
        named = {
            RELEASE: f"#{{Publish.{RELEASE}}}",
            EXECUTION_VARIABLE: "#{codepipeline.PipelineExecutionId}",
        }
        deploy = stage(title, run("Deploy", build.title, [SOURCE], [results], named=named))
        if not last:
            return [deploy]
        if self._settings.window:
            window = Window.parse(self._settings.window)
            deploy["beforeEntry"] = while_open(window, self._settings.time_zone)
        return (
            [stage("Approval", approve(target.name)), deploy]
            if self._settings.approval
            else [deploy]
        )

    def _with_tools(self, spec: buildspecs.Spec) -> buildspecs.Spec:
        return buildspecs.with_tools(spec, self._settings)

    @property
    def _revision(self) -> str:
        return "#{Source.VersionId}" if self.source is not None else "#{Source.CommitId}"

    def _source_action(self) -> Stage:
        settings = self._settings
        made: Stage = {"name": "Source", "namespace": "Source", "runOrder": 1}
        outputs = [{"name": SOURCE}]
        if self.source is not None:
            configuration: dict[str, Any] = {
                "S3Bucket": self.source.bucket_name,
                "S3ObjectKey": settings.key,
                "PollForSourceChanges": False,
            }
            return made | {
                "actionTypeId": kind("Source", "S3"),
                "configuration": configuration,
                "outputArtifacts": outputs,
            }
        return made | {
            "actionTypeId": kind("Source", "CodeStarSourceConnection"),
            "configuration": {
                "ConnectionArn": settings.connection,
                "FullRepositoryId": settings.repository,
                "BranchName": settings.branch,
                "OutputArtifactFormat": "CODE_ZIP",
                "DetectChanges": True,
            },
            "outputArtifacts": outputs,
        }

    # -- builds

    def _project(
        self,
        name: str,
        spec: buildspecs.Spec,
        minutes: int,
        may: Sequence[Mapping[str, Any]] = (),
        wide: Mapping[str, str] | None = None,
    ) -> Build:
        return Build(
            self,
            name,
            title=f"{self.service}-{name.lower()}",
            pipeline=self._settings,
            store=self.store,
            spec=spec,
            minutes=minutes,
            allowed=may,
            wide=wide,
        )

    def _publishing(self) -> tuple[list[Mapping[str, Any]], dict[str, str]]:
        """What `deployer publish` declares, on each environment's artifacts and parameter."""
        places: dict[Resource, list[str]] = {each: [] for each in Resource}
        for target in self._targets:
            own, prefix = location(target.settings)
            where = _named(target.artifacts) if own is None else f"arn:{self.partition}:s3:::{own}"
            parameter = topology_parameter(self.service, target.name)
            places[Resource.BUCKET].append(where)
            places[Resource.ARTIFACTS].append(f"{where}/{prefix}*")
            places[Resource.TOPOLOGY].append(
                f"arn:{self.partition}:ssm:{self.region}:{self.account}:parameter{parameter}"
            )
        statements = [
            {
                "Sid": on.name.title(),
                "Effect": "Allow",
                "Action": sorted(need.action for need in publishing.NEEDS if need.on is on),
                "Resource": sorted(set(arns), key=str),
            }
            for on, arns in places.items()
            if arns
        ]
        why = "Releases come and go; all of them are below this prefix, the service's own."
        return list(statements), dict.fromkeys(places[Resource.ARTIFACTS], why)

    def _infrastructure_action(self) -> Stage:
        """The CDK's own roles do the work; the build may become them, and nothing else."""
        stacks = [name for target in self._targets for name in target.stacks]
        account, region = self.account, self.region
        roles = [
            f"arn:{self.partition}:iam::{account}:role/cdk-{QUALIFIER}-{each}-{account}-{region}"
            for each in CDK_ROLES
        ]
        become = {"Sid": "Cdk", "Effect": "Allow", "Action": "sts:AssumeRole", "Resource": roles}
        spec = self._with_tools(buildspecs.infrastructure(sorted(stacks)))
        self._infrastructure = self._project("Infrastructure", spec, STACKS_MINUTES, [become])
        return run("Infrastructure", self._infrastructure.title, [SOURCE])

    def _deploying(self, target: Target) -> Build:
        become = {
            "Sid": "Deployer",
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Resource": [target.role.role_arn],
        }
        build = self._project(
            f"Deploy-{target.name}",
            self._with_tools(buildspecs.deploy(target.name)),
            timeout_minutes(self._settings, target.settings),
            [become],
        )
        build.project.add_property_override(
            "Environment.EnvironmentVariables",
            [{"Name": ROLE, "Type": "PLAINTEXT", "Value": target.role.role_arn}],
        )
        return build

    @property
    def _builds(self) -> list[Build]:
        middle = [self._infrastructure] if self._settings.infrastructure else []
        return [self._build, self._publish, *middle, *self._deploys]

    # -- what the pipeline may do

    def _allow(self) -> None:
        objects = self.store.arn_for_objects("*")
        projects = [
            f"arn:{self.partition}:codebuild:{self.region}:{self.account}:project/{each.title}"
            for each in self._builds
        ]
        statements = [
            allowed("Store", ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"], [objects]),
            allowed("StoreItself", ["s3:GetBucketVersioning"], [self.store.bucket_arn]),
            allowed(
                "Builds",
                ["codebuild:BatchGetBuilds", "codebuild:StartBuild", "codebuild:StopBuild"],
                projects,
            ),
            *self._reading(),
        ]
        self._policy = aws_iam.Policy(
            self,
            "May",
            roles=[self.role],
            statements=[aws_iam.PolicyStatement.from_json(each) for each in statements],
        )
        why = "What stages hand on is new each time; all of it is in the pipeline's own bucket."
        found = f"AwsSolutions-IAM5[Resource::{spelled(self.resolve(objects))}]"
        acknowledge(self._policy, {found: why})

    def _reading(self) -> list[dict[str, Any]]:
        if self.source is None:
            use = ["codeconnections:UseConnection", "codestar-connections:UseConnection"]
            return [allowed("Connection", use, [self._settings.connection])]
        read = ["s3:GetObject", "s3:GetObjectVersion"]
        look = ["s3:GetBucketVersioning", "s3:GetBucketAcl", "s3:GetBucketLocation"]
        return [
            allowed("Source", read, [self.source.arn_for_objects(self._settings.key)]),
            allowed("SourceItself", [*look, "s3:ListBucket"], [self.source.bucket_arn]),
        ]


def _named(bucket: aws_s3.IBucket) -> str:
    """The ARN of another stack's bucket, by the name of the export: what findings call it by."""
    return Stack.of(bucket).export_value(bucket.bucket_arn)
