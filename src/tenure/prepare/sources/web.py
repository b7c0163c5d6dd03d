"""HTTP requests as sources make them: patient with a busy server, and careful with whom a token is sent to."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from tenure.config import Secrets, SourceConfig
from tenure.errors import ExtraMissing, SourceError

if TYPE_CHECKING:
    import requests

log = logging.getLogger(__name__)

TRIES = 6
_BUSY = (429, 500, 502, 503, 504)
_CONNECT, _READ = 10.0, 120.0  # seconds
_LONGEST_WAIT = 120  # seconds; a server may ask for less
_REDIRECTS = 5
_BACKOFF = 0.5  # seconds before the second try; doubled from try to try


class Web:
    """A session with one server. Tokens and headers go to the host of the source's address only."""

    def __init__(self, config: SourceConfig, secrets: Secrets) -> None:
        try:
            import requests
            from requests.adapters import HTTPAdapter
            from urllib3.util import Retry
        except ModuleNotFoundError as error:
            raise ExtraMissing("requests", "remote") from error
        self.where = secrets.scrub(config.source)
        self._secrets = secrets
        self._session = requests.Session()
        self._session.trust_env = False  # a .netrc of the machine must not replace the token
        retry = Retry(
            total=TRIES,
            backoff_factor=_BACKOFF,
            backoff_jitter=0.2,
            backoff_max=_LONGEST_WAIT,
            retry_after_max=_LONGEST_WAIT,
            status_forcelist=_BUSY,
            allowed_methods={"GET"},
            raise_on_status=False,
        )
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(max_retries=retry))
        api = config.api
        self._session.headers["Accept"] = "application/json" if api else "*/*"
        for name, value in (api.headers if api else {}).items():
            self._session.headers[name] = secrets.expand(value, f"data.api.headers.{name}")
        if api and api.token:
            self._session.headers["Authorization"] = f"Bearer {secrets.expand(api.token, 'data.api.token')}"

    def get(
        self, address: str, parameters: dict[str, Any] | None = None, *, stream: bool = False
    ) -> requests.Response:
        """The answer to a GET, after retries; redirects are followed on the same host only.

        Raises SourceError, without the secrets, for whatever is no success.
        """
        import requests

        try:
            answer = self._session.get(
                address, params=parameters, stream=stream, timeout=(_CONNECT, _READ), allow_redirects=False
            )
            for _ in range(_REDIRECTS):
                target = answer.headers.get("Location")
                if not answer.is_redirect or target is None:
                    break
                answer = self._session.get(
                    self.same_host(urljoin(answer.url, target), address),
                    stream=stream,
                    timeout=(_CONNECT, _READ),
                    allow_redirects=False,
                )
        except requests.RequestException as error:
            raise self.fault(
                f"the server cannot be reached: {_reason(error)}", "run again; what came is kept"
            ) from None
        if answer.status_code != requests.codes.ok:
            raise self._refused(answer)
        return answer

    def same_host(self, address: str, asked: str) -> str:
        """The address, if it is on the host that was asked: a token goes to no other.

        Raises SourceError when it is not.
        """
        one, other = urlsplit(address), urlsplit(asked)
        safe = one.scheme == other.scheme or (other.scheme, one.scheme) == ("http", "https")
        if (
            one.hostname != other.hostname
            or not safe
            or (one.scheme == other.scheme and one.port != other.port)
        ):
            raise self.fault(
                f"the server sends on to another address, {one.scheme}://{one.netloc}",
                "write that address in data.source if it can be trusted with the token",
            )
        return address

    def fault(self, what: str, todo: str) -> SourceError:
        """A SourceError about this server, without the secrets."""
        return SourceError(self._secrets.scrub(what), where=self.where, todo=todo)

    def _refused(self, answer: requests.Response) -> SourceError:
        said = (
            " ".join(answer.text[:200].split())
            if "text" in answer.headers.get("Content-Type", "json") or answer.text[:1] in "{["
            else ""
        )
        what = f"the server answers {answer.status_code} {answer.reason}" + (f": {said}" if said else "")
        if answer.status_code in (401, 403):
            return self.fault(what, "check data.api.token and the environment variable that it names")
        if answer.status_code in _BUSY:
            return self.fault(f"{what}, {TRIES + 1} times in a row", "run again later; what came is kept")
        return self.fault(what, "check data.source and data.api")


def _reason(error: Exception) -> str:
    """The innermost complaint: what requests wraps around it repeats the whole address."""
    inner: BaseException = error
    while inner.__cause__ or inner.__context__:
        inner = inner.__cause__ or inner.__context__ or inner
    return " ".join((str(inner) or type(inner).__name__).split())


def wait_before(attempt: int) -> None:
    """Wait before a request is made again whose answer broke off; attempt: from 1."""
    time.sleep(min(0.25 * 2**attempt, 10.0))
