"""The same of what comes before a deployment: settings, checks, artifacts, a shell, a browser."""

from msgspec import Struct

from deployer.render.schema import Time


class Finding(Struct):
    """`deployer verify`: one row.

    event: `finding`
    at:    when
    check: which
    level: `ok`, `warning`, `unknown`, `problem`
    where: it was found
    what:  is so
    why:   it matters
    todo:  lines; commands begin with `aws ` or end in one
    bites: the template's updates that would
    """

    event: str
    at: Time
    check: str
    level: str
    where: str
    what: str
    why: str
    todo: list[str]
    bites: list[str]


class Written(Struct):
    """`deployer init`: what was written.

    event:       `settings`
    at:          when
    path:        of the file
    environment: in it
    unknown:     what a person must still say
    """

    event: str
    at: Time
    path: str
    environment: str
    unknown: list[str]


class Published(Struct):
    """`deployer publish`.

    at:         when
    deployment: null
    event:      `published`
    release:    its name
    uri:        where it lies
    sha256:     of what lies there
    new:        it was put there just now
    """

    at: Time
    deployment: None
    event: str
    release: str
    uri: str
    sha256: str
    new: bool


class Script(Struct):
    """`deployer completion`.

    at:         when
    deployment: null
    event:      `script`
    shell:      for which
    text:       of it
    """

    at: Time
    deployment: None
    event: str
    shell: str
    text: str


class Dashboard(Struct):
    """`deployer dashboard`.

    at:    when
    event: `dashboard`
    url:   to open, with its token
    """

    at: Time
    event: str
    url: str
