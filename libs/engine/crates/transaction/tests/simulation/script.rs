//! What the parties of a run have in mind.

use super::edge::LONGEST_CALL_S;

/// What a party does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Do {
    Invite,
    Cancel,
    /// 100.
    Try,
    /// 180 with the tag of this fork.
    Ring(u8),
    /// 183 that asks for a PRACK (RFC 3262).
    RingReliably(u8),
    /// A final response with the tag of this fork.
    Answer(u16, u8),
    Reinvite,
    Update,
    Info,
    HangUp,
    /// Speaks from another address from now on.
    Move,
}

/// Milliseconds after something, and what is done then.
pub type Steps = Vec<(u64, Do)>;

#[derive(Clone, Debug, Default)]
pub struct CallerScript {
    /// After the start of the run: its INVITE, and where it gives up while nobody has said anything.
    pub plan: Steps,
    /// After the first 18x.
    pub when_ringing: Steps,
    /// After the first 2xx.
    pub when_answered: Steps,
}

#[derive(Clone, Debug, Default)]
pub struct CalleeScript {
    /// After an INVITE.
    pub when_invited: Steps,
    /// After the ACK of the 2xx.
    pub when_acknowledged: Steps,
    pub ignores_cancel: bool,
    /// Nothing listens there: datagrams are answered by ICMP.
    pub is_refusing: bool,
}

impl Script {
    /// A call of it goes on when its token is good for nothing any more.
    pub fn outlasts_tokens(&self) -> bool {
        let steps = self.callers.iter().flat_map(|caller| &caller.when_answered);
        steps.map(|(after_ms, _)| *after_ms).min().is_some_and(|after_ms| after_ms > 1_000 * u64::from(LONGEST_CALL_S))
    }
}

/// How either side answers a re-INVITE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reinvited {
    At(u64, u16),
    /// 100 first, the answer later.
    Slowly(u64, u16),
}

/// What the edge is told about a new INVITE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// After this time; 0: within the same turn.
    Route {
        after_ms: u64,
    },
    Reject {
        after_ms: u64,
    },
    NoTarget,
    /// Never.
    Nothing,
}

#[derive(Clone, Debug)]
pub struct Script {
    pub name: &'static str,
    /// One call each.
    pub callers: Vec<CallerScript>,
    /// Alpha and beta, in the order in which the first caller's call tries them; the second's tries them in reverse.
    pub callees: [CalleeScript; 2],
    pub reinvited: Reinvited,
    pub decision: Decision,
    /// What the access rule says of a re-INVITE that it is asked for, and when.
    pub is_readmitted: bool,
    pub recheck_ms: u64,
    /// The key of the tokens changes at this time.
    pub rotates_at_ms: Option<u64>,
    /// Every edge ends its calls at this time, or when it is back after it.
    pub hangs_up_at_ms: Option<u64>,
}
