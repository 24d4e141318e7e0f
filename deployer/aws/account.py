"""The account that the settings name: it is asked there and in no other, for what is deployed in it."""

from deployer.aws import published
from deployer.aws.session import Aws
from deployer.errors import AccessProblem, NotFound
from deployer.settings.schema import EnvironmentSettings, Settings


def find(aws: Aws, service: str, environment: EnvironmentSettings) -> published.Published:
    """What the stacks published, in the account that the settings name.

    Reading comes first, since it tells a wrong Region from a failing one; but where nothing is
    found, another account is the better explanation.

    Raises:
        NotFound: the stacks are not deployed.
        AccessProblem: no credentials, or those of another account; wrong Region or endpoint.
        CloudUnavailable: no answer.
    """
    try:
        found = published.read(aws, service, environment.name)
    except NotFound:
        require_account(aws, environment.account)
        raise
    require_account(aws, environment.account)
    return found


def named(aws: Aws, settings: Settings) -> published.Published:
    """What the settings name where others made it, in the account that they name.

    Raises:
        AccessProblem: no credentials, or those of another account.
        NotPossibleNow: something is missing yet: `deployer verify` says how to get it.
    """
    require_account(aws, settings.environment.account)
    return published.of_settings(settings)


def require_account(aws: Aws, account: str) -> None:
    """The credentials belong to the account that the settings name, if they name one.

    Raises:
        AccessProblem: they do not, or there are none.
    """
    if not account:
        return
    ours = aws.account()
    if ours != account:
        raise AccessProblem(
            f"the credentials are of account {ours}, but deployer.toml says {account}: choose "
            "others with AWS_PROFILE, or another environment with --env"
        )
