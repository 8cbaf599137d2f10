"""Tells companies what happened: an event, and a mail to the billing address where there is one.

Both are put in the transaction of their cause, so there is one of each exactly where there is a cause; workers hand
them on afterwards, and nothing waits for them.
"""

import json

from admin.mail import store as mails
from admin.mail.domain import NewMail
from admin.notices.domain import Delivery, Notice
from wallet.ledger.pool import Connection
from wallet.ledger.queries import load

_SQL = load(__name__, Delivery)


async def tell(connection: Connection, notice: Notice) -> bool:
    """Put a notice into the outboxes, in the caller's transaction; return False where its cause was told before."""
    data = json.dumps(dict(notice.data))
    told = await connection.fetchrow(_SQL["put"], notice.company, notice.cause, notice.type.value, data)
    if told is None:
        return False
    if notice.template and told["billing_email"]:
        words = {"company": notice.company, "name": told["display_name"] or notice.company, **notice.words}
        mail = NewMail(notice.company, notice.cause, told["billing_email"], notice.template, words)
        await mails.put(connection, mail)
    return True
