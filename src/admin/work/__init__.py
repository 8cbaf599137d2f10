"""Background work of the back office: a worker for each kind, each with `run_once()`.

Two processes may do the same work at the same time, and each may be killed at any step. Workers get their work in one
of these forms, each of which makes it take effect once:

- Mail and webhook events: `claim` claims a row until a time. A failure is recorded, and the claim given back by
  `release`, only where the row still has that time.
- Top-ups, their refunds, chargebacks and automatic top-ups in flight: `claim` moves on when the row is due next, and
  nothing is given back. Keys of the ledger and of the provider make the effect happen once.
- Subscriptions: `due` only reads. `save` replaces the version that was read, or writes nothing.
- Refund jobs: `running` only reads. `advance` moves on from the position that was read, or writes nothing.
- Alerts, receipts, counted usage and new automatic top-ups: companies in the order of their ids (`company_sweep`). A
  lock on one of the company's rows is held for the whole step.

A `claim` has one form in SQL: a CTE selects due rows FOR UPDATE SKIP LOCKED, so that two processes get different ones,
and the same statement updates and returns them. Mail and events are sent at least once: a process that is killed
between sending and recording leaves a claim that ends by itself.

Python has no common form. A claim is one statement there, and everything between it and its release differs: one SMTP
session for a batch, one task for a company, one provider call for a row.
"""
