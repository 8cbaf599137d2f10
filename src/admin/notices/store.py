"""Publishes notices to companies: an event, and a mail to the billing address if there is one.

Both are written in the transaction of their cause, so each exists exactly if the cause does. Workers deliver them
afterwards (admin.webhooks, admin.mail), and no transaction waits for that.
"""

import json

from admin.mail import store as mails
from admin.mail.domain import NewMail
from admin.notices.domain import Delivery, Notice
from wallet.ledger.pool import Connection
from wallet.ledger.queries import load

_SQL = load(__name__, Delivery)


async def publish(connection: Connection, notice: Notice) -> bool:
    """Write a notice's event and mail, in the caller's transaction; return False if its cause has been published."""
    data = json.dumps(dict(notice.data))
    company = await connection.fetchrow(_SQL["insert"], notice.company, notice.cause, notice.type.value, data)
    if company is None:
        return False
    if notice.template and company["billing_email"]:
        name = company["display_name"] or notice.company
        variables = {"company": notice.company, "name": name, **notice.variables}
        mail = NewMail(notice.company, notice.cause, company["billing_email"], notice.template, variables)
        await mails.enqueue(connection, mail)
    return True
