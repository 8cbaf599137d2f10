#!/bin/sh
# The ceiling, with h2load (Debian: apt install nghttp2-client): calls a second of a bare gRPC handler, and of the
# service's boundary (tokens, framing) without any work behind it.
#
#   sh benchmarks/h2load.sh [SECONDS]
#
# h2load sends one body again and again. As a charge that would be one charge and then replays of it: so this measures
# no charges. With TARGET and TOKEN set, it also calls GetWallet of COMPANY there ("companies/acme"), which is a read;
# the token then stands on a command line, where other users of this machine can see it.

set -eu

SECONDS_EACH=${1:-5}
PYTHON=${PYTHON:-.venv/bin/python}
PORT=${PORT:-50059}
CONNECTIONS=4
IN_FLIGHT=16
SERVICE=veloconnect.charging.v1.ChargingService

directory=$(mktemp -d)
trap 'kill "$server" 2>/dev/null || true; rm -rf "$directory"' EXIT
server=

# A gRPC body: not compressed, its length in 4 bytes, the message.
body() {
    PYTHONPATH=src "$PYTHON" - "$1" "$2" > "$directory/body" <<'PYTHON_END'
import sys
from veloconnect.charging.v1 import charging_pb2
from veloconnect.wallet.v1 import wallet_pb2

usage = wallet_pb2.Usage(channel=wallet_pb2.CHANNEL_SMS, destination="+4915112345678", quantity=1)
messages = {
    "Charge": lambda company: charging_pb2.ChargeRequest(
        company=company, idempotency_key="h2load", usage=usage, amount_micros=75_000),
    "GetWallet": lambda company: charging_pb2.GetWalletRequest(name=f"{company}/wallet"),
}
message = messages[sys.argv[1]](sys.argv[2]).SerializeToString()
sys.stdout.buffer.write(b"\0" + len(message).to_bytes(4, "big") + message)
PYTHON_END
}

# $1 address, $2 method, more headers after that. The status of a gRPC call is in its trailers, which h2load does not
# read: look at the server's own figures for errors.
load() {
    address=$1 method=$2
    shift 2
    h2load --duration="$SECONDS_EACH" --warm-up-time=1 --clients="$CONNECTIONS" \
        --max-concurrent-streams="$IN_FLIGHT" --data="$directory/body" \
        --header="content-type: application/grpc" --header="te: trailers" "$@" \
        "http://$address/$SERVICE/$method" |
        grep -E "^(finished|requests|status codes|time for request)"
}

PYTHONPATH=src:. "$PYTHON" -m benchmarks.echo_server "$PORT" &
server=$!
tries=0
until "$PYTHON" -c "import socket; socket.create_connection(('127.0.0.1', $PORT)).close()" 2>/dev/null; do
    tries=$((tries + 1))
    [ "$tries" -lt 100 ] || { echo "the bare handler does not start" >&2; exit 1; }
    sleep 0.1
done
echo "bare handler, $((CONNECTIONS * IN_FLIGHT)) in flight"
body Charge companies/bench
load "127.0.0.1:$PORT" Charge

if [ -n "${TARGET:-}" ]; then
    echo "GetWallet at $TARGET, $((CONNECTIONS * IN_FLIGHT)) in flight"
    body GetWallet "${COMPANY:?COMPANY is not set}"
    load "$TARGET" GetWallet --header="authorization: Bearer ${TOKEN:?TOKEN is not set}"
fi
