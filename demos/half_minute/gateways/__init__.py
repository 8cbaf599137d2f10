"""The gateways: each has a client of the service, books of its own, and traffic to charge for.

answers           the meaning of the service's answers: a decline, a retryable error, or an unexpected one
client            at-least-once calls: sent under one key until the answer is definite, and some of them twice
stream            the same for StreamCharges
batches           batches, by BatchCharge or by stream, until every charge in them has a definite answer
gateway           the base class: a client, books, and a payer that tops the wallet up after a decline
batching          a gateway that charges in batches
campaigns         SMS in bursts: charged on submit one by one or in batches, or captured from one hold on delivery
one_time_codes    a hold for each code, captured on the delivery report
delivery_reports  random delivery reports
whatsapp          templates
voice             calls
rented_numbers    a month's rent in advance
parcel_alerts     alerts by stream, until the funds are used up
"""
