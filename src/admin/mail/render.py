"""Makes a message of a mail in the outbox: plain text and HTML, from the files in templates/.

A mail `x` has three: x.subject.txt, x.txt, x.html. Words from outside are escaped in HTML and cannot add a header.
"""

from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from admin.mail.domain import ClaimedMail


def letter(mail: ClaimedMail, sender: str) -> EmailMessage:
    """Return the message of a mail, from `sender`, an address such as "billing@example.com".

    It has the same Message-ID however often it is sent, so that a mailbox can tell a second copy. Raises
    jinja2.TemplateError and ValueError where the template or the words do not fit: another try changes nothing.
    """
    message = EmailMessage(policy=SMTP)
    address = Address(addr_spec=sender)
    message["From"] = Address("", address.username, address.domain)
    message["To"] = Address(addr_spec=mail.recipient)
    message["Subject"] = " ".join(_rendered(f"{mail.template}.subject.txt", mail).split())
    message["Date"] = format_datetime(mail.created_at)
    message["Message-ID"] = f"<mail-{mail.serial}@{address.domain}>"
    # No answers from machines (RFC 3834).
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(_rendered(f"{mail.template}.txt", mail))
    message.add_alternative(_rendered(f"{mail.template}.html", mail), subtype="html")
    return message


def _rendered(name: str, mail: ClaimedMail) -> str:
    return _environment().get_template(name).render(mail.words)


@cache
def _environment() -> Environment:
    # A word that is missing is an error, not a gap in somebody's mail.
    return Environment(
        loader=PackageLoader("admin.mail"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
