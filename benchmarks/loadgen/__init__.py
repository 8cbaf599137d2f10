"""Loads: which requests are sent, how many at once or how often, and what is counted of their answers.

Unary calls go through the light client in `benchmarks.http2`, streams through gRPC's own.

- `templates`, `draws`, `books`: prepared messages, which company is next, what must be paid
- `workloads`, `batches`, `voice`, `back_office`: which requests are sent, and how their answers are booked
- `closed_loop`: N calls in flight; `open_loop`: a constant rate; `stream_loop`: N batches in flight on a stream
- `measuring`, `histogram`, `tally`, `cpu`: a run, what came of it and what it cost
"""
