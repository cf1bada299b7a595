"""Carriers and route decks: from commands to events."""

from __future__ import annotations

from trunkline.domain import names
from trunkline.domain.commands import (
    ActivateDeck,
    AddDeckRows,
    ChangeCarrier,
    CreateCarrier,
    ResumeCarrier,
    StartDeck,
    SuspendCarrier,
)
from trunkline.domain.decision import Decision
from trunkline.domain.directory import Directory
from trunkline.domain.errors import Refusal, already_exists, conflict, failed_precondition, invalid, not_found
from trunkline.domain.events import (
    PLATFORM,
    CarrierChanged,
    CarrierCreated,
    CarrierId,
    CarrierResumed,
    CarrierSettings,
    CarrierSuspended,
    DeckActivated,
    DeckId,
    DeckRow,
    DeckRowsAdded,
    DeckStarted,
    Kind,
)
from trunkline.domain.identity import CARRIER_HIDING, FROM_FORMS, PAI_FORMS
from trunkline.domain.number_formats import NATIONAL, NUMBER_FORMATS, PLUS, PREFIXED
from trunkline.domain.numbers import COUNTRY_CODES, is_prefix
from trunkline.domain.rating import MAX_CONNECTION_FEE_MICROS, MAX_INCREMENT_S
from trunkline.domain.views import Carrier, Deck, PendingRevision

MAX_CARRIERS = 1_000
MAX_DECKS = 32
"""A call's look-up looks at each."""
MAX_DECK_ROWS = 300_000
MAX_ROWS_PER_COMMIT = 500
"""At some 60 bytes a row, a commit stays far below the broker's message limit of 1 MiB."""
MAX_ROWS_PER_PREFIX = 16
"""Of one deck: a call's choice looks at each."""
MAX_PDD_LIMIT_S = 120
MAX_PRIORITY = 65_535
MAX_WEIGHT = 65_535
MAX_RATE_MICROS = 1_000_000_000
"""1,000 currency units a minute: more is a slip of the decimal point."""
MAX_DIALLED_PREFIX = 5
"""Digits; the longest international prefix in use has four."""
_SHA256_BYTES = 32


def create_carrier(directory: Directory, command: CreateCarrier) -> Decision:
    carrier = names.carrier_id(command.carrier)
    if carrier in directory.carriers:
        raise already_exists("CARRIER_EXISTS", "carrier", f'The carrier "{carrier}" exists.')
    if len(directory.carriers) >= MAX_CARRIERS:
        raise failed_precondition("TOO_MANY_CARRIERS", f"There are {MAX_CARRIERS} carriers.")
    _check_settings(command.settings)
    return Decision(Kind.CARRIER, PLATFORM, carrier, (CarrierCreated(command.settings),))


def change_carrier(directory: Directory, command: ChangeCarrier) -> Decision:
    carrier = existing_carrier(directory, command.carrier)
    _check_settings(command.settings)
    events = () if command.settings == carrier.settings else (CarrierChanged(command.settings),)
    return Decision(Kind.CARRIER, PLATFORM, carrier.id, events)


def suspend_carrier(directory: Directory, command: SuspendCarrier) -> Decision:
    carrier = existing_carrier(directory, command.carrier)
    # To end calls is an act, and may be wanted again: of calls that a cut-off edge has taken meanwhile.
    is_done = carrier.is_suspended and not command.is_ending_calls
    return Decision(Kind.CARRIER, PLATFORM, carrier.id, () if is_done else (CarrierSuspended(command.is_ending_calls),))


def resume_carrier(directory: Directory, command: ResumeCarrier) -> Decision:
    carrier = existing_carrier(directory, command.carrier)
    return Decision(Kind.CARRIER, PLATFORM, carrier.id, (CarrierResumed(),) if carrier.is_suspended else ())


def start_deck(directory: Directory, command: StartDeck) -> Decision:
    name = names.deck_id(command.deck)
    currency = names.currency(command.currency)
    deck = directory.decks.get(name)
    if deck is None and len(directory.decks) >= MAX_DECKS:
        raise failed_precondition("TOO_MANY_DECKS", f"There are {MAX_DECKS} route decks.", "Import into one of them.")
    if not 1 <= command.rows <= MAX_DECK_ROWS:
        raise invalid("DECK_SIZE_INVALID", "csv", f"A deck has 1 to {MAX_DECK_ROWS} rows, this one has {command.rows}.")
    if len(command.sha256) != _SHA256_BYTES:
        raise invalid("SHA256_INVALID", "sha256", f"A SHA-256 has {_SHA256_BYTES} bytes.")
    # The revision of an import that was given up is used again: so a replica knows what an activation makes obsolete.
    revision = (deck.revision if deck is not None else 0) + 1
    return Decision(Kind.DECK, PLATFORM, name, (DeckStarted(revision, command.rows, currency, command.sha256),))


def add_deck_rows(directory: Directory, command: AddDeckRows) -> Decision:
    deck, pending = _pending(directory, command)
    if not 1 <= len(command.rows) <= MAX_ROWS_PER_COMMIT:
        raise invalid("DECK_CHUNK_INVALID", "rows", f"1 to {MAX_ROWS_PER_COMMIT} rows go into a commit, these are {len(command.rows)}.")
    if command.offset != pending.received or command.offset + len(command.rows) > pending.rows:
        raise _interrupted(deck.id, f"row {command.offset} does not follow: {pending.received} of {pending.rows} have been received")
    counts: dict[str, int] = {}
    for index, row in enumerate(command.rows):
        where = f"row {command.offset + index}"
        check_row(directory, row, where)
        counts[row.prefix] = counts.get(row.prefix, 0) + 1
        if counts[row.prefix] + directory.routes.pending_rows(deck.id, row.prefix) > MAX_ROWS_PER_PREFIX:
            raise _bad_row(where, "prefix", f"a prefix has at most {MAX_ROWS_PER_PREFIX} rows, {row.prefix} has more")
    return Decision(Kind.DECK, PLATFORM, deck.id, (DeckRowsAdded(pending.revision, command.rows),))


