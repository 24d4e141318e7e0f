"""One question over HTTP: bounded in time and in size, TLS verified, and no secret in what it says.

Times are real seconds. A redirect is not followed: a token must not go where nobody sent it. Whose
certificates are trusted, OpenSSL's own variables say (SSL_CERT_FILE).
"""

import http.client
import ssl
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

from deployer.aws.probe import cause_of, hung_up_after
from deployer.aws.session import installed_version
from deployer.errors import CloudUnavailable

LARGEST = 4_000_000  # bytes of an answer: a week of minutes, told with many words


def ask(url: str, *, until: float, token: str = "", form: bytes | None = None) -> bytes:
    """The body of an answer 2xx.

    until: monotonic seconds at which it is given up.
    form:  what is posted; None: it is a GET.

    Raises:
        CloudUnavailable: no such answer; says where and why.
    """
    status, body = answer(url, until=until, token=token, form=form)
    if not 200 <= status < 300:
        raise CloudUnavailable(f"{shown(url)} answered {status}")
    return body


def answer(
    url: str, *, until: float, token: str = "", form: bytes | None = None
) -> tuple[int, bytes]:
    """Status and body, whatever they are.

    Raises:
        CloudUnavailable: as `ask`, but for the status.
    """
    left_s = until - time.monotonic()
    if left_s <= 0:
        raise CloudUnavailable(f"{shown(url)}: timeout")
    where = urlsplit(url)
    secure = where.scheme == "https"
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    connection = kind(where.hostname or "", where.port, timeout=left_s)
    try:
        connection.connect()
        with hung_up_after(max(0.001, until - time.monotonic()), connection.sock):
            return _exchange(connection, url, token, form)
    except ssl.SSLError as error:
        raise CloudUnavailable(f"{shown(url)}: TLS: {_reason(error)}") from error
    except (OSError, http.client.HTTPException) as error:
        raise CloudUnavailable(f"{shown(url)}: {cause_of(error)}") from error
    finally:
        connection.close()


def _exchange(
    connection: http.client.HTTPConnection, url: str, token: str, form: bytes | None
) -> tuple[int, bytes]:
    where = urlsplit(url)
    path = f"{where.path or '/'}{'?' + where.query if where.query else ''}"
    connection.request("GET" if form is None else "POST", path, form, _headers(token, form))
    with connection.getresponse() as response:
        body = response.read(LARGEST + 1)
        if len(body) > LARGEST:
            raise CloudUnavailable(
                f"{shown(url)}: an answer of more than {LARGEST // 1_000_000} MB"
            )
        if response.length:
            raise http.client.IncompleteRead(body, response.length)
        return response.status, body


def _headers(token: str, form: bytes | None) -> Mapping[str, str]:
    posted = {} if form is None else {"Content-Type": "application/x-www-form-urlencoded"}
    known = {"Authorization": f"Bearer {token}"} if token else {}
    return {
        "Accept": "application/json",
        "Connection": "close",
        "User-Agent": f"deployer/{installed_version()}",
        **posted,
        **known,
    }


def shown(url: str) -> str:
    """Where it went, without what follows the path: that may hold a key."""
    where = urlsplit(url)
    return f"{where.scheme}://{where.netloc.rpartition('@')[2]}{where.path}"


def token_of(name: str, environ: Mapping[str, str]) -> str:
    """The token in the variable `name`; empty if none is named.

    Raises:
        CloudUnavailable: there is none, or what is there cannot be sent.
    """
    token = environ.get(name, "").strip() if name else ""
    if name and not token:
        raise CloudUnavailable(f"the environment variable {name} with its token is not set here")
    if not all("!" <= letter <= "~" for letter in token):
        raise CloudUnavailable(f"the environment variable {name} holds no token")
    return token


def _reason(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    return (error.reason or "failed").lower().replace("_", " ")
