//! What a token says where there is room, behind all that requests need: of the identity the display name, a telephone number that is not
//! the user part's and the words of Privacy that change nothing here; how long the call may last; and what the next hop takes by TCP.

use std::sync::Arc;

use trunkline_message::NameAddr;

use crate::token_parts::Reader;

/// The display name of P-Asserted-Identity, which is the account's or the domain's. Not longer than a text's length can say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Name {
    #[default]
    None,
    /// The label of the domain, which the token has anyway.
    Domain,
    /// The user part, which the token has anyway.
    User,
    /// Between its quotes, as written.
    Text(Arc<str>),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Details {
    pub name: Name,
    /// Digits of the tel URI, where they are not those of the user part.
    pub tel: Option<Arc<str>>,
    /// Words of Privacy that we do not know, with semicolons between.
    pub words: Option<Arc<str>>,
    pub is_critical: bool,
    /// Longest time from the answer, rounded up to [`LONGEST_UNIT_S`]; 0: the platform's.
    pub longest_s: u32,
    /// The next hop, which is spoken to by UDP, takes by TCP what is too large for that.
    pub takes_tcp: bool,
}

const NAME_MASK: u8 = 3;
const IS_CRITICAL: u8 = 4;
const HAS_WORDS: u8 = 8;
const HAS_TEL: u8 = 16;
/// Hidden routes stand behind the details, as they stand behind the flags where there are none.
pub(crate) const ROUTES_FOLLOW: u8 = 32;
const HAS_LONGEST: u8 = 64;
const TAKES_TCP: u8 = 128;

/// So that a day fits two bytes.
const LONGEST_UNIT_S: u32 = 2;

/// Of Privacy, in flags of the token or here.
const KNOWN_WORDS: [&str; 6] = ["none", "id", "header", "user", "session", "critical"];

impl Details {
    /// Behind its own size.
    pub fn memory_bytes(&self) -> usize {
        let name = match &self.name {
            Name::Text(text) => text.len(),
            Name::None | Name::Domain | Name::User => 0,
        };
        name + [&self.tel, &self.words].into_iter().flatten().map(|text| text.len()).sum::<usize>()
    }

    /// `user` is the token's; `shown` is what a carrier sees with its URI's host, `tel` the number of the tel URI, `privacy` the value of
    /// Privacy.
    pub fn of(user: &str, shown: Option<(&NameAddr<'_>, &[u8])>, tel: Option<&[u8]>, privacy: &str) -> Self {
        let mut found = Self { name: shown.map_or(Name::None, |(shown, host)| name_of(shown, host, user)), ..Self::default() };
        let digits = tel.and_then(|tel| std::str::from_utf8(tel.strip_prefix(b"+")?).ok());
        let is_further = |digits: &&str| user.strip_prefix('+').unwrap_or(user) != *digits && digits.len() <= MAX_TEL;
        found.tel = digits.filter(is_further).map(Arc::from);
        let mut words = String::new();
        for word in privacy.split(';').map(str::trim).filter(|word| !word.is_empty()) {
            if KNOWN_WORDS.contains(&word) {
                found.is_critical |= word == "critical";
                continue;
            }
            if !words.is_empty() {
                words.push(';');
            }
            words.push_str(word);
        }
        if !words.is_empty() && words.len() <= MAX_TEXT {
            found.words = Some(words.into());
        }
        found
    }

    /// Whether the rest of a token says all there is.
    pub fn is_nothing(&self) -> bool {
        matches!(self, Self { name: Name::None, tel: None, words: None, is_critical: false, longest_s: 0, takes_tcp: false })
    }

    /// Where there is no room for the rest.
    pub fn without_texts(&self) -> Self {
        Self { longest_s: self.longest_s, takes_tcp: self.takes_tcp, ..Self::default() }
    }

    /// Between its quotes; empty where there is none.
    pub fn name<'a>(&'a self, user: &'a str, domain: &'a str) -> &'a str {
        match &self.name {
            Name::None => "",
            Name::Domain => domain,
            Name::User => user,
            Name::Text(name) => name,
        }
    }

    /// In bytes, without the display name.
    pub fn size(&self, user: &str) -> usize {
        let tel = self.tel.as_ref().map_or(0, |tel| 2 + prefix_of(tel, user).1.len());
        1 + self.words.as_ref().map_or(0, |words| 1 + words.len()) + tel + if self.longest_s == 0 { 0 } else { 2 }
    }

    /// What the display name adds.
    pub fn name_size(&self) -> usize {
        match &self.name {
            Name::Text(name) => 1 + name.len(),
            _ => 0,
        }
    }

    /// As many bytes as the sizes say.
    pub fn write(&self, user: &str, has_name: bool, has_routes: bool, out: &mut Vec<u8>) {
        let name = match &self.name {
            Name::None => 0,
            Name::Domain => 1,
            Name::User => 2,
            Name::Text(_) if has_name => 3,
            Name::Text(_) => 0,
        };
        let bit = |is_set: bool, bit: u8| if is_set { bit } else { 0 };
        let (words, tel) = (self.words.as_deref(), self.tel.as_deref());
        let flags = [
            (self.is_critical, IS_CRITICAL),
            (words.is_some(), HAS_WORDS),
            (tel.is_some(), HAS_TEL),
            (has_routes, ROUTES_FOLLOW),
            (self.longest_s > 0, HAS_LONGEST),
            (self.takes_tcp, TAKES_TCP),
        ];
        out.push(flags.into_iter().fold(name, |flags, (is_set, flag)| flags | bit(is_set, flag)));
        if let Some(tel) = tel {
            let (dropped, prefix) = prefix_of(tel, user);
            out.extend_from_slice(&[dropped, prefix.len() as u8]);
            out.extend_from_slice(prefix.as_bytes());
        }
        let text = |text: &str, out: &mut Vec<u8>| {
            out.push(text.len() as u8);
            out.extend_from_slice(text.as_bytes());
        };
        if let Some(words) = words {
            text(words, out);
        }
        if let (Name::Text(name), true) = (&self.name, has_name) {
            text(name, out);
        }
        if self.longest_s > 0 {
            let units = u16::try_from(self.longest_s.div_ceil(LONGEST_UNIT_S)).unwrap_or(u16::MAX);
            out.extend_from_slice(&units.to_be_bytes());
        }
    }

    /// What stands behind `flags`. A number whose user part was left out is none.
    pub fn read(flags: u8, user: &str, reader: &mut Reader<'_>) -> Option<Self> {
        let tel = match flags & HAS_TEL {
            0 => None,
            _ => {
                let dropped = usize::from(reader.byte()?);
                let prefix = reader.text()?;
                user.get(dropped..).filter(|rest| !rest.is_empty()).map(|rest| Arc::from(prefix + rest))
            }
        };
        let words = if flags & HAS_WORDS != 0 { Some(reader.text()?.into()) } else { None };
        let name = match flags & NAME_MASK {
            0 => Name::None,
            1 => Name::Domain,
            2 => Name::User,
            _ => Name::Text(reader.text()?.into()),
        };
        let longest_s = match flags & HAS_LONGEST {
            0 => 0,
            _ => u32::from(u16::from_be_bytes(reader.take(2)?.try_into().ok()?)) * LONGEST_UNIT_S,
        };
        Some(Self { name, tel, words, is_critical: flags & IS_CRITICAL != 0, longest_s, takes_tcp: flags & TAKES_TCP != 0 })
    }
}

