"""The gateways: each has a line to the service, books of its own, and traffic to charge for.

    answers   the service's answers, sorted: a decline, no answer yet, or a refusal that must not happen
    line      at-least-once calls: sends under one key until the answer is definite, and now and then twice
    stream    the same for StreamCharges
    batches   batches, by BatchCharge or by stream, until every charge in them has a definite answer
    gateway   what all gateways share: a line, books, and a back office to wait for when the money is gone
    sms       campaigns and one-time codes: charged on submit, or authorized and captured on the delivery report
    whatsapp  templates
    voice     calls
    numbers   rented numbers
    courier   the company that runs dry
"""
