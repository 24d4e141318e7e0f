"""What botocore and moto do anew for every session or request, and a lab needs once.

    service models   read and parsed by each session and by moto for each service: a second of every lab
    moto's actions   found by `inspect` for each request
    moto's backends  found for each request, in a listing of moto's folder and by 200 expressions
    Amazon's images  1,301 of them made for each new EC2, twice when moto forgets everything

Importing this module is all; it comes first, since moto makes sessions while it is imported. What is
taken from inside botocore and moto: tests/lab_core/test_moto.py.
"""

from functools import cache
from typing import Any

import botocore.loaders
import botocore.session


@cache
def _loader(search_path: str | None = None) -> Any:
    """One for all sessions: what it has read, it keeps."""
    made: Any = botocore.loaders.create_loader(search_path)
    made._search_paths = _Once(made.search_paths)  # noqa: SLF001  boto3 appends to it
    return made


class _Once(list[str]):
    """Every boto3 session appends its own folder."""

    def append(self, path: str) -> None:
        if path not in self:
            super().append(path)


botocore.session.create_loader = _loader

from moto.core import responses, utils  # noqa: E402  after the line above
from moto.ec2.models.amis import AmiBackend  # noqa: E402
from moto.moto_server.werkzeug_app import DomainDispatcherApplication  # noqa: E402

utils.create_loader = cache(utils.create_loader)
responses.method_names_from_class = cache(responses.method_names_from_class)


class Dispatcher(DomainDispatcherApplication):  # type: ignore[misc]  # moto has no types
    """Which of moto's applications a host belongs to does not change."""

    def __init__(self, create_app: Any) -> None:
        super().__init__(create_app)
        self._known: dict[str | None, Any] = {}

    def get_backend_for_host(self, host: str | None) -> Any:
        """As moto says; hosts are `SERVICE.REGION.amazonaws.com`, so few that all are kept."""
        if host not in self._known:
            self._known[host] = super().get_backend_for_host(host)
        return self._known[host]


_make_images = AmiBackend._load_amis  # noqa: SLF001  made when somebody asks for them


def _images(self: Any) -> Any:
    if not self.images_made:
        self.images_made = True
        _make_images(self)
    return self.images


def _forget_images(self: Any, none: Any) -> None:
    self.images, self.images_made = none, False


AmiBackend.amis = property(_images, _forget_images)
AmiBackend._load_amis = lambda _self: None  # noqa: SLF001  see above
