"""Asking one vendor over HTTP: politely, patiently, within bounds, without telling secrets.

Add here what holds for every vendor: limits, retries, time-outs, what is said when it fails.
Avoid what one vendor means by an answer: that is the ``read`` that its provider brings.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import TypeVar

import httpx
from pydantic import SecretStr
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential_jitter

from coordinator_pipelines import __version__
from coordinator_pipelines.domain.errors import (
    FeedConfigurationError,
    FeedDataError,
    FeedUnavailableError,
)
from coordinator_pipelines.feeds.http_answer import Answer
from coordinator_pipelines.feeds.rate_limit import RateLimit
from coordinator_pipelines.feeds.timer import Timer

T = TypeVar("T")
Parameters = Sequence[tuple[str, str | int]]

ATTEMPTS = 5
TIMEOUT_SECONDS = 10.0
"""For connecting, and for each part of an answer."""
LONGEST_ANSWER_SECONDS = 60.0
LARGEST_ANSWER_BYTES = 16 * 2**20
PAUSE_SECONDS = 60.0
"""After 429 without Retry-After: the period in which vendors count."""
BAN_SECONDS = 600.0
"""After 418 without Retry-After."""
LONGEST_QUOTE = 200
OVERLOADED = (408, 425)
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class HttpSource:
    """One vendor at one base URL. Safe to share between threads; ``close`` it, or keep it."""

    def __init__(
        self,
        name: str,
        base_url: str,
        *,
        variable: str,
        limit: RateLimit,
        timer: Timer,
        key: SecretStr | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        """``variable``: what the environment calls the base URL. ``key``: sent as bearer token.

        Raises:
            FeedConfigurationError: the base URL or the key is nothing that can be used.
        """
        url = _checked_url(base_url, name, variable, with_key=key is not None)
        self.name = name
        self.limit = limit
        self._place = f"{name} ({url.host})"
        self._timer = timer
        self._key = key
        headers = {
            "user-agent": f"coordinator-pipelines/{__version__}",
            "accept": "application/json",
            "cache-control": "no-cache",
        }
        if key:
            headers["authorization"] = f"Bearer {_checked_key(key, name)}"
        self._client = httpx.Client(base_url=url, headers=headers, timeout=timeout_seconds)

    def get(self, path: str, parameters: Parameters, read: Callable[[Answer], T]) -> T:
        """What ``read`` makes of the answer; asked again, a few times, while that may help.

        ``read`` gets every answer but overload, failure of the vendor (5xx) and redirection.

        Raises:
            FeedUnavailableError: no answer, failure or overload, still after the last attempt;
                or the vendor wants a pause that is too long to wait for.
            FeedDataError: ``read`` refused the answer, still after the last attempt.
            FeedConfigurationError: ``read`` found a mistake in the settings: not asked again.
        """
        attempts = Retrying(
            retry=retry_if_exception(_may_pass),
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_exponential_jitter(initial=1, max=20, jitter=1),
            sleep=self._timer.sleep,
            reraise=True,
        )
        value: T = attempts(self._once, path, parameters, read)
        return value

    def refusal(self, answer: Answer, advice: str) -> FeedConfigurationError:
        """The error for an answer that no repetition will change."""
        return FeedConfigurationError(
            f"{self._place} refused the request with HTTP {answer.status}"
            f"{self._quoted(answer)}. {advice}"
        )

    @property
    def has_key(self) -> bool:
        """Whether requests carry a key."""
        return self._key is not None

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _once(self, path: str, parameters: Parameters, read: Callable[[Answer], T]) -> T:
        self.limit.wait(self._place)
        answer = self._asked(path, parameters)
        self._heed(answer)
        try:
            return read(answer)
        except FeedDataError as error:
            raise FeedDataError(f"{self._place}: {error}") from error

    def _asked(self, path: str, parameters: Parameters) -> Answer:
        try:
            with self._client.stream("GET", path, params=list(parameters)) as response:
                content = b"".join(self._bounded(response.iter_bytes()))
                return Answer(response.status_code, response.headers, content)
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise self._unavailable(f"{type(error).__name__}: {error}") from error

    def _bounded(self, parts: Iterator[bytes]) -> Iterator[bytes]:
        began, size = self._timer.monotonic(), 0
        for part in parts:
            size += len(part)
            late = self._timer.monotonic() - began > LONGEST_ANSWER_SECONDS
            if late or size > LARGEST_ANSWER_BYTES:
                raise self._unavailable(f"an answer that did not end in {size:,} bytes")
            yield part

    def _heed(self, answer: Answer) -> None:
        """Keep the pause that the vendor wants, and tell its failures from its answers."""
        if answer.status == 418:
            raise self._banned(answer)
        if answer.status == 429:
            self.limit.hold(answer.retry_after_seconds(PAUSE_SECONDS, self._timer.now()))
            raise self._unavailable(f"HTTP 429{self._quoted(answer)}")
        if answer.status >= 500 or answer.status in OVERLOADED:
            raise self._unavailable(f"HTTP {answer.status}{self._quoted(answer)}")
        if 300 <= answer.status < 400:
            raise self.refusal(answer, "It redirects elsewhere; set the base URL to that.")

    def _banned(self, answer: Answer) -> FeedUnavailableError:
        pause = answer.retry_after_seconds(BAN_SECONDS, self._timer.now())
        self.limit.hold(pause)
        until = self._timer.now() + timedelta(seconds=pause)
        return FeedUnavailableError(
            f"{self._place} banned this address until {until:%Y-%m-%d %H:%M:%S} UTC (HTTP 418"
            f"{self._quoted(answer)}). It is not asked before; run the window again then.",
            not_before=until,
        )

    def _unavailable(self, what: str) -> FeedUnavailableError:
        return FeedUnavailableError(
            f"{self._place} did not answer as it should: {self._without_key(what)}. It was asked "
            f"{ATTEMPTS} times; run the window again later."
        )

    def _quoted(self, answer: Answer) -> str:
        text = " ".join(answer.content[: 4 * LONGEST_QUOTE].decode(errors="replace").split())
        shown = "".join(c if c.isprintable() else "?" for c in self._without_key(text))
        return f": {shown[:LONGEST_QUOTE]}" if shown else ""

    def _without_key(self, text: str) -> str:
        return text.replace(self._key.get_secret_value(), "***") if self._key else text


def _may_pass(error: BaseException) -> bool:
    """Whether asking again soon may help."""
    if isinstance(error, FeedUnavailableError):
        return error.not_before is None
    return isinstance(error, FeedDataError)


def _checked_url(text: str, name: str, variable: str, *, with_key: bool) -> httpx.URL:
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        url = httpx.URL("")
    # The text itself is not shown, since it may hold a password.
    if url.scheme not in ("http", "https") or not url.host:
        raise FeedConfigurationError(
            f"{variable} is no URL of {name}. Write it like https://example.org or unset it."
        )
    if url.userinfo or url.query or url.fragment:
        raise FeedConfigurationError(
            f"{variable} has more than host and path. Take out user, password, '?' and '#'."
        )
    if with_key and url.scheme == "http" and url.host not in LOOPBACK:
        raise FeedConfigurationError(
            f"{variable} starts with http:, and would send the key of {name} for all to read. "
            "Write https:."
        )
    return url


def _checked_key(key: SecretStr, name: str) -> str:
    if not re.fullmatch(r"[!-~]+", key.get_secret_value()):
        raise FeedConfigurationError(
            f"the API key of {name} has a blank or a sign that no key has. Copy it anew."
        )
    return key.get_secret_value()
