"""Telling people by ``apprise``: mail, chat services, webhooks and more, by URLs of its making.

Add here how a message is sent; avoid what it says. The URLs hold secrets: they come from the
environment, and are in no log, error or metadata.
"""

import logging

from coordinator_pipelines import settings
from coordinator_pipelines.domain.doors.notifier import Message, Notifier
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.values.errors import AlertError


class AppriseNotifier(Notifier):
    """Tells everybody whose URL the environment has."""

    def __init__(self, challenge: Challenge) -> None:
        self._challenge = challenge

    @property
    def is_set(self) -> bool:
        """See :meth:`Notifier.is_set`."""
        return bool(settings.alert_urls(self._challenge.name)[1])

    def send(self, message: Message) -> None:
        """See :meth:`Notifier.send`."""
        # Its 200 services take a while to be imported, and most runs tell nobody anything.
        import apprise  # noqa: PLC0415

        # What they log of an URL that they do not understand, or cannot reach, is the URL.
        for name in ("apprise", "urllib3"):
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        variable, urls = settings.alert_urls(self._challenge.name)
        kind = apprise.NotifyType.SUCCESS if message.good else apprise.NotifyType.FAILURE
        failed = []
        for number, url in enumerate(urls, 1):
            service = apprise.Apprise()
            if not service.add(url.get_secret_value()):
                failed.append(f"URL {number} is none that apprise knows")
            elif not service.notify(title=message.title, body=message.text, notify_type=kind):
                failed.append(f"URL {number} was not reached, or refused the message")
        if failed:
            raise AlertError(f"{variable}: {'; '.join(failed)}")
