"""`make demo`: gateways charge for realistic traffic and keep books of their own, which are compared at the end.

run           the whole demo, from new companies to the exit status
companies     the companies and their first top-ups
payer         tops a wallet up after a decline
prices        prices of a message, a minute and a number
destinations  phone numbers of recipients
gateways/     SMS, WhatsApp, voice, rented numbers: the traffic of each
back_office   a client of admin: companies, top-ups, the statement, VerifyLedger
books         the gateways' records, and their comparison with the statement
metrics      counts and latencies; progress and report show them
local         a service of its own on fresh data, with the gateways in a process beside it
"""
