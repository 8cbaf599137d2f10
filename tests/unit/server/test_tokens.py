"""Authentication by tokens, and the token files that a server refuses to start with."""

from pathlib import Path

import pytest

from server.settings import Misconfigured
from server.tokens import TOKEN_CHARACTERS_MIN, TOKENS_MAX, Metadata, Tokens, read_tokens

TOKEN, OTHER = "correct-horse-battery", "staple-correct-horse"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "token"


@pytest.mark.parametrize("token", [TOKEN, OTHER])
@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER ", "Bearer  "])
def test_a_known_token_is_admitted_whatever_the_case_of_its_scheme(scheme: str, token: str) -> None:
    tokens = Tokens([TOKEN, OTHER])
    assert tokens.admits([("user-agent", "gateway"), ("authorization", f"{scheme}{token}")])


@pytest.mark.parametrize(
    "metadata",
    [
        [],
        [("authorization", "")],
        [("authorization", "Bearer")],
        [("authorization", "Bearer ")],
        [("authorization", TOKEN)],
        [("authorization", f"Basic {TOKEN}")],
        [("authorization", f"Bearer{TOKEN}")],
        [("authorization", f"Bearer {TOKEN[:-1]}")],
        [("authorization", f"Bearer {TOKEN}x")],
        [("authorization", f"Bearer {TOKEN.upper()}")],
        [("authorization", f"Bearer {TOKEN} {OTHER}")],
        [("authorization", f"Bearer {TOKEN}".encode())],
        [("authorization-bin", f"Bearer {TOKEN}")],
        [("x-authorization", f"Bearer {TOKEN}")],
        [("authorization", "Bearer unknown"), ("authorization", f"Bearer {TOKEN}")],
        [("authorization", "Bearer schlüssel-überall")],
    ],
)
def test_other_credentials_are_not_admitted(metadata: Metadata) -> None:
    assert not Tokens([TOKEN, OTHER]).admits(metadata)


def test_without_tokens_no_request_is_admitted() -> None:
    assert not Tokens([]).admits([("authorization", "Bearer ")])


def test_tokens_are_not_kept_in_plain_text() -> None:
    kept = repr(vars(Tokens([TOKEN])))
    assert TOKEN not in kept


def test_a_token_file_has_a_token_a_line(file: Path) -> None:
    file.write_text(f"\n  {TOKEN}  \n\n{OTHER}\r\n\n")
    tokens = read_tokens(file)
    assert all(tokens.admits([("authorization", f"Bearer {token}")]) for token in (TOKEN, OTHER))


@pytest.mark.parametrize("content", ["", "\n \n\t\n", "x" * (TOKEN_CHARACTERS_MIN - 1), f"{TOKEN}\nshort\n"])
def test_a_file_without_a_token_or_with_one_that_can_be_guessed_is_refused(file: Path, content: str) -> None:
    file.write_text(content)
    with pytest.raises(Misconfigured, match="openssl rand -hex 32") as refused:
        read_tokens(file)
    assert str(file) in refused.value.message
    assert not content.strip() or content.strip() not in refused.value.message


def test_more_tokens_than_can_be_compared_with_every_call_are_refused(file: Path) -> None:
    file.write_text("".join(f"{TOKEN}-{number}\n" for number in range(TOKENS_MAX + 1)))
    with pytest.raises(Misconfigured, match=f"more than {TOKENS_MAX}"):
        read_tokens(file)


def test_without_a_file_a_server_says_how_to_make_one(file: Path) -> None:
    with pytest.raises(Misconfigured, match=r"^TOKEN_FILE is not set: .*`openssl rand -hex 32"):
        read_tokens(None)
    with pytest.raises(Misconfigured, match="cannot be read"):
        read_tokens(file)
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(Misconfigured, match="cannot be read"):
        read_tokens(file)
