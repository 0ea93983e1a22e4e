//! Waiting for a lock that somebody holds: looks again and again, at growing and jittered distances,
//! and says for whom the run waits. Takes nothing; a signal ends it at once.

use std::time::Duration;

use crate::Error;
use crate::env::{self, Span, Stopwatch};
use crate::git::GitError;
use crate::lock::{DynamoError, LockError, LockState};
use crate::process::Signal;
use crate::workflow::{Event, Run};

/// The first pause, the longest one, and by how much (in percent) each is longer than the one before.
const FIRST: u64 = 1_000;
const LONGEST: u64 = 15_000;
const GROWTH: u64 = 150;

/// One run's wait for its lock, however often somebody else is faster.
pub(super) struct Wait<'a> {
    run: &'a Run<'a>,
    limit: Span,
    clock: Stopwatch,
    looks: u32,
    /// Holder and state that were told last.
    told: Option<(String, LockState)>,
}

impl<'a> Wait<'a> {
    pub(super) fn new(run: &'a Run<'a>, limit: Span) -> Self {
        Self { run, limit, clock: Stopwatch::start(), looks: 0, told: None }
    }

    /// Whether what stands in the way is a matter of time.
    pub(super) const fn can_pass(error: &LockError) -> bool {
        matches!(error, LockError::Held { .. } | LockError::Contended { .. })
    }

    /// How long it waited; none if it did not have to.
    pub(super) fn waited(&self) -> Option<Span> {
        (self.looks > 0).then(|| Span::from_seconds(self.clock.milliseconds() / 1000))
    }

    /// Returns when taking the lock is worth a try: nobody holds it any more, or something else than
    /// a holder is in the way, which taking it will tell. `started`: a command of this run has been.
    ///
    /// # Errors
    /// What is still in the way when the time is over; the request to end.
    pub(super) fn until_free(
        &mut self,
        mut in_the_way: LockError,
        started: bool,
        look: impl Fn() -> Result<(), Error>,
    ) -> Result<(), Error> {
        let interrupts = &self.run.services.interrupts;
        let interrupted =
            |signal: Signal| if started { Error::Stopped(signal) } else { Error::Interrupted(signal) };
        loop {
            let left = self.left();
            if left.is_zero() {
                if self.looks > 0 {
                    self.run.note(format!("waited {} for the lock in vain", self.limit));
                }
                return Err(in_the_way.into());
            }
            self.tell(&in_the_way, left);
            let pause = pause(self.looks, random()).min(left);
            self.looks = self.looks.saturating_add(1);
            if let Some(signal) = interrupts.wait(pause) {
                return Err(interrupted(signal));
            }
            let looked = look();
            if let Some(signal) = interrupts.requested() {
                return Err(interrupted(signal));
            }
            match looked {
                // A connection that fails once is no reason to lose one's place.
                Err(Error::Lock(
                    error
                    @ (LockError::Unreachable { .. } | LockError::Dynamo(DynamoError::Throttled { .. })),
                )) => in_the_way = error,
                Err(Error::Lock(error)) if Self::can_pass(&error) => in_the_way = error,
                // Ctrl-C reaches git first.
                Err(error @ Error::Lock(LockError::Git(GitError::Interrupted { .. }))) => return Err(error),
                Ok(()) | Err(_) => return Ok(()),
            }
        }
    }

    fn left(&self) -> Duration {
        self.limit.duration().saturating_sub(Duration::from_millis(self.clock.milliseconds()))
    }

    fn tell(&mut self, in_the_way: &LockError, left: Duration) {
        let LockError::Held { key, holder, .. } = in_the_way else { return };
        let now = (holder.run.clone(), holder.state);
        let changed = self.told.as_ref() != Some(&now);
        self.told = Some(now);
        self.run.emit(&Event::LockWaiting {
            unit: self.run.unit.id.clone(),
            key: key.to_string(),
            state: holder.state,
            owner: holder.owner.clone(),
            run: holder.run.clone(),
            program: holder.doing(),
            age_seconds: Span::since(holder.time, self.run.services.clock.now()).seconds(),
            left_seconds: left.as_secs(),
            changed,
        });
    }
}

/// The pause before look number `looks`, a quarter longer or shorter by chance, so that those who
/// wait for one lock do not all come at once.
fn pause(looks: u32, random: u32) -> Duration {
    let mut plain = FIRST;
    for _ in 0..looks.min(64) {
        plain = (plain * GROWTH / 100).min(LONGEST);
    }
    let spread = plain / 2;
    let chance = u64::from(random) * spread / u64::from(u32::MAX);
    Duration::from_millis(plain - spread / 2 + chance)
}

/// Without randomness there is no jitter, and nothing else is lost.
fn random() -> u32 {
    let digits = env::nonce().ok();
    digits.and_then(|d| u32::from_str_radix(d.get(..8)?, 16).ok()).unwrap_or(u32::MAX / 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn pauses_grow_from_a_second_to_a_quarter_of_a_minute() {
        let middle = |looks| pause(looks, 1 << 31).as_millis();
        assert_eq!((middle(0), middle(1), middle(2)), (1000, 1500, 2250));
        assert_eq!(middle(9), 15_000);
        assert_eq!(middle(u32::MAX), 15_000);
    }

    proptest! {
        #[test]
        fn a_pause_strays_by_a_quarter_at_most(looks in 0_u32..100, random: u32) {
            let plain = pause(looks, u32::MAX / 2).as_secs_f64();
            let strayed = pause(looks, random).as_secs_f64() / plain;
            prop_assert!((0.74..=1.26).contains(&strayed), "{}", strayed);
        }
    }
}
