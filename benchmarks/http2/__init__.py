"""A gRPC client over HTTP/2 that costs the machine little: some 20 µs of CPU a request.

It speaks HTTP/2 itself, plain (h2c) or over TLS, and knows only what a benchmark needs: unary calls
with headers that change only in their path.

- `frames`, `headers`, `outcomes`: the bytes of HTTP/2, of HPACK, and of a call's end
- `endpoint`: where a service listens, and how to get in
- `calls`, `connection` (its reading half) and `outgoing` (its sending half): one call, one connection
- `client`: several connections that are opened again when lost
"""
