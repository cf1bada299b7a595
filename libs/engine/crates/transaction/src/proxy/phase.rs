//! Where a call stands, as a table. `walk`, `cancel` and `call` do what a change asks for; what the table does not know is a bug of theirs.

/// The set-up has a current try in all but `Deciding`, `Answered` and `Over`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Admitted; no decision yet.
    Deciding,
    /// A gateway is tried; nothing above 100 has come from it.
    Trying,
    /// 18x has come: this gateway or none.
    Ringing,
    /// The current gateway took too long after its 100 and was cancelled; the next one follows its 487.
    Skipping,
    /// The caller has cancelled; the end of the branch is awaited.
    Cancelled,
    /// Timer C: we have cancelled after ringing; the end of the branch is awaited.
    Overdue,
    Answered,
    /// BYEs of our own are on their way to both sides.
    Closing,
    /// The row is gone.
    Over,
}

impl Phase {
    pub const ALL: [Self; 9] = [
        Self::Deciding,
        Self::Trying,
        Self::Ringing,
        Self::Skipping,
        Self::Cancelled,
        Self::Overdue,
        Self::Answered,
        Self::Closing,
        Self::Over,
    ];
}

/// What happens to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// The INVITE goes to the first or the next gateway.
    Try,
    /// The first 18x.
    Ring,
    /// The gateway's time after its 100 is over.
    Skip,
    /// The caller's CANCEL, where the gateway has said something.
    Cancel,
    /// Timer C.
    Expire,
    /// The first 2xx.
    Answer,
    /// Refused, failed, or cancelled: the caller has a final response that is no 2xx.
    Fail,
    /// We end it after its answer: by command, or because it has lasted as long as it may.
    HangUp,
    /// Both sides have refused our BYEs.
    Refuse,
    /// A BYE is through, or the call has been longer than any may be.
    End,
}

impl Change {
    pub const ALL: [Self; 10] =
        [Self::Try, Self::Ring, Self::Skip, Self::Cancel, Self::Expire, Self::Answer, Self::Fail, Self::HangUp, Self::Refuse, Self::End];
}

/// `None`: it cannot come to pass.
pub(crate) fn step(phase: Phase, change: Change) -> Option<Phase> {
    use Phase::{Answered, Cancelled, Closing, Deciding, Over, Overdue, Ringing, Skipping, Trying};
    match (phase, change) {
        (Deciding | Trying | Skipping, Change::Try) => Some(Trying),
        (Trying, Change::Ring) => Some(Ringing),
        (Trying, Change::Skip) => Some(Skipping),
        (Ringing, Change::Expire) => Some(Overdue),
        (Trying | Ringing | Skipping | Overdue, Change::Cancel) => Some(Cancelled),
        (Trying | Ringing | Skipping | Cancelled | Overdue, Change::Answer) => Some(Answered),
        (Deciding | Trying | Ringing | Skipping | Cancelled | Overdue, Change::Fail) => Some(Over),
        (Answered, Change::HangUp) => Some(Closing),
        (Closing, Change::Refuse) => Some(Answered),
        (Answered | Closing, Change::End) => Some(Over),
        (Deciding, Change::Ring | Change::Skip | Change::Cancel | Change::Expire | Change::Answer | Change::End)
        | (Trying, Change::Expire | Change::End)
        | (Ringing, Change::Try | Change::Ring | Change::Skip | Change::End)
        | (Skipping, Change::Ring | Change::Skip | Change::Expire | Change::End)
        | (Cancelled, Change::Try | Change::Ring | Change::Skip | Change::Cancel | Change::Expire | Change::End)
        | (Overdue, Change::Try | Change::Ring | Change::Skip | Change::Expire | Change::End)
        | (Answered, Change::Try | Change::Ring | Change::Skip | Change::Cancel | Change::Expire | Change::Answer | Change::Fail)
        | (
            Closing,
            Change::Try | Change::Ring | Change::Skip | Change::Cancel | Change::Expire | Change::Answer | Change::Fail | Change::HangUp,
        )
        | (Deciding | Trying | Ringing | Skipping | Cancelled | Overdue, Change::HangUp | Change::Refuse)
        | (Answered, Change::Refuse)
        | (Over, _) => None,
    }
}
