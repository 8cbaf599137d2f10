"""The gateways: each has a line to the service, books of its own, and traffic to charge for.

answers   the service's answers, sorted: a decline, no answer yet, or a refusal that must not happen
line      at-least-once calls: sends under one key until the answer is definite, and now and then twice
stream    the same for StreamCharges
batches   batches, by BatchCharge or by stream, until every charge in them has a definite answer
gateway   what all gateways share: a line, books, and a treasury to wait for when the money is gone
batching  a gateway that charges in batches
campaigns SMS in bursts: charged on submit one by one or in batches, or captured from one hold as they arrive
codes     one-time codes: a hold for each, captured on the delivery report
reports   the delivery reports
whatsapp  templates
voice     calls
numbers   rented numbers
courier   the company that runs dry
"""
