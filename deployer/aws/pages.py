"""Reports in the artifact bucket: `_reports/SERVICE/ENVIRONMENT/ID.html`, below no service's releases.

The link that people are told is the object's page in the console: it lets in who may read the bucket,
it does not run out, and whoever else reads the message cannot use it. A presigned one is made when
somebody asks for it: it is as good as the page, and a role's would die with its session anyway.
"""

from urllib.parse import quote, urlsplit

from deployer.aws.failures import asking, changing
from deployer.aws.needs import Need, Resource
from deployer.aws.session import Aws

NEEDS = (
    Need("s3:PutObject", Resource.REPORTS),
    Need("s3:GetObject", Resource.REPORTS),  # a link gives no more than its signer has
)
PREFIX = "_reports"  # no service is called so (settings: a name begins with a letter)
CONSOLES = {"cn-": "console.amazonaws.cn", "us-gov-": "console.amazonaws-us-gov.com"}
AMAZON = ("amazonaws.com", "amazonaws.com.cn")


class S3Pages:
    """The port `Pages` for one service."""

    def __init__(self, aws: Aws, bucket: str, service: str) -> None:
        self._aws, self._bucket, self._service = aws, bucket, service

    def put(self, environment: str, deployment_id: str, page: str) -> None:
        """Upload it. One call.

        Raises:
            CloudUnavailable, AccessProblem, ChangeRefused: as `failures.changing`.
        """
        key = self._key(environment, deployment_id)
        with changing("s3:PutObject", f"s3://{self._bucket}/{key}"):
            self._aws.s3.put_object(
                Bucket=self._bucket,
                Key=key,
                Body=page.encode(),
                ContentType="text/html; charset=utf-8",
            )

    def link(self, environment: str, deployment_id: str) -> str:
        """The object's page in the console; at an endpoint of one's own the object itself. No call."""
        key = self._key(environment, deployment_id)
        with asking("s3", "the client"):
            endpoint = self._aws.s3.meta.endpoint_url
        host = urlsplit(endpoint).hostname or ""
        if not host.endswith(AMAZON):
            return f"{endpoint}/{self._bucket}/{quote(key)}"
        region = self._aws.s3.meta.region_name
        return f"https://{console(region)}/s3/object/{self._bucket}?region={region}&prefix={quote(key, safe='')}"

    def signed(self, environment: str, deployment_id: str, lasts_s: float) -> str:
        """A presigned one. No call: it works for whom the signer may read it for.

        Raises:
            AccessProblem: no credentials.
        """
        wanted = {"Bucket": self._bucket, "Key": self._key(environment, deployment_id)}
        with asking("s3:GetObject", "the credentials"):
            return self._aws.s3.generate_presigned_url("get_object", wanted, round(lasts_s))

    def _key(self, environment: str, deployment_id: str) -> str:
        return f"{prefix(self._service, environment)}{deployment_id}.html"


def prefix(service: str, environment: str) -> str:
    """What all keys of one environment begin with."""
    return f"{PREFIX}/{service}/{environment}/"


def console(region: str) -> str:
    """The host of a Region's console."""
    found = (host for start, host in CONSOLES.items() if region.startswith(start))
    return f"{region}.{next(found, 'console.aws.amazon.com')}"
