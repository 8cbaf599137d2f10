"""Loads: the requests, how many are in flight or per second, and the counts of their answers.

Unary calls go through the light client in `benchmarks.http2`, streams through gRPC's own.

- `templates`, `distributions`, `books`: prepared messages, the choice of companies, the expected charges
- `workloads`, `batches`, `voice`, `back_office`: the requests, and how their answers are booked
- `closed_loop`: N calls in flight; `open_loop`: a constant rate; `stream_loop`: N batches in flight on a stream
- `measurement`, `histogram`, `tally`, `cpu`: a run, its counts and latencies, and its CPU time
"""
