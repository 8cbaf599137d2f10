"""A gRPC load generator that costs the machine little: some 20 µs of CPU a request.

It speaks HTTP/2 itself, plain (h2c) or over TLS, and knows only what a benchmark needs: unary calls
with headers that change only in their path, and messages that are prepared but for their keys.

- `frames`, `headers`, `outcomes`: the bytes of HTTP/2, of HPACK, and of a call's end
- `endpoint`, `calls`, `connection`, `client`: where, one call, one connection, several that are opened again when lost
- `templates`, `draws`, `books`: prepared messages, whose turn it is, what must be paid
- `workloads`, `batches`, `voice`, `back_office`: which requests are sent, and how their answers are booked
- `closed_loop`: N calls in flight; `open_loop`: a constant rate; `stream_loop`: N batches in flight on a stream
- `measuring`, `histogram`, `tally`, `cpu`: a run, what came of it and what it cost
"""
