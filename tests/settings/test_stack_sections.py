"""[network], [balancer], [fleet] and [monitoring]: one line for every mistake, in file or in code."""

from pathlib import Path

import pytest

from deployer.errors import SettingsInvalid
from deployer.settings.kinds import Seconds
from deployer.settings.reading import load, made
from deployer.settings.schema import EnvironmentSettings, ServiceSettings
from deployer.settings.stacks import BalancerSettings, FleetSettings
from tests.settings.test_reading import MINIMAL, only_line

CERTIFICATE = "arn:aws:acm:eu-west-1:123456789012:certificate/0a1b"
SECURE = f'[balancer]\ncertificate = "{CERTIFICATE}"\ndomain = "shop.example.com"\n'

MISTAKES = [
    ('[network]\nvpc = "vpc"', 'network.vpc = "vpc": must be the id of a VPC such as'),
    (
        '[network]\npublic_subnets = ["subnet-01234567"]',
        'network.public_subnets = ["subnet-01234567"] (in dev): must be [] without network.vpc',
    ),
    (
        '[network]\nvpc = "vpc-01234567"\npublic_subnets = ["subnet-01234567"]',
        "must be one subnet of vpc-01234567 for each of eu-west-1a, eu-west-1b",
    ),
    ('[network]\nway_out = "door"', 'must be "s3", "endpoints" or "nat"'),
    ('[balancer]\ncertificate = "x"', "must be the ARN of an ACM certificate"),
    (
        SECURE.replace("eu-west-1", "us-east-1"),
        "must be of the Region eu-west-1",
    ),
    (f'[balancer]\ncertificate = "{CERTIFICATE}"', "must be the name that the certificate is for"),
    (SECURE, "balancer.redirect_port = 80 (in dev): must be a port other than listener_port"),
    ('[balancer]\ntls_policy = "ELBSecurityPolicy-2016-08"', "must be a security policy with TLS"),
    ('[balancer]\naccess_logs = "36h"', "must be whole days such as 30d, or 0s for none"),
    ('[balancer]\ndomain = "-x.example.com"', "must be a name such as shop.example.com"),
    ('[fleet]\ninstance_types = ["t3.micro"]', "must be different types, without instance_type"),
    ("[fleet]\nwarm_pool = 3", "must be instances (2) at most"),
    ('strategy = "rolling"\n[fleet]\nwarm_pool = 1', "must be 0 with the strategy rolling"),
    ("[fleet]\nwarm_pool = 1\nscale_on_cpu = 60", "must be 0 where groups scale by themselves"),
    ("[fleet]\nwarm_pool = 1\n[canary]\ncapacity = 'matched'", 'must be canary.capacity = "full"'),
    (
        "[fleet]\nwarm_pool = 1\non_demand_percent = 50",
        "must be 0 with other instance_types or Spot",
    ),
    ("[fleet]\nagent = true", 'must be false with network.way_out = "s3"'),
    ("[fleet]\nscale_on_cpu = 101", "must be a whole percent from 0 to 100"),
    ('[monitoring]\nemails = ["ops"]', "must be up to 10 addresses"),
    ('[monitoring]\nslow = "0s"', "must be a duration from 1ms to 1h"),
]


@pytest.mark.parametrize(("more", "allowed"), MISTAKES, ids=[more for more, _ in MISTAKES])
def test_a_mistake_gets_one_line(tmp_path: Path, more: str, allowed: str) -> None:
    assert allowed in only_line(tmp_path, more)


def test_slow_start_is_off_or_long_enough(tmp_path: Path) -> None:
    path = tmp_path / "deployer.toml"
    path.write_text(f'{MINIMAL}slow_start = "29s"\n')
    with pytest.raises(SettingsInvalid, match="must be 0s, or from 30s to 15m"):
        load(path)
    path.write_text(f'{MINIMAL}slow_start = "30s"\n')
    assert load(path).environment.slow_start_s == 30.0


def test_one_environment_may_be_secure_alone(tmp_path: Path) -> None:
    path = tmp_path / "deployer.toml"
    path.write_text(
        f"{MINIMAL}listener_port = 443\n{SECURE.replace('[balancer]', '[environments.dev.balancer]')}"
    )
    assert load(path, "dev").balancer.domain == "shop.example.com"


def environment(**more: object) -> EnvironmentSettings:
    known = {"name": "dev", "region": "eu-west-1", "image": "ami-0123456789abcdef0"}
    zones = ("eu-west-1a", "eu-west-1b")
    return EnvironmentSettings(**{**known, "zones": zones, **more})  # type: ignore[arg-type]


def test_what_is_made_in_code_has_the_files_defaults(tmp_path: Path) -> None:
    path = tmp_path / "deployer.toml"
    path.write_text(MINIMAL)
    assert made(ServiceSettings(name="shop"), environment(), {}) == load(path)


@pytest.mark.parametrize(
    ("more", "fleet", "line"),
    [
        (
            {"max_instances": 0},
            FleetSettings(),
            "props: environment.max_instances = 0: must be a whole number",
        ),
        ({"image": "latest"}, {}, 'props: environment.image = "latest": must be the id of an AMI'),
        (
            {"health_check_grace_s": Seconds(0.5)},
            FleetSettings(),
            "props: environment.health_check_grace = ",
        ),
        ({}, FleetSettings(agent=True), "props: fleet.agent = true (in dev): must be false with"),
    ],
)
def test_what_is_made_in_code_is_judged_like_a_file(
    more: dict[str, object], fleet: FleetSettings, line: str
) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        made(
            ServiceSettings(name="shop"),
            environment(**more),
            {"fleet": fleet, "balancer": BalancerSettings()},
        )
    assert str(caught.value).startswith(line)
