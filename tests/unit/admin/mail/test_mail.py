"""Mails as they are rendered, SMTP_URL, and when a mail is given up."""

import re
from datetime import UTC, datetime
from email.headerregistry import Address
from importlib.resources import files

import pytest
from jinja2 import UndefinedError

from admin.mail.domain import (
    BACKOFF,
    REFUSALS_MAX,
    ClaimedMail,
    retry_delay_seconds,
)
from admin.mail.render import render_message
from admin.mail.wiring import mail_transport
from admin.settings import AdminSettings
from admin.smtp_url import MailServer, Security, parse_smtp_url
from server.settings import Misconfigured, read_settings

NOW = datetime(2026, 11, 25, 2, 0, tzinfo=UTC)
SENDER = "billing@charging.example"
VARIABLES = {
    "company": "acme",
    "name": "Acme & <b>Sons</b>\r\nBcc: thief@elsewhere.example",
    "available": "12.50 EUR",
    "empty_time": "2026-11-26 14:00 UTC",
    "amount": "50.00 EUR",
    "threshold": "20.00 EUR",
    "code": "card_declined",
    "window": "month",
    "until": "2026-12-01 00:00 UTC",
    "url": "https://acme.example/hooks",
    "failing_since": "2026-11-23 00:00 UTC",
    "error": "it answered 500",
    "balance": "62.50 EUR",
    "payment_reference": "VC-7KQ2-M4TD-9XWE",
    "why": "it did not come",
    "subscription": "number-1",
    "required": "1.20 EUR",
    "suspend_time": "2026-12-01 00:00 UTC",
}
TEMPLATES = sorted(
    path.name.removesuffix(".subject.txt")
    for path in (files("admin.mail") / "templates").iterdir()
    if path.name.endswith(".subject.txt")
)


def mail(template: str = "balance_warning", **fields: object) -> ClaimedMail:
    values: dict[str, object] = {
        "serial": 17,
        "company": "acme",
        "cause": "test",
        "recipient": "people@acme.example",
        "template": template,
        "variables": VARIABLES,
        "failures": 0,
        "refusals": 0,
        "created_at": NOW,
        "claimed_until": NOW,
        "age_seconds": 0.0,
    }
    return ClaimedMail(**{**values, **fields})  # type: ignore[arg-type]  # a test's choice


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_template_renders_a_mail_that_its_variables_cannot_alter(template: str) -> None:
    """HTML and line ends in a display name add neither markup nor a header."""
    message = render_message(mail(template), SENDER)
    assert message["Message-ID"] == "<mail-17@charging.example>"
    assert message["To"].addresses == (Address(addr_spec="people@acme.example"),)
    assert message["Bcc"] is None
    assert "\n" not in message["Subject"]
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    assert text is not None
    assert html is not None
    source = (files("admin.mail") / "templates" / f"{template}.txt").read_text()
    for name in set(re.findall(r"{{ (\w+) }}", source)) - {"name"}:
        assert VARIABLES[name] in text.get_content()
        assert VARIABLES[name] in html.get_content()
    assert "Acme & <b>Sons</b>" in text.get_content()
    assert "Acme &amp; &lt;b&gt;Sons&lt;/b&gt;" in html.get_content()
    assert b"\nBcc:" not in message.as_bytes().split(b"\r\n\r\n", 1)[0]


def test_every_template_has_its_three_files() -> None:
    names = {path.name for path in (files("admin.mail") / "templates").iterdir()}
    assert names == {f"{name}.{kind}" for name in TEMPLATES for kind in ("subject.txt", "txt", "html")} | {
        "layout.txt",
        "layout.html",
    }


def test_a_missing_variable_is_an_error_and_no_gap() -> None:
    with pytest.raises(UndefinedError):
        render_message(mail(variables={"company": "acme"}), SENDER)


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://relay.example", MailServer("relay.example", 25, Security.NONE, None, None)),
        ("smtps://u:p%40ss@[::1]:4650/", MailServer("::1", 4650, Security.TLS, "u", "p@ss")),
        ("smtp+starttls://u:p@mail.example", MailServer("mail.example", 587, Security.STARTTLS, "u", "p")),
        ("smtp://u:p@127.0.0.1:2525", MailServer("127.0.0.1", 2525, Security.NONE, "u", "p")),
    ],
)
def test_smtp_url_names_the_server_and_its_security(url: str, server: MailServer) -> None:
    assert parse_smtp_url(url) == server


@pytest.mark.parametrize(
    "url",
    [
        "mail.example",
        "http://mail.example",
        "smtp://",
        "smtps://u:secret@mail.example:none",
        "smtp://u:secret@away.example",
    ],
)
def test_a_malformed_smtp_url_is_refused_without_its_password(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMTP_URL", url)
    with pytest.raises(Misconfigured, match=r"^SMTP_URL: ") as refused:
        read_settings(AdminSettings)
    assert "secret" not in refused.value.message


def test_smtp_url_needs_mail_from() -> None:
    assert mail_transport(None, None) is None
    assert mail_transport("smtp://relay.example", SENDER) is not None
    with pytest.raises(Misconfigured, match="MAIL_FROM"):
        mail_transport("smtp://relay.example", None)


def test_a_mail_is_given_up_after_many_refusals_or_five_days() -> None:
    assert retry_delay_seconds(mail(refusals=REFUSALS_MAX - 1, failures=9), refused=True) is None
    assert retry_delay_seconds(mail(refusals=REFUSALS_MAX - 1, failures=9), refused=False) is not None
    assert retry_delay_seconds(mail(refusals=0, failures=999), refused=True) == BACKOFF.seconds_max
    assert retry_delay_seconds(mail(age_seconds=BACKOFF.age_seconds_max + 1), refused=False) is None
