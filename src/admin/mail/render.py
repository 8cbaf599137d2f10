"""Renders mails of the outbox as messages in plain text and HTML, from the files in templates/.

A template `x` has three files: x.subject.txt, x.txt and x.html. Variables are escaped in HTML and cannot add a header.
"""

from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from admin.mail.domain import ClaimedMail


def render_message(mail: ClaimedMail, sender: str) -> EmailMessage:
    """Return the message of a mail, from `sender`, an address such as "billing@example.com".

    Every attempt to send a mail has the same Message-ID, so that a mailbox can recognize a second copy. Raise
    jinja2.TemplateError or ValueError if the template is missing, lacks a variable or makes a bad header; another
    attempt would fail in the same way.
    """
    message = EmailMessage(policy=SMTP)
    address = Address(addr_spec=sender)
    message["From"] = Address("", address.username, address.domain)
    message["To"] = Address(addr_spec=mail.recipient)
    message["Subject"] = " ".join(_render(f"{mail.template}.subject.txt", mail).split())
    message["Date"] = format_datetime(mail.created_at)
    message["Message-ID"] = f"<mail-{mail.serial}@{address.domain}>"
    # Asks for no automatic replies (RFC 3834).
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(_render(f"{mail.template}.txt", mail))
    message.add_alternative(_render(f"{mail.template}.html", mail), subtype="html")
    return message


def _render(name: str, mail: ClaimedMail) -> str:
    return _environment().get_template(name).render(mail.variables)


@cache
def _environment() -> Environment:
    # A missing variable raises an error, and leaves no gap in a mail.
    return Environment(
        loader=PackageLoader("admin.mail"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
