"""`make demo`: gateways at work on real traffic, with books of their own, and a verdict at the end.

play          the whole play, from new companies to the exit status
companies     who plays: the companies and their first credit
prices        what a message, a minute and a number cost
destinations  whom they write to and call
gateways/     SMS, WhatsApp, voice, rented numbers: what each sends, and when
backoffice    the admin service: companies, top-ups, the statement, VerifyLedger
books         what the gateways wrote down, and the comparison with the statement
measures      counts and latencies; progress and report show them
local         a service of its own on fresh data, with the gateways in a process beside it
"""
