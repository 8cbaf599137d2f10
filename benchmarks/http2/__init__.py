"""A light gRPC client over HTTP/2: about 20 µs of CPU per request.

It implements HTTP/2 itself, plain (h2c) or over TLS, as far as a benchmark needs it: unary calls
with headers that differ only in their path.

- `frames`, `headers`, `outcomes`: the bytes of HTTP/2, of HPACK, and of a call's end
- `endpoint`: addresses, token and certificates of a service
- `calls`, `connection` (its reading half) and `outgoing` (its sending half): one call, one connection
- `client`: several connections, replaced when they are lost
"""
