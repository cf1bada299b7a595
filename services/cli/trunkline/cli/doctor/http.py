"""What time a web server has."""

from __future__ import annotations

import http.client
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit


def date_of(url: str, timeout_s: float) -> float | None:
    """Unix time of its Date header, whatever it answers; None without one. Blocks. OSError where nobody answers."""
    place = urlsplit(url)
    kind = http.client.HTTPSConnection if place.scheme == "https" else http.client.HTTPConnection
    connection = kind(place.hostname or "", place.port, timeout=timeout_s)
    try:
        connection.request("HEAD", "/")
        said = connection.getresponse().getheader("Date")
    except http.client.HTTPException as error:
        raise OSError(f"it does not speak HTTP: {error}") from error
    finally:
        connection.close()
    return None if said is None else parsedate_to_datetime(said).timestamp()
