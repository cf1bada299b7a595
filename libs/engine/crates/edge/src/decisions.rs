//! Decisions that are good for more calls than the one they were made for, so that the policy is not asked again (docs/adr/0023).
//!
//! The policy says of a route for how many leading digits it holds; it is found again by who calls and by those digits. Whatever a decision
//! depends on beside is told by one number that grows with each change of it ([`Changes`]): a decision is as old as the number was before the
//! policy was asked, and is never used under another one.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use trunkline_message::HeaderName;

use crate::policy::{Decision, Invite, Outcome};

/// Decisions of a worker, 0.5 to 1 KB each. Beyond it all are forgotten and made again as they come.
const BOUND: usize = 32_768;

/// Of all of them, with their keys and targets; likewise. Long identities, notes and lists of gateways are 8 KB and more each.
const BOUND_BYTES: usize = 32 << 20;

/// Of an entry of a map, with the places that a map keeps free, and of what the allocator adds.
const ENTRY_BYTES: usize = 64;

/// Of E.164 numbers (§6.1), as the policy takes them.
const MIN_DIGITS: usize = 3;
const MAX_DIGITS: usize = 15;

/// In From: who calls does not want to be known (RFC 3323 §4.1.1.3).
const ANONYMOUS: &[u8] = b"anonymous.invalid";

/// By which a caller says who he is and what is to be shown of it. What stands in them is compared as it was sent.
const WISHES: [HeaderName; 3] = [HeaderName::Privacy, HeaderName::PAssertedIdentity, HeaderName::PPreferredIdentity];

/// Of all of them, and of From; real ones have some 60. Who sends more is decided about each time.
const MAX_WISHES_BYTES: usize = 256;

/// Begins From in a key, behind the wishes, which begin with their place in `WISHES`.
const FROM: u8 = WISHES.len() as u8;

/// How often something has changed that decisions depend on.
#[derive(Debug, Default)]
pub struct Changes(AtomicU64);

