"""Decks as carriers and spreadsheets write them are read as they are meant, or refused with a reason."""

from calendar import timegm
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admin.rates.decks import files, reader
from admin.rates.decks.columns import HEADERS
from admin.rates.decks.files import DECK_ROWS_MAX, LINE_LENGTH_MAX, ROW_LINES_MAX
from admin.rates.decks.reader import DeckSettings
from admin.rates.decks.writer import deck_lines
from server.countries import COUNTRIES
from tests.support.deck_texts import NOW, VOICE, rate, rates, read, refusal
from wallet.domain.rates import NEVER, QUANTITY_MAX, UNIT_PRICE_MAX, Rate
from wallet.domain.times import TIME_MAX
from wallet.domain.usage import Channel


def micros(*date: int) -> int:
    """Return a time in UTC, year first, in microseconds since the epoch."""
    return timegm((*date, 0, 0, 0)[:6]) * 1_000_000


def with_columns(columns: Mapping[str, str]) -> DeckSettings:
    """Return settings that map fields to headers."""
    return DeckSettings(channel=Channel.VOICE, columns=columns)


GERMANY = Rate(Channel.VOICE, "", "+49", 12_500, effective_at=NOW, description="Germany")


@pytest.mark.parametrize(
    "data",
    [
        b"Prefix,Destination,Rate\n49,Germany,0.0125\n",
        b"Prefix,Destination,Rate\r\n49,Germany,0.0125",
        b"Prefix,Destination,Rate\r49,Germany,0.0125\r",
        b"\n \nPrefix,Destination,Rate\n\n,,\n49,Germany,0.0125\n , ,\n\n",
        "\ufeffPrefix,Destination,Rate\n49,Germany,0.0125\n".encode(),
        "Prefix,Destination,Rate\n49,Germany,0.0125\n".encode("utf-16"),
        "\ufeffPrefix,Destination,Rate\n49,Germany,0.0125\n".encode("utf-16-be"),
        b"Prefix;Destination;Rate\n49;Germany;0,0125\n",
        b"Prefix\tDestination\tRate\n49\tGermany\t0,0125\n",
        b"Prefix|Destination|Rate\n+49|Germany|.0125\n",
        b'"Prefix";"Destination";"Rate"\n"49";"Germany";"0,0125000000"\n',
        b'"Prefix", "Destination", "Rate"\n"49", "Germany", "0.0125"\n',
        b'"Prefix","Destination\n(where; it; goes; to)","Rate"\n49,Germany,0.0125\n',
        b" dial-code ,DESTINATION NAME,Price_per_Minute,LCR;a;b;c\n 49 , Germany , 0.0125 ,x\n",
    ],
)
def test_a_deck_is_read_in_any_csv_format(data: bytes) -> None:
    settings = with_columns({"destination": "Destination\n(where; it; goes; to)"}) if b"where" in data else VOICE
    assert rates(data, settings) == [GERMANY]


def test_every_field_is_read() -> None:
    headers = "channel,variant,country,description,rate,connect fee,minimum,interval_1,interval_n,effective date,expiry"
    row = "WhatsApp,template.marketing,de,Germany,0.0755,0.01,2,3,4,2027-01-01,2027-02-01"
    assert rate(row, headers, DeckSettings()) == Rate(
        channel=Channel.WHATSAPP,
        variant="template.marketing",
        destination="DE",
        unit_price=75_500,
        connect_fee=10_000,
        minimum_quantity=2,
        first_increment=3,
        next_increment=4,
        effective_at=micros(2027, 1, 1),
        expires_at=micros(2027, 2, 1),
        description="Germany",
    )


def test_empty_cells_and_missing_columns_have_defaults() -> None:
    headers = "prefix,rate,connect fee,minimum,first,next,effective,expires"
    plain = Rate(Channel.VOICE, "", "+49", 12_500, effective_at=NOW)
    assert rate("49,0.0125,,,,,,", headers) == plain
    assert rate("49,0.0125,0,0,0,0,,", headers) == plain
    settings = DeckSettings(channel=Channel.VOICE, variant="premium", effective_at=5)
    assert rate("49,0.0125", settings=settings) == Rate(Channel.VOICE, "premium", "+49", 12_500, effective_at=5)
    assert rate("49,0.0125,", "prefix,rate,variant", settings).variant == ""


def test_a_deck_of_a_carrier_is_read() -> None:
    headers = "prefix,destination,rate_per_minute,connect_fee,initial_seconds,increment_seconds"
    one = rate("1201555,USA Directory Assistance,1.50000,0.00000,0,6", headers)
    assert one == Rate(
        Channel.VOICE, "", "+1201555", 1_500_000, 0, 0, 0, 6, NOW, description="USA Directory Assistance"
    )


def test_known_headers_are_unique_and_not_empty() -> None:
    names = [name.strip() for listed in HEADERS.values() for name in listed.split(",")]
    assert all(names)
    assert len(names) == len(set(names))


def test_a_deck_without_destinations_prices_all() -> None:
    expected = Rate(Channel.SMS, "", "", 50_000, effective_at=NOW)
    assert rate("0.05", "rate", DeckSettings(channel=Channel.SMS)) == expected