/// E.164.
const MAX_TEL: usize = 15;
/// A text has one byte for its length.
const MAX_TEXT: usize = u8::MAX as usize;

/// How many characters of `user` are not of the number, and what of the number is not in `user`: "0201234567" and "31201234567" are one and
/// "31".
fn prefix_of<'a>(tel: &'a str, user: &str) -> (u8, &'a str) {
    let common = tel.bytes().rev().zip(user.bytes().rev()).take_while(|(one, other)| one == other).count();
    // A user part is no longer than a length can say, else it is left out, and the number with it.
    (u8::try_from(user.len() - common).unwrap_or(u8::MAX), &tel[..tel.len() - common])
}

fn name_of(shown: &NameAddr<'_>, host: &[u8], user: &str) -> Name {
    let name = shown.display_name_bytes;
    let name = name.strip_prefix(b"\"").and_then(|name| name.strip_suffix(b"\"")).unwrap_or(name);
    let is_label = || host.strip_prefix(name).is_some_and(|rest| rest.first() == Some(&b'.'));
    match std::str::from_utf8(name) {
        Ok("") | Err(_) => Name::None,
        Ok(_) if is_label() => Name::Domain,
        Ok(name) if name == user => Name::User,
        Ok(name) if name.len() <= MAX_TEXT => Name::Text(name.into()),
        Ok(_) => Name::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn back(details: &Details, user: &str, has_name: bool) -> (Details, usize) {
        let mut bytes = Vec::new();
        details.write(user, has_name, false, &mut bytes);
        let mut reader = Reader(&bytes[1..]);
        let found = Details::read(bytes[0], user, &mut reader).unwrap();
        assert!(reader.0.is_empty());
        assert_eq!(bytes.len(), details.size(user) + if has_name { details.name_size() } else { 0 }, "{details:?}");
        (found, bytes.len())
    }

    #[test]
    fn what_is_written_is_read_and_costs_little() {
        let plain = Details::default();
        for (details, user, size) in [
            (Details { name: Name::Domain, is_critical: true, ..plain.clone() }, "+31201234567", 1),
            (Details { name: Name::User, ..plain.clone() }, "alice", 1),
            (Details { name: Name::Text("31000000".into()), ..plain.clone() }, "+31201234567", 10),
            (Details { words: Some("history;x".into()), ..plain.clone() }, "", 11),
            (Details { tel: Some("31201234567".into()), ..plain.clone() }, "0031201234567", 3),
            (Details { tel: Some("31201234567".into()), ..plain.clone() }, "0201234567", 5),
            (Details { longest_s: 86_400, ..plain.clone() }, "", 3),
            (Details { takes_tcp: true, ..plain.clone() }, "", 1),
            (Details { longest_s: 60, tel: Some("31201234567".into()), name: Name::Text("x".into()), ..plain.clone() }, "0201234567", 9),
        ] {
            assert_eq!(back(&details, user, true), (details, size));
        }
        let named = Details { name: Name::Text("31000000".into()), is_critical: true, ..plain.clone() };
        assert_eq!(back(&named, "", false), (Details { name: Name::None, ..named.clone() }, 1));
    }

    #[test]
    fn a_longest_time_is_rounded_up() {
        assert_eq!(back(&Details { longest_s: 61, ..Details::default() }, "", true).0.longest_s, 62);
    }

    #[test]
    fn a_number_without_the_user_part_that_it_is_told_by_is_none() {
        let details = Details { tel: Some("31201234567".into()), ..Details::default() };
        let mut bytes = Vec::new();
        details.write("0031201234567", true, false, &mut bytes);
        assert_eq!(Details::read(bytes[0], "", &mut Reader(&bytes[1..])), Some(Details::default()));
    }
}
