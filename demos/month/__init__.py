"""`make demo-month`: a company's month on a real service, with books of its own that are compared at the end.

days              the order of the days
onboarding        prices, the company, its webhook and its alerts
payments          cards, transfers, refunds to a card, chargebacks
auto_top_ups      automatic top-ups, and a card that is declined
traffic           messages and calls of the company's gateways, and their charges
rented_numbers    rented numbers
refunds           an outage, messages that were not delivered, a refund case, an adjustment
month_end         documents, the statement, mails, events
checks            the demo's books against the ledger and the documents
demo              the state that all days share: clients, books, and waiting for the service
prices            the rate card, and the demo's own calculation of costs
service           the service, its payment provider, a mail server and the company's webhook, all on this machine
clients, mail_server, webhook_receiver, bank   gRPC and HTTP, mail, events, and the cardholder's bank
"""