def test_a_row_with_line_breaks_counts_from_its_first_line() -> None:
    text = 'prefix,destination,rate\n49,"Germany\r\nmobile, ""all""\nof it",1\n43,"Austria\n\n",x\n'
    assert refusal(text).line == 5
    first, second = rates(text.replace(",x", ",2"))
    assert (first.description, second.description) == ('Germany mobile, "all" of it', "Austria")


@pytest.mark.parametrize(
    ("first", "second", "why"),
    [
        ("49,1,,", "+49,2,,", "begins at the same time as line 2"),
        ("49,1,2027-01-01,2027-03-01", "49,2,2027-02-01,", "is in force at the same time as line 2"),
        ("49,2,2027-02-01,", "49,1,2027-01-01,2027-03-01", "is in force at the same time as line 2"),
    ],
)
def test_overlapping_rates_of_a_place_are_refused(first: str, second: str, why: str) -> None:
    bad = refusal(f"prefix,rate,start,end\n{first}\n43,1,,\n{second}\n")
    assert (bad.line, bad.column, bad.description) == (4, "", f"voice.+49 {why}")


def test_rates_of_a_place_may_follow_each_other() -> None:
    text = "prefix,rate,start,end\n49,3,2027-03-01,\n49,1,2027-01-01,2027-02-01\n49,2,2027-02-01,\n"
    assert [one.unit_price for one in rates(text)] == [3_000_000, 1_000_000, 2_000_000]


def test_an_unknown_column_may_be_the_prefix_and_is_refused() -> None:
    why = "no column is known to be the prefix: the headers are"
    assert refusal("Dest Prefix No.,rate\n49,1\n").description.startswith(f"{why} Dest Prefix No., rate;")
    assert refusal("Destination,rate\nGermany,1\n").description.startswith(f"{why} Destination, rate;")


@pytest.mark.parametrize(
    ("text", "line", "column", "why"),
    [
        ("", 1, "", "the deck is empty"),
        (" \n\n", 1, "", "the deck is empty"),
        ("prefix,rate\n", 1, "", "no rows"),
        ("prefix,Zahl\n49,1\n", 1, "", "known to be the rate: the headers are prefix, Zahl; known are rate, "),
        ("\nprefix,Zahl\n49,1\n", 2, "", "known to be the rate"),
        ("49,1\n43,1\n", 1, "", "the headers are 49, 1;"),
        ("prefix,Code,rate\n", 1, "Code", "means prefix, and so does prefix"),
        ("prefix,rate,rate\n", 1, "rate", "means rate, and so does rate"),
        ("prefix,rate,increments,interval 1\n", 1, "interval 1", "increments has both increments"),
        ('prefix,rate\n49,"1\n43,1\n', 2, "", "does not close"),
        ('prefix,rate\n49,"1"2\n', 2, "", "a quote is misplaced"),
        ('"prefix,rate\n49,1\n', 1, "", "does not close"),
        ('prefix,rate\n49,1\n"' + "\n" * (ROW_LINES_MAX + 1), 3, "", f"more than {ROW_LINES_MAX} lines"),
        (f"prefix,rate\n49,{'1' * LINE_LENGTH_MAX}", 2, "", f"more than {LINE_LENGTH_MAX} characters"),
        ("prefix,rate\n49,\0\n", 2, "", "NUL"),
    ],
)  # fmt: skip
def test_a_file_that_is_not_a_deck_is_refused(text: str, line: int, column: str, why: str) -> None:
    bad = refusal(text)
    assert (bad.line, bad.column) == (line, column)
    assert why in bad.description


@pytest.mark.parametrize(
    ("data", "line", "why"),
    [
        (b"prefix,rate\n49,1\n43,\xe9\n", 3, "byte 0xE9 is not valid UTF-8"),
        (b"\xef\xbb\xbfprefix,rate\n49,\xe9\n", 2, "byte 0xE9 is not valid UTF-8"),
        (b"prefix,rate\r49,1\r43,\xe9\r", 3, "save the deck as UTF-8"),
        ("\ufeffprefix,rate\n49,1".encode("utf-16-le") + b"\0", 2, "is not valid UTF-16"),
        ("prefix,rate\n49,1".encode("utf-16-le"), 1, "NUL"),
    ],
)
def test_a_file_in_another_encoding_is_refused(data: bytes, line: int, why: str) -> None:
    bad = refusal(data)
    assert bad.line == line
    assert why in bad.description


def test_settings_may_map_columns() -> None:
    settings = with_columns({"rate": " New Price (USD) ", "prefix": "b-number"})
    assert rate("49,3,0.0125", "B Number,Rate,new price (usd)", settings).unit_price == 12_500


@pytest.mark.parametrize(
    ("columns", "column", "why"),
    [
        ({"price": "rate"}, "", "price is not a field; the fields are prefix, country, destination, channel"),
        ({"rate": "Cost"}, "Cost", "no column has the header that columns names for rate; the headers are "),
    ],
)
def test_a_mapped_column_must_exist(columns: dict[str, str], column: str, why: str) -> None:
    bad = refusal("prefix,rate\n49,1\n", with_columns(columns))
    assert (bad.line, bad.column) == (1, column)
    assert why in bad.description


