//! Addresses of ACLs straight from a replica's file: most of what an edge reads when it starts.
//!
//! What the other events mean, and these when they come from the log, says `trunkline.runtime.access_feed`; a test has both say the same
//! over any history.

use std::fmt::Write;
use std::str;

use prost::Message;

use crate::tables::Change;

/// A pack is rows without anything between them: place, version, CRC (empty in files of the first version), and the lengths of key and
/// event in bytes, in decimal and with a blank after each; then the key and the event. See `trunkline.eventlog.replica_store`.
pub fn stored_changes(mut pack: &[u8]) -> Result<Vec<Change>, String> {
    let mut changes = Vec::new();
    let mut scratch = String::new();
    while !pack.is_empty() {
        let (row, rest) = Row::split(pack).ok_or("a pack of rows is cut off")?;
        changes.extend(row.change(&mut scratch)?);
        pack = rest;
    }
    Ok(changes)
}

struct Row<'a> {
    place: &'a str,
    version: &'a str,
    crc: &'a str,
    key: &'a str,
    /// `trunkline.api.events.v1.Event`.
    event: &'a [u8],
}

impl<'a> Row<'a> {
    fn split(pack: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (place, rest) = word(pack)?;
        let (version, rest) = word(rest)?;
        let (crc, rest) = word(rest)?;
        let (key_len, rest) = word(rest)?;
        let (event_len, rest) = word(rest)?;
        let (key, rest) = rest.split_at_checked(key_len.parse().ok()?)?;
        let (event, rest) = rest.split_at_checked(event_len.parse().ok()?)?;
        Some((Row { place, version, crc, key: str::from_utf8(key).ok()?, event }, rest))
    }

    /// `None` where the tables need not know. `scratch` is overwritten. The error says what is wrong with the row.
    fn change(&self, scratch: &mut String) -> Result<Option<Change>, String> {
        let wrong = |what: &str| format!("the row {} {what}", self.key);
        let mut parts = self.key.split('/');
        let (Some("acl"), Some(tenant), Some(name)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(wrong("is no ACL's"));
        };
        if !self.crc.is_empty() && self.crc.parse() != Ok(self.checksum(tenant, name, scratch)) {
            return Err(wrong("is not as it was written"));
        }
        let event = Event::decode(self.event).map_err(|error| wrong(&format!("is not a protobuf message: {error}")))?;
        // As `access_feed.acl_key`.
        let acl = || format!("{tenant}/{name}");
        match event.event {
            Some(Kind::AclCreated(AclCreated {})) => Ok(None),
            Some(Kind::AddressAdded(added)) => Ok(Some(Change::SetAddress { acl: acl(), cidr: added.cidr, caller_id: added.caller_id })),
            Some(Kind::AddressRemoved(removed)) => Ok(Some(Change::RemoveAddress { acl: acl(), cidr: removed.cidr })),
            None => Err(wrong("is another event than was asked for")),
        }
    }

    /// As `replica_store._crc`.
    fn checksum(&self, tenant: &str, name: &str, scratch: &mut String) -> u32 {
        scratch.clear();
        // Writing to a String does not fail.
        let _ = write!(scratch, "{} {} acl {tenant} {name} {}", self.place, self.key, self.version);
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(scratch.as_bytes());
        hasher.update(self.event);
        hasher.finalize()
    }
}

/// Up to a blank, which is left out.
fn word(text: &[u8]) -> Option<(&str, &[u8])> {
    let end = text.iter().position(|byte| *byte == b' ')?;
    Some((str::from_utf8(&text[..end]).ok()?, &text[end + 1..]))
}

// The parts of `trunkline/api/events/v1/commit.proto` and `config.proto` that are read here; other fields are passed over.

#[derive(Clone, PartialEq, Message)]
struct Event {
    #[prost(oneof = "Kind", tags = "20, 22, 23")]
    event: Option<Kind>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Kind {
    #[prost(message, tag = "20")]
    AclCreated(AclCreated),
    #[prost(message, tag = "22")]
    AddressAdded(AddressAdded),
    #[prost(message, tag = "23")]
    AddressRemoved(AddressRemoved),
}

#[derive(Clone, Copy, PartialEq, Message)]
struct AclCreated {}

#[derive(Clone, PartialEq, Message)]
struct AddressAdded {
    #[prost(string, tag = "1")]
    cidr: String,
    #[prost(string, tag = "2")]
    caller_id: String,
}

#[derive(Clone, PartialEq, Message)]
struct AddressRemoved {
    #[prost(string, tag = "1")]
    cidr: String,
}
