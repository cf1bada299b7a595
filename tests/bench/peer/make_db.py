"""Makes the SQLite database that Kamailio loads at start, and SIPp's users.csv.

usage: make_db.py OUT.sqlite ACL_ROWS SUBSCRIBERS PREFIXES USERS.csv
"""

from __future__ import annotations

import hashlib
import random
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

REALM = "acme.sip.example.com"
SCHEMAS = Path("/usr/share/kamailio/db_sqlite")
CSV_USERS = 1000


def listed(count: int) -> Iterator[str]:
    """The customer's address, then others spread over 10/8."""
    yield "127.0.0.31"
    for number in range(count - 1):
        spread = (number * 2654435761) & 0xFFFFFF
        yield f"10.{spread >> 16}.{(spread >> 8) & 255}.{spread & 255}"


def main() -> int:
    out, acl_rows, subscribers, prefix_rows, users = Path(sys.argv[1]), *map(int, sys.argv[2:5]), Path(sys.argv[5])
    out.unlink(missing_ok=True)
    database = sqlite3.connect(out)
    for name in ("standard", "permissions", "auth_db", "mtree", "htable", "dispatcher", "acc"):
        database.executescript((SCHEMAS / f"{name}-create.sql").read_text())
    for table in ("ht_acl", "ht_ha1", "ht_cid"):
        database.execute(f"CREATE TABLE {table} AS SELECT * FROM htable WHERE 0")
        database.execute("INSERT INTO version(table_name, table_version) VALUES (?, 2)", (table,))
    addresses = [(address, "acme" if number == 0 else f"acct{number % 5000}") for number, address in enumerate(listed(acl_rows))]
    database.executemany("INSERT INTO address(grp, ip_addr, mask, port, tag) VALUES (1, ?, 32, 0, ?)", addresses)
    insert = "INSERT INTO {}(key_name, key_type, value_type, key_value, expires) VALUES (?, 0, 0, ?, 0)"
    database.executemany(insert.format("ht_acl"), addresses)
    names = [(f"u{number:06d}", f"pw{number:06d}", number) for number in range(1, subscribers + 1)]
    ha1s = [(user, hashlib.md5(f"{user}:{REALM}:{password}".encode()).hexdigest()) for user, password, _ in names]
    database.executemany(insert.format("ht_ha1"), ha1s)
    caller_ids = [(user, f"+1415555{number % 10000:04d}") for user, _, number in names]
    database.executemany(insert.format("ht_cid"), [*caller_ids, ("acme", "+14155550100")])
    # mtree takes no empty prefix: single digits are the default routes.
    numbers = random.Random(1)
    prefixes = {str(digit) for digit in range(1, 10)}
    while len(prefixes) < prefix_rows:
        prefixes.add(str(numbers.randint(1, 9)) + "".join(numbers.choice("0123456789") for _ in range(numbers.randint(0, 6))))
    rows = [(prefix,) for prefix in sorted(prefixes)]
    database.executemany("INSERT INTO mtrees(tname, tprefix, tvalue) VALUES ('routes', ?, '1')", rows)
    database.commit()
    database.close()
    out.chmod(0o666)
    lines = [
        f"{user};[authentication username={user} password={password}];{12125550000 + number:011d};{number % 10000:04d}"
        for user, password, number in names[:CSV_USERS]
    ]
    users.write_text("RANDOM\n" + "\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
