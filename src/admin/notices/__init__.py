"""Notices: one event for a company's webhook and, if the company has a billing address, one mail, in one transaction.

To add a webhook event: add its type to `EventType` (event_types.py), and `publish` (store.py) a `Notice` of that type
in the transaction that makes its cause. `admin.webhooks` sends the event. For a mail as well, give the notice a
template, and add the template's files to admin/mail/templates; `admin.mail` sends it.
"""
