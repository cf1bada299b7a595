#!/usr/bin/env python3
"""Builds the SQLite database that Kamailio loads at start.
usage: make_db.py OUT.sqlite ACL_ROWS SUBSCRIBERS PREFIXES"""
import sys, os, sqlite3, hashlib, glob, random
out, nacl, nsub, npref = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
REALM = "acme.sip.example.com"
if os.path.exists(out): os.unlink(out)
c = sqlite3.connect(out); x = c.executescript
S = "/usr/share/kamailio/db_sqlite/"
for f in ("standard", "permissions", "auth_db", "mtree", "htable", "dispatcher", "acc"):
    x(open(S + f + "-create.sql").read())
for t in ("ht_acl", "ht_ha1", "ht_cid"):
    x(f"CREATE TABLE {t} AS SELECT * FROM htable WHERE 0; INSERT INTO version(table_name,table_version) VALUES ('{t}',2)")
# --- ACL: 127.0.0.31 = customer 'acme'; the rest are filler /32s spread over 10/8, 172.16/12, 100.64/10
def ips(n):
    i = 0
    yield "127.0.0.31"
    while i < n - 1:
        v = (i * 2654435761) & 0xFFFFFF
        yield f"10.{v>>16}.{(v>>8)&255}.{v&255}"
        i += 1
rows = [(1, ip, 32, 0, "acme" if k == 0 else f"acct{k%5000}") for k, ip in enumerate(ips(nacl))]
c.executemany("INSERT INTO address(grp,ip_addr,mask,port,tag) VALUES(?,?,?,?,?)", rows)
c.executemany("INSERT INTO ht_acl(key_name,key_type,value_type,key_value,expires) VALUES(?,0,0,?,0)", [(r[1], r[4]) for r in rows])
# --- subscribers
subs = []
for k in range(1, nsub + 1):
    u, p = f"u{k:06d}", f"pw{k:06d}"
    subs.append((u, p, hashlib.md5(f"{u}:{REALM}:{p}".encode()).hexdigest(), f"+1415555{k%10000:04d}"))
c.executemany("INSERT INTO subscriber(username,domain,password,ha1,ha1b) VALUES(?,?,'',?,'')", [(u, REALM, h) for u, p, h, n in subs])
c.executemany("INSERT INTO ht_ha1(key_name,key_type,value_type,key_value,expires) VALUES(?,0,0,?,0)", [(u, h) for u, p, h, n in subs])
c.executemany("INSERT INTO ht_cid(key_name,key_type,value_type,key_value,expires) VALUES(?,0,0,?,0)", [(u, n) for u, p, h, n in subs] + [("acme", "+14155550100")])
# --- prefix routes: value = dispatcher set id.  '' is not allowed; single digits are the default routes.
random.seed(1)
pref = {str(d) for d in range(1, 10)}
while len(pref) < npref: pref.add(str(random.randint(1, 9)) + "".join(random.choice("0123456789") for _ in range(random.randint(0, 6))))
c.executemany("INSERT INTO mtrees(tname,tprefix,tvalue) VALUES('routes',?,'1')", [(p,) for p in sorted(pref)])
c.execute("INSERT OR IGNORE INTO mtrees(tname,tprefix,tvalue) VALUES('routes','88255','2')")   # latency probe: own gateway 127.0.0.23
c.commit(); c.execute("VACUUM"); c.close()
os.chmod(out, 0o666)
with open("@BENCH@/scenarios/users.csv", "w") as f:      # SIPp injection file (first 1000 users only)
    f.write("RANDOM\n")
    for k in range(1, min(nsub, 1000) + 1):
        f.write(f"u{k:06d};[authentication username=u{k:06d} password=pw{k:06d}];{12125550000+k:011d};{k%10000:04d}\n")
print(out, os.path.getsize(out) >> 20, "MiB")
