//! Limits of failed updates, at which a run stops.

/// After how many errors a run stops.
#[derive(Debug, Clone, Copy)]
pub(super) struct ErrorLimits {
    pub(super) errors: Option<u64>,
    /// Consecutive errors.
    pub(super) in_a_row: Option<u64>,
    /// Percentage of errors, and how many outcomes there must be before it applies.
    pub(super) share: Option<(f64, u64)>,
}

/// How the updates of a run have ended so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Count {
    done: u64,
    errors: u64,
    in_a_row: u64,
}

impl Count {
    pub(super) fn add(&mut self, failed: bool) {
        self.done += 1;
        self.errors += u64::from(failed);
        self.in_a_row = if failed { self.in_a_row + 1 } else { 0 };
    }
}

impl ErrorLimits {
    #[allow(clippy::cast_precision_loss)] // a percentage
    pub(super) fn are_reached(self, count: Count) -> bool {
        let Count { done, errors, in_a_row } = count;
        let by_number = self.errors.is_some_and(|limit| errors >= limit);
        let by_row = self.in_a_row.is_some_and(|limit| in_a_row >= limit);
        let by_share = self
            .share
            .is_some_and(|(percent, of)| done >= of && errors as f64 * 100.0 > done as f64 * percent);
        errors > 0 && (by_number || by_row || by_share)
    }
}
