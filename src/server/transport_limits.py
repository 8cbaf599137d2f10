"""What both fronts allow a connection, with the same bounds. `deploy/envoy.yaml` repeats them."""

import resource

STREAMS_MAX = 1_000
"""Calls at once on one connection; a client holds back what is beyond. A burst over one connection costs as much CPU
with the limit as without (docs/internals/attacks.md)."""
METADATA_BYTES_MAX = 16 * 1024
"""Of a call, as HTTP/2 counts: names, values and 32 bytes for each. W3C's baggage alone may have 8 KiB."""
HANDSHAKE_SECONDS_MAX = 10
"""How long a connection may take for TLS and its first frame."""
CONNECTION_AGE_SECONDS = 300
"""After this time clients connect again, so that a new worker or machine gets its share."""
CONNECTION_IDLE_SECONDS = 60
"""A connection without a call is closed after this time: a stranger who keeps them has to come back every minute.
A client connects again with its next call."""
STREAM_SECONDS_MAX = 900
"""How long a call may go on when its connection is that old, and be silent: longer than the longest stream of ours."""
ANSWER_SECONDS_MAX = 60
"""How long a caller may take to receive an answer: HTTP downloads have the same limit. A caller that never receives
would hold memory, and its place among the concurrent exports."""
KEEPALIVE_SECONDS = 60
KEEPALIVE_TIMEOUT_SECONDS = 20

DESCRIPTORS = 65_536
"""File descriptors that a process asks for. Each connection takes one, and many systems give 1 024 if none is asked."""


def raise_descriptor_limit() -> None:
    """Let this process and those it starts have DESCRIPTORS file descriptors, or as many as the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(DESCRIPTORS, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
