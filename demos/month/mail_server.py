"""A mail server that accepts every mail and keeps it as a file."""

import re
import threading
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from devstack.ports import LOOPBACK, free_port

START_SECONDS_MAX = 10.0
NAME_LENGTH_MAX = 60


class Mail(NamedTuple):
    """A received mail."""

    recipient: str
    subject: str
    file: Path


class MailServer:
    """The server; `with` starts and stops it."""

    def __init__(self, directory: Path) -> None:
        """Keep mails in a directory, numbered in order of arrival; mails of an earlier demo are removed."""
        self._directory = directory
        self._controller = Controller(self, hostname=LOOPBACK, port=free_port(), ready_timeout=START_SECONDS_MAX)
        self._lock = threading.Lock()
        self._mails: list[Mail] = []

    def __enter__(self) -> Self:
        self._directory.mkdir(parents=True, exist_ok=True)
        for file in self._directory.glob("*.eml"):
            file.unlink()
        self._controller.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._controller.stop()

    @property
    def url(self) -> str:
        """The value for SMTP_URL."""
        return f"smtp://{LOOPBACK}:{self._controller.port}"

    @property
    def mails(self) -> list[Mail]:
        """All mails so far, in order of arrival."""
        with self._lock:
            return list(self._mails)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802  aiosmtpd's
        """Store a mail (called by aiosmtpd)."""
        content = envelope.content
        assert isinstance(content, bytes)
        message: EmailMessage = message_from_bytes(content, policy=policy.default)
        subject = str(message["Subject"]).strip()  # A long one begins on a line of its own.
        with self._lock:
            slug = re.sub(r"[^a-z0-9]+", "-", subject.lower())[:NAME_LENGTH_MAX].strip("-")
            file = self._directory / f"{len(self._mails) + 1:02}-{slug}.eml"
            file.write_bytes(content)
            self._mails.append(Mail(envelope.rcpt_tos[0], subject, file))
        return "250 taken"
