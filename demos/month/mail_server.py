"""A mail server that takes every mail and keeps it as a file."""

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
    """One that was taken."""

    recipient: str
    subject: str
    file: Path


class Post:
    """The server; `with` starts and stops it."""

    def __init__(self, directory: Path) -> None:
        """Keep mails in a directory, numbered as they come; those of an earlier demo are removed."""
        self._directory = directory
        self._controller = Controller(self, hostname=LOOPBACK, port=free_port(), ready_timeout=START_SECONDS_MAX)
        self._lock = threading.Lock()
        self._taken: list[Mail] = []

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
        """As SMTP_URL has it."""
        return f"smtp://{LOOPBACK}:{self._controller.port}"

    @property
    def taken(self) -> list[Mail]:
        """All mails so far, in their order."""
        with self._lock:
            return list(self._taken)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802  aiosmtpd's
        """Take a mail."""
        content = envelope.content
        assert isinstance(content, bytes)
        message: EmailMessage = message_from_bytes(content, policy=policy.default)
        subject = str(message["Subject"]).strip()  # A long one begins on a line of its own.
        with self._lock:
            words = re.sub(r"[^a-z0-9]+", "-", subject.lower())[:NAME_LENGTH_MAX].strip("-")
            file = self._directory / f"{len(self._taken) + 1:02}-{words}.eml"
            file.write_bytes(content)
            self._taken.append(Mail(envelope.rcpt_tos[0], subject, file))
        return "250 taken"
