"""Authentication of callers by bearer tokens from a file.

Scopes, client certificates and an audit log would be added here: `Tokens.admits` is called once per call, before the
request is read.
"""

import hmac
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path

from server.settings import Misconfigured

TOKENS_MAX = 1000
TOKEN_CHARACTERS_MIN = 16
ADMITTED_MAX = 2000
"""Bound of the headers that are remembered: one token may come with several spellings of its scheme."""

_SCHEME = "bearer "
_HOW = "Make one with `openssl rand -hex 32 > token` and set TOKEN_FILE=token."

Metadata = Sequence[tuple[str, str | bytes]]


class Tokens:
    """The known tokens. They are compared by their hashes, so that each comparison takes the same time."""

    def __init__(self, tokens: Sequence[str]) -> None:
        """Admit callers with one of `tokens`."""
        self._hashes = [_hashed(token.encode()) for token in tokens]
        self._admitted: set[str] = set()
        """Headers with a known token, as received: a caller's second call is not hashed again."""

    def admits(self, metadata: Metadata) -> bool:
        """Return whether the caller's token is known. A wrong token takes as long as a right one that is new."""
        for key, value in metadata:
            if key == "authorization" and isinstance(value, str):
                return value in self._admitted or self._admits(value)
        return False

    def _admits(self, header: str) -> bool:
        if header[: len(_SCHEME)].lower() != _SCHEME or not self._knows(header[len(_SCHEME) :].strip()):
            return False
        if len(self._admitted) < ADMITTED_MAX:
            self._admitted.add(header)
        return True

    def _knows(self, token: str) -> bool:
        given = _hashed(token.encode())
        known = False
        for kept in self._hashes:
            known |= hmac.compare_digest(given, kept)
        return known


def read_tokens(path: Path | None) -> Tokens:
    """Read a token file: one token per line, blank lines ignored. Raises Misconfigured, saying what to do."""
    if path is None:
        raise Misconfigured(f"TOKEN_FILE is not set: callers are identified by tokens; list one token per line. {_HOW}")
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"TOKEN_FILE={path} cannot be read ({error}). {_HOW}") from error
    tokens = [line.strip() for line in lines if line.strip()]
    if not tokens:
        raise Misconfigured(f"TOKEN_FILE={path} has no token in it. {_HOW}")
    if len(tokens) > TOKENS_MAX:
        raise Misconfigured(f"TOKEN_FILE={path} has more than {TOKENS_MAX} tokens.")
    if any(len(token) < TOKEN_CHARACTERS_MIN for token in tokens):
        raise Misconfigured(
            f"TOKEN_FILE={path} has a token of fewer than {TOKEN_CHARACTERS_MIN} characters, which could be guessed. "
            f"{_HOW}"
        )
    return Tokens(tokens)


def _hashed(token: bytes) -> bytes:
    return blake2b(token, digest_size=32).digest()
