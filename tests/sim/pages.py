"""Reports in memory; `broken`: nothing can be uploaded."""

from dataclasses import dataclass, field

from deployer.errors import CloudUnavailable


@dataclass
class SimPages:
    """The port `operations.pages.Pages`."""

    there: dict[str, str] = field(default_factory=dict)
    broken: bool = False

    def put(self, environment: str, deployment_id: str, page: str) -> None:
        if self.broken:
            raise CloudUnavailable("S3 does not answer")
        self.there[f"{environment}/{deployment_id}"] = page

    def link(self, environment: str, deployment_id: str) -> str:
        return f"https://console.example/{environment}/{deployment_id}.html"

    def signed(self, environment: str, deployment_id: str, lasts_s: float) -> str:
        return f"{self.link(environment, deployment_id)}?for={lasts_s:g}"
