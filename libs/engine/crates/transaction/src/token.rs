//! The sealed token of our Record-Route.

/// One key of the ring. Sealing uses the current one, opening any whose time has come and not gone.
#[derive(Clone)]
pub struct TokenKey {
    pub key_id: u32,
    pub key: [u8; 32],
    /// Unix seconds.
    pub not_before_s: u64,
    pub not_after_s: u64,
    pub is_current: bool,
}