impl Changes {
    /// After the change.
    pub fn note(&self) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }

    #[must_use]
    pub fn number(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

/// What is known of one caller: by the leading digits, as a number behind a 1, so that leading zeros and lengths count.
#[derive(Debug, Default)]
struct Caller {
    by_digits: HashMap<u64, Arc<Decision>>,
    /// Bit n: there is one for n digits.
    lengths: u16,
}

/// Of one worker.
#[derive(Debug, Default)]
pub struct Decisions {
    changes: u64,
    by_caller: HashMap<Vec<u8>, Caller>,
    count: usize,
    /// About as many as they take.
    bytes: usize,
    /// Addresses of targets that are in `bytes`. Decisions share them, and while one is held no other stands there.
    counted: HashSet<usize>,
    /// Some depend on From.
    is_by_from: bool,
    /// Room for the key that is looked up.
    key: Vec<u8>,
}

impl Decisions {
    /// What the policy would say, with the number of this call; `changes` is what [`Changes::number`] says now.
    pub fn find(&mut self, changes: u64, invite: &Invite<'_>) -> Option<Decision> {
        if changes != self.changes || self.by_caller.is_empty() {
            return None;
        }
        let digits = digits_of(invite.number)?;
        self.key_of(invite)?;
        let known = self.by_digits(digits);
        if known.is_some() || !self.is_by_from {
            return known;
        }
        self.add_from(invite)?;
        self.by_digits(digits)
    }

    fn by_digits(&self, digits: &str) -> Option<Decision> {
        let caller = self.by_caller.get(&self.key)?;
        let mut code = 1;
        let mut found = None;
        for (length, digit) in (1..).zip(digits.bytes()) {
            code = 10 * code + u64::from(digit - b'0');
            if caller.lengths & 1 << length != 0 {
                found = found.or_else(|| caller.by_digits.get(&code));
            }
        }
        found.map(|known| with_number(known, digits))
    }

    /// For calls to come, where the decision says that it is good for them. `changes` is from before the policy was asked.
    pub fn keep(&mut self, changes: u64, invite: &Invite<'_>, decision: &Decision) {
        let Some(digits) = digits_of(invite.number) else { return };
        let scope = decision.holds_for.as_str();
        if scope.is_empty() || !digits.starts_with(scope) || self.key_of(invite).is_none() {
            return;
        }
        if decision.is_by_from && self.add_from(invite).is_none() {
            return;
        }
        if changes != self.changes || self.count >= BOUND || self.bytes >= BOUND_BYTES {
            self.forget();
            self.changes = changes;
        }
        self.is_by_from |= decision.is_by_from;
        let code = scope.bytes().fold(1, |code, digit| 10 * code + u64::from(digit - b'0'));
        if !self.by_caller.contains_key(&self.key) {
            self.bytes += ENTRY_BYTES + size_of::<Caller>() + self.key.len();
            self.by_caller.insert(self.key.clone(), Caller::default());
        }
        let Some(caller) = self.by_caller.get_mut(&self.key) else { return };
        caller.lengths |= 1 << scope.len();
        if caller.by_digits.insert(code, Arc::new(decision.clone())).is_none() {
            self.count += 1;
            self.bytes += ENTRY_BYTES + self.bytes_of(decision);
        }
    }

    fn forget(&mut self) {
        self.by_caller.clear();
        self.count = 0;
        self.bytes = 0;
        self.counted.clear();
        self.is_by_from = false;
    }

    /// Targets once only.
    fn bytes_of(&mut self, decision: &Decision) -> usize {
        let texts = [&decision.caller_id, &decision.presented, &decision.privacy, &decision.prefix, &decision.holds_for];
        let texts = texts.into_iter().chain(&decision.notes).map(|text| size_of::<String>() + text.len()).sum::<usize>();
        let outcome = match &decision.outcome {
            Outcome::Route(targets) => targets
                .iter()
                .map(|(target, user)| {
                    let is_new = self.counted.insert(Arc::as_ptr(target) as usize);
                    let target = if is_new { ENTRY_BYTES + target.memory_bytes() } else { 0 };
                    target + size_of_val(&targets[0]) + user.len()
                })
                .sum(),
            Outcome::Reject { code, facts } => code.len() + facts.len(),
            Outcome::Failed(what) => what.len(),
        };
        size_of::<Decision>() + texts + outcome
    }

    /// Who calls and what he asks for, as far as decisions depend on it, into `key`; `None`: more than is compared.
    fn key_of(&mut self, invite: &Invite<'_>) -> Option<()> {
        let message = invite.message.view();
        self.key.clear();
        for part in [invite.tenant, invite.domain, invite.host, invite.account, invite.account_caller_id, invite.address_caller_id] {
            self.key.extend_from_slice(part.as_bytes());
            // In no name, no number and no username.
            self.key.push(0);
        }
        self.key.push(u8::from(contains(message.from().uri_bytes, ANONYMOUS)));
        let mut room = MAX_WISHES_BYTES;
        for header in message.headers() {
            let Some(kind) = WISHES.iter().position(|name| *name == header.name) else { continue };
            let value = header.value.of(message.bytes());
            room = room.checked_sub(value.len())?;
            self.add(kind as u8, value);
        }
        Some(())
    }

    /// From, behind what [`Decisions::key_of`] made.
    fn add_from(&mut self, invite: &Invite<'_>) -> Option<()> {
        let message = invite.message.view();
        let from = message.from().uri_bytes;
        (from.len() <= MAX_WISHES_BYTES).then(|| self.add(FROM, from))
    }

    /// Whatever its bytes are, it cannot be taken for another, nor for two.
    fn add(&mut self, kind: u8, value: &[u8]) {
        self.key.push(kind);
        self.key.extend_from_slice(&(value.len() as u64).to_le_bytes());
        self.key.extend_from_slice(value);
    }
}

/// Without `+`; `None` where it is no number as the policy takes it.
fn digits_of(number: &str) -> Option<&str> {
    let digits = number.strip_prefix('+').unwrap_or(number);
    let is_number = (MIN_DIGITS..=MAX_DIGITS).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then_some(digits)
}

fn contains(text: &[u8], wanted: &[u8]) -> bool {
    text.windows(wanted.len()).any(|part| part.eq_ignore_ascii_case(wanted))
}

fn with_number(known: &Decision, digits: &str) -> Decision {
    let mut decision = known.clone();
    if let Outcome::Route(targets) = &mut decision.outcome {
        for (_, user) in targets {
            user.clear();
            user.push('+');
            user.push_str(digits);
        }
    }
    decision
}

#[cfg(test)]
mod tests {
    use trunkline_message::OwnedMessage;
    use trunkline_transaction::{CallId, Increments, Prepared, Target, Transport};

    use super::*;

    fn message(from: &str, extra: &str) -> Arc<OwnedMessage> {
        let text = format!(
            "INVITE sip:1@a SIP/2.0\r\nVia: SIP/2.0/UDP b;branch=z9hG4bK1\r\nMax-Forwards: 70\r\nFrom: {from};tag=1\r\nTo: <sip:1@a>\r\n\
             Call-ID: 1\r\nCSeq: 1 INVITE\r\n{extra}\r\n"
        );
        Arc::new(OwnedMessage::parse(text.as_bytes()).unwrap())
    }

    fn invite<'a>(message: &'a Arc<OwnedMessage>, number: &'a str) -> Invite<'a> {
        Invite {
            call: CallId(1),
            position: 1,
            tenant: "acme",
            domain: "acme",
            host: "acme.sip.example.com",
            number,
            source: "192.0.2.1:5060",
            transport: "udp",
            acl: "ACL",
            account: "100",
            address: "",
            account_caller_id: "+31201234567",
            address_caller_id: "",
            message,
        }
    }

    fn route(holds_for: &str) -> Decision {
        let target = Target {
            gateway: "g".into(),
            carrier: "c".into(),
            address: "192.0.2.2:5060".parse().unwrap(),
            transport: Transport::Udp,
            is_tcp_allowed: false,
            is_trusted: true,
            from_name_addr: String::new(),
            asserted: Vec::new(),
            privacy: String::new(),
            has_asserted_on_ack: true,
            pdd_limit_s: 20,
            rate_micros: 0,
            currency: String::new(),
            increments: Increments::default(),
            hides_topology: false,
            shows_callee: false,
            takes_refer: false,
        };
        let targets = vec![(Arc::new(Prepared::new(target)), "+0".into())];
        Decision { outcome: Outcome::Route(targets), holds_for: holds_for.into(), ..Decision::default() }
    }

    fn user(decision: Option<Decision>) -> Option<String> {
        match decision?.outcome {
            Outcome::Route(targets) => Some(targets[0].1.clone()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn it_holds_for_the_numbers_of_its_digits_written_either_way_and_names_the_one_that_is_called() {
        let (mut decisions, plain) = (Decisions::default(), message("<sip:a@b>", ""));
        decisions.keep(7, &invite(&plain, "31201"), &route("312"));
        decisions.keep(7, &invite(&plain, "44201"), &route("4420"));
        let mut found = |number| user(decisions.find(7, &invite(&plain, number)));
        assert_eq!(found("+31299999"), Some("+31299999".to_owned()));
        assert_eq!(found("312"), Some("+312".to_owned()));
        assert_eq!(found("4420000"), Some("+4420000".to_owned()));
        for other in ["31", "3131", "442", "44210", "0312", "31 2", "3129a", "", "++312", "3123456789012345"] {
            assert_eq!(found(other), None, "{other}");
        }
    }

    #[test]
    fn it_holds_for_nobody_but_its_caller() {
        let (mut decisions, plain) = (Decisions::default(), message("<sip:a@b>", ""));
        let kept = invite(&plain, "31201");
        decisions.keep(7, &kept, &route("312"));
        let others = [
            Invite { tenant: "other", ..kept },
            Invite { domain: "other", ..kept },
            Invite { host: "acme.eu1.sip.example.com", ..kept },
            Invite { account: "101", ..kept },
            Invite { account_caller_id: "", ..kept },
            Invite { address_caller_id: "+31201234567", ..kept },
            // The same letters behind one another.
            Invite { tenant: "acm", domain: "eacme", ..kept },
        ];
        for other in others {
            assert!(decisions.find(7, &other).is_none(), "{other:?}");
        }
        let also =
            [Invite { source: "192.0.2.9:5060", ..kept }, Invite { acl: "OTHER", ..kept }, Invite { address: "192.0.2.0/24", ..kept }];
        for other in also {
            assert!(decisions.find(7, &other).is_some(), "{other:?}");
        }
    }

    #[test]
    fn who_has_wishes_shares_with_those_who_have_the_same_in_the_same_words() {
        let wishes = [
            ("<sip:a@b>", ""),
            ("<sip:anonymous@Anonymous.INVALID>", ""),
            ("<sip:a@b>", "Privacy: id\r\n"),
            ("<sip:a@b>", "Privacy: id;critical\r\n"),
            ("<sip:a@b>", "P-Asserted-Identity: <sip:a@b>\r\n"),
            ("<sip:a@b>", "P-Preferred-Identity: <sip:a@b>\r\n"),
            ("<sip:a@b>", "P-Asserted-Identity: <sip:a@b>\r\nP-Asserted-Identity: <tel:+1>\r\n"),
            ("<sip:a@b>", "P-Asserted-Identity: <sip:a@b>, <tel:+1>\r\n"),
            ("<sip:a@b>", "P-Asserted-Identity: <sip:a@b>\r\nPrivacy: id\r\n"),
        ];
        let mut decisions = Decisions::default();
        for (from, extra) in wishes {
            let wishing = message(from, extra);
            assert!(decisions.find(7, &invite(&wishing, "31201")).is_none(), "{from} {extra}");
            decisions.keep(7, &invite(&wishing, "31201"), &route("312"));
            let other = message(from.replace("sip:a", "sip:b").as_str(), extra);
            assert_eq!(user(decisions.find(7, &invite(&other, "31205"))), Some("+31205".to_owned()), "{from} {extra}");
        }
        let many = format!("P-Asserted-Identity: <sip:{}@b>\r\n", "a".repeat(MAX_WISHES_BYTES));
        let many = message("<sip:a@b>", &many);
        decisions.keep(7, &invite(&many, "31201"), &route("312"));
        assert!(decisions.find(7, &invite(&many, "31201")).is_none());
        assert_eq!(decisions.count, wishes.len());
    }

    #[test]
    fn what_depends_on_from_holds_for_those_who_say_the_same_there() {
        let mut decisions = Decisions::default();
        let [one, other, plain] = ["<sip:a@b>", "<sip:a@bb>", "<sip:c@b>"].map(|from| message(from, ""));
        let by_from = Decision { is_by_from: true, ..route("312") };
        decisions.keep(7, &invite(&one, "31201"), &by_from);
        assert!(decisions.find(7, &invite(&one, "31202")).is_some());
        assert!(decisions.find(7, &invite(&other, "31202")).is_none());
        let long = message(&format!("<sip:{}@b>", "a".repeat(MAX_WISHES_BYTES)), "");
        decisions.keep(7, &invite(&long, "31201"), &by_from);
        assert!(decisions.find(7, &invite(&long, "31202")).is_none());
        decisions.keep(7, &invite(&plain, "44201"), &route("44"));
        assert!(decisions.find(7, &invite(&other, "44202")).is_some());
    }

    #[test]
    fn a_change_forgets_everything_and_what_was_decided_before_it_is_not_used_after_it() {
        let (mut decisions, plain) = (Decisions::default(), message("<sip:a@b>", ""));
        let changes = Changes::default();
        let before = changes.number();
        changes.note();
        decisions.keep(before, &invite(&plain, "31201"), &route("312"));
        assert!(decisions.find(changes.number(), &invite(&plain, "31201")).is_none());
        decisions.keep(changes.number(), &invite(&plain, "44201"), &route("44"));
        assert!(decisions.find(changes.number(), &invite(&plain, "31201")).is_none());
        assert!(decisions.find(changes.number(), &invite(&plain, "44201")).is_some());
    }

    #[test]
    fn however_long_they_are_their_bytes_are_bounded() {
        let mut decisions = Decisions::default();
        let note = "n".repeat(64 << 10);
        let long = |number: usize| message("<sip:a@b>", &format!("P-Asserted-Identity: <sip:{number:0>200}@b>\r\n"));
        let mut most = 0;
        for number in 0..2 * BOUND_BYTES / note.len() {
            let decision = Decision { notes: vec![note.clone()], ..route("312") };
            decisions.keep(7, &invite(&long(number), "31201"), &decision);
            assert!(decisions.find(7, &invite(&long(number), "31202")).is_some());
            most = most.max(decisions.count);
        }
        let rest = |count: usize| count * note.len()..count * (note.len() + 4_096);
        assert!(rest(most).contains(&BOUND_BYTES), "{most} were kept");
        assert!(decisions.count < most && rest(decisions.count).contains(&decisions.bytes), "{} and {}", decisions.count, decisions.bytes);
    }

    #[test]
    fn a_target_that_decisions_share_is_counted_once() {
        let (mut decisions, plain) = (Decisions::default(), message("<sip:a@b>", ""));
        let shared = route("31");
        let Outcome::Route(targets) = &shared.outcome else { panic!("{shared:?}") };
        let each = targets[0].0.memory_bytes();
        let mut grown = |scope: &str, decision: Decision| {
            let before = decisions.bytes;
            decisions.keep(7, &invite(&plain, scope), &Decision { holds_for: scope.to_owned(), ..decision });
            decisions.bytes - before
        };
        grown("311", shared.clone());
        let again = grown("312", shared.clone());
        assert_eq!(grown("313", route("31")), again + ENTRY_BYTES + each);
    }

    #[test]
    fn what_holds_for_one_call_is_not_kept_and_the_room_is_bounded() {
        let (mut decisions, plain) = (Decisions::default(), message("<sip:a@b>", ""));
        decisions.keep(7, &invite(&plain, "31201"), &route(""));
        decisions.keep(7, &invite(&plain, "31201"), &route("44"));
        assert!(decisions.by_caller.is_empty());
        for number in 0..=BOUND {
            let number = format!("31{number:08}");
            decisions.keep(7, &invite(&plain, &number), &route(&number));
        }
        assert_eq!(decisions.count, 1);
    }
}