def test_a_deck_needs_a_channel() -> None:
    assert "known to be the channel" in refusal("prefix,rate\n49,1\n", DeckSettings()).description
    assert rate("49,1,CHANNEL_PHONE_NUMBER", "prefix,rate,channel", DeckSettings()).channel is Channel.PHONE_NUMBER
    assert rate("49,1,", "prefix,rate,channel").channel is Channel.VOICE


def test_all_bad_rows_are_counted_and_the_first_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "BAD_ROWS_LISTED_MAX", 3)
    deck = read("prefix,rate\n" + "49,x\n43,1\n" * 5)
    assert (deck.rates, deck.rows, deck.bad_rows_found) == ([], 10, 9)
    assert [bad.line for bad in deck.bad_rows] == [2, 4, 6]


@pytest.mark.parametrize("row", ["49,1\n", "\n", ",\n", '49,"\n"\n'])
def test_too_many_rows_are_refused_before_any_is_read(row: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "DECK_ROWS_MAX", 1_000)
    bad = refusal("prefix,rate\n" + row * 1_001)
    assert "more than 1000 rows" in bad.description


def test_the_largest_deck_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    assert DECK_ROWS_MAX == 250_000
    monkeypatch.setattr(files, "DECK_ROWS_MAX", 1_000)
    assert len(rates("prefix,rate\n" + "".join(f"1{n},1\n" for n in range(1_000)))) == 1_000


def test_a_file_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "DECK_BYTES_MAX", 10)
    assert "has 17 bytes: at most 10" in refusal("prefix,rate\n49,1\n").description


def test_no_cell_of_a_deck_is_a_formula() -> None:
    formula = Rate(Channel.VOICE, "", "+49", 1, description="=HYPERLINK(1)", effective_at=1)
    header, line = deck_lines([formula], with_channel=False)
    assert header == (
        "prefix,country,variant,destination,rate,connect_fee,minimum,first_increment,next_increment,effective,expire\n"
    )
    assert line == "49,,,'=HYPERLINK(1),0.000001,0,0,0,1,1970-01-01T00:00:00.000001Z,\n"


TIMES = st.one_of(st.integers(0, 10), st.integers(0, TIME_MAX))
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12).map(str.strip)
RATES = st.builds(
    Rate,
    channel=st.sampled_from(Channel),
    variant=st.sampled_from(["", "a", "template.marketing"]),
    destination=st.one_of(
        st.integers(1, 999_999_999_999_999).map("+{}".format), st.sampled_from(sorted(COUNTRIES)), st.just("")
    ),
    unit_price=st.integers(0, UNIT_PRICE_MAX),
    connect_fee=st.integers(0, UNIT_PRICE_MAX),
    minimum_quantity=st.integers(0, QUANTITY_MAX),
    first_increment=st.integers(0, QUANTITY_MAX),
    next_increment=st.integers(1, QUANTITY_MAX),
    effective_at=TIMES,
    description=st.one_of(TEXT, st.builds("".join, st.lists(st.sampled_from("'=+-@\",;x")))),
)


@given(st.lists(RATES, min_size=1, max_size=6, unique_by=lambda one: one.place))
def test_a_written_deck_is_read_unchanged(written: list[Rate]) -> None:
    text = "".join(deck_lines(written, with_channel=True))
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        assert rates(text.encode(encoding), DeckSettings()) == written
    voice = [one for one in written if one.channel is Channel.VOICE]
    if voice:
        assert rates("".join(deck_lines(voice, with_channel=False))) == voice


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=5))
def test_exactly_overlapping_rates_are_refused(times: list[tuple[int, int]]) -> None:
    """`times` are the start of each rate and its length, 0 for a rate that the next one ends."""
    written = [
        Rate(Channel.SMS, "", "", n, effective_at=begins, expires_at=begins + length if length else NEVER)
        for n, (begins, length) in enumerate(times)
    ]
    deck = read("".join(deck_lines(written, with_channel=True)), DeckSettings())
    clash = any(
        a.effective_at == b.effective_at or (a.effective_at < b.effective_at < a.expires_at)
        for a in written
        for b in written
        if a is not b
    )
    assert bool(deck.bad_rows_found) == clash
    assert deck.rates == ([] if clash else written)


@given(st.binary(max_size=60) | st.text("prefix,rate;\t\"'\n\r 0149.+*é", max_size=60).map(str.encode))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    deck = read(data)
    assert deck.rates or deck.bad_rows
    deck = read(b"prefix,rate\n" + data)
    assert deck.rates or deck.bad_rows


def test_ignored_columns_are_reported() -> None:
    deck = read("prefix,status,rate,Interval,Profit margin\n49,open,0.1,60/60,5\n")
    assert deck.ignored_columns == ("status", "Profit margin")
    (one,) = deck.rates
    assert (one.first_increment, one.next_increment) == (60, 60)
    assert read("rate\n0.1\n").ignored_columns == ()
