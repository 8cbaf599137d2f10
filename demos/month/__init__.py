"""`make demo-month`: a month of a company's life on a real service, with books of its own and a verdict.

play        the order of the days
opening     prices, the company, what it wants to be told
payments    cards, transfers, refunds to a card, chargebacks
automatic   the card that is charged by itself, and what happens when it is declined
traffic     what the company's gateways send, and what they must pay for it
numbers     rented numbers
complaints  an outage, what was not delivered, a case, a correction
closing     documents, the statement, mails, events: what is left of the month
verdict     the demo's books against the ledger's
stage       what all of them have: clients, books, and waiting for what the service does by itself
prices      the rate card, and the demo's own reckoning by it
service     the service, its payment provider, a mail server and the company's webhook, all real and on this machine
clients, post, hook, bank   one each: gRPC and HTTP, mail, events, the cardholder's bank
"""
