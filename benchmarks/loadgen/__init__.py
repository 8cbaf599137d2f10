"""A gRPC load generator that costs the machine little: some 20 µs of CPU a request.

It speaks HTTP/2 itself, on plain connections (h2c), and knows only what a benchmark needs: unary
calls with headers that never change and messages that are prepared but for their idempotency keys.

- `frames`, `headers`, `outcomes`: the bytes of HTTP/2, of HPACK, and of a call's end
- `calls`, `connection`, `client`: one call, one connection, several that are opened again when lost
- `templates`, `workloads`, `books`: prepared messages, which of them are sent, what must be paid
- `closed_loop`: N calls in flight; `histogram`, `tally`, `cpu`: what came of it and what it cost
"""