def activate_deck(directory: Directory, command: ActivateDeck) -> Decision:
    deck, pending = _pending(directory, command)
    if pending.received != pending.rows:
        raise _interrupted(deck.id, f"{pending.received} of {pending.rows} rows have been received")
    return Decision(Kind.DECK, PLATFORM, deck.id, (DeckActivated(pending.revision),))


def check_row(directory: Directory, row: DeckRow, where: str) -> None:
    """Raises Refusal that names `where` (such as `line 17`) and the column."""
    if not is_prefix(row.prefix):
        raise _bad_row(where, "prefix", f"{row.prefix[:32]!r} cannot begin an E.164 number: 1 to 15 digits, no leading 0")
    if CarrierId(row.carrier) not in directory.carriers:
        raise _bad_row(where, "carrier", f"there is no carrier {row.carrier[:32]!r}")
    if not 0 <= row.priority <= MAX_PRIORITY:
        raise _bad_row(where, "priority", f"{row.priority} is not 0 to {MAX_PRIORITY}")
    if not 0 <= row.weight <= MAX_WEIGHT:
        raise _bad_row(where, "weight", f"{row.weight} is not 0 to {MAX_WEIGHT}")
    if not 0 <= row.rate_micros <= MAX_RATE_MICROS:
        raise _bad_row(where, "rate", f"{row.rate_micros} millionths is not 0 to {MAX_RATE_MICROS}")
    for column, seconds in (("increments", row.initial_increment_s), ("increments", row.next_increment_s)):
        if not 0 <= seconds <= MAX_INCREMENT_S:
            raise _bad_row(where, column, f"{seconds} s is not 1 to {MAX_INCREMENT_S} s")
    if not 0 <= row.connection_fee_micros <= MAX_CONNECTION_FEE_MICROS:
        raise _bad_row(where, "connection_fee", f"{row.connection_fee_micros} millionths is not 0 to {MAX_CONNECTION_FEE_MICROS}")
    if len(row.destination) > names.MAX_NAME or not row.destination.isprintable():
        raise _bad_row(where, "destination", f"more than {names.MAX_NAME} characters, or some that cannot be printed")


def existing_carrier(directory: Directory, name: str) -> Carrier:
    """Raises Refusal where it does not exist."""
    carrier = directory.carriers.get(CarrierId(name))
    if carrier is None:
        raise not_found("CARRIER_NOT_FOUND", "carrier", f"There is no carrier {name[:64]!r}.")
    return carrier


def _check_settings(settings: CarrierSettings) -> None:
    if not 1 <= settings.pdd_limit_s <= MAX_PDD_LIMIT_S:
        raise invalid("PDD_LIMIT_INVALID", "settings.pdd_limit_s", f"{settings.pdd_limit_s} is not 1 to {MAX_PDD_LIMIT_S} seconds.")
    for name, word, words in (
        ("number_format", settings.number_format, NUMBER_FORMATS),
        ("pai_forms", settings.pai_forms, PAI_FORMS),
        ("from_form", settings.from_form, FROM_FORMS),
        ("hiding", settings.hiding, CARRIER_HIDING),
    ):
        if word not in ("", *words):
            raise invalid("SETTING_INVALID", f"settings.{name}", f"{word[:16]!r} is none of {', '.join(words)}.")
    _check_number_format(settings)


def _check_number_format(settings: CarrierSettings) -> None:
    """What the format needs must be there, and nothing else."""
    is_national, is_prefixed = settings.number_format == NATIONAL, settings.number_format in (PREFIXED, NATIONAL)
    for name, digits, is_wanted, is_optional in (
        ("country_code", settings.country_code, is_national, False),
        ("international_prefix", settings.international_prefix, is_prefixed, False),
        ("national_prefix", settings.national_prefix, is_national, True),
    ):
        is_good = not digits and (is_optional or not is_wanted)
        if digits and is_wanted:
            is_good = digits.isascii() and digits.isdigit() and len(digits) <= MAX_DIALLED_PREFIX
            is_good = is_good and (name != "country_code" or digits in COUNTRY_CODES)
        if not is_good:
            why = f"{digits[:16]!r} does not go with the number format {settings.number_format or PLUS!r}"
            raise invalid("NUMBER_FORMAT_INVALID", f"settings.{name}", f"{why}.", "prefixed: 00; national: a country code, 00 and 0.")


def _pending(directory: Directory, command: AddDeckRows | ActivateDeck) -> tuple[Deck, PendingRevision]:
    deck = directory.decks.get(DeckId(command.deck))
    if deck is None:
        raise not_found("DECK_NOT_FOUND", "deck", f"There is no route deck {command.deck[:64]!r}.", "Start it first.")
    pending = deck.pending
    if pending is None or (pending.revision, pending.sha256) != (command.revision, command.sha256):
        raise _interrupted(deck.id, f"revision {command.revision} of this file is not being imported")
    return deck, pending


def _interrupted(deck: DeckId, why: str) -> Refusal:
    return conflict(
        "DECK_IMPORT_INTERRUPTED", f'The import of the route deck "{deck}" was interrupted by another: {why}.', "Import it again."
    )


def _bad_row(where: str, column: str, why: str) -> Refusal:
    return invalid("DECK_ROW_INVALID", "csv", f"{where}, column {column}: {why}.", "Nothing of the deck was activated.")
