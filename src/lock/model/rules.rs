//! What a run decides: whether it may take the lock, what it writes when it ends, what it makes of
//! the end of a push. The rules are those of `lock::protocol`, `lock::hold`, `lock::evict`,
//! `workflow::holding` and the steps, said once more.

use super::properties::Sight;
use super::scenario::{Mutation, Scenario, TRIES};
use super::state::{
    At, Branch, Client, Enum, Half, Kind, Lease, Purpose, Record, Stage, State, Swap, bit, client_of,
};
use super::swap::Outcome;
use crate::lock::{Act, Effect, LockState, Prior};

pub(super) fn checked(on: &Scenario, s: &mut State, c: usize) {
    s.clients[c].seen = s.clients[c].branch;
    let me = s.clients[c];
    let ahead = me.head.length().saturating_sub(me.seen.length());
    let failed = me.lock.state.0 == LockState::Failed || on.mutation != Mutation::NoFixAfterDeath;
    let taken = me.lock.state.0 != LockState::Free;
    let recovering = taken && failed && takeover(on, s, c).is_some();
    if !me.head.contains(me.seen) || (ahead > 1 && !recovering) {
        s.end(c);
    } else {
        decide(on, s, c);
    }
}

/// Whether the lock can be had as it was last seen, and if so, sets out to take it.
pub(super) fn decide(on: &Scenario, s: &mut State, c: usize) {
    let me = s.clients[c];
    let last = me.lock;
    let taken = if last.state.0 == LockState::Free { Some(Prior::Free) } else { takeover(on, s, c) };
    let current = on.mutation == Mutation::NoAppliedCheck || me.head.brings(last.applied);
    // A change of its owner's that is applied and not recorded so: no later one may lack it, and only
    // the very same is recorded.
    let left = taken.filter(|prior| prior.effect() == Effect::Applied).map(|_| last.commit);
    let goes_on = left.is_none_or(|commit| match me.kind.command() {
        Some(Effect::Applied) => me.head.brings(commit),
        Some(_) => true,
        None => me.head == commit,
    });
    let Some(prior) = taken.filter(|_| current && goes_on) else {
        if me.asked {
            s.sees(if taken.is_none() { Sight::RefusedHeld } else { Sight::RefusedStale });
            s.end(c);
        } else {
            s.clients[c].at = At::Refresh;
        }
        return;
    };
    let changes = me.kind.command() == Some(Effect::Applied);
    let new = Record {
        generation: last.generation + 1,
        state: Enum(LockState::Held),
        act: Enum(if prior == Prior::Free { Act::Acquired } else { Act::TakenOver }),
        run: me.run(c),
        commit: left.filter(|_| !changes).unwrap_or(me.head),
        applied: left.filter(|_| changes).unwrap_or(last.applied),
        effect: Enum(if changes { Effect::Unfinished } else { prior.effect() }),
        ..last
    };
    s.swaps(c, Purpose::Acquire, new, last.nonce, Branch::Unmoved(me.seen));
    if let Some(swap) = &mut s.clients[c].swap {
        swap.prior = Enum(prior);
    }
}

fn takeover(on: &Scenario, s: &State, c: usize) -> Option<Prior> {
    let holder = s.clients[c].lock;
    let from = client_of(holder.run);
    let prior = Prior::Failed { effect: holder.effect.0 };
    if on.owner(from) != on.owner(c) {
        return None;
    }
    if holder.state.0 == LockState::Failed || on.mutation == Mutation::NoProof {
        return Some(prior);
    }
    let ended = on.host(from) == on.host(c)
        && s.unprovable & bit(holder.run) == 0
        && !s.run_lives(holder.run)
        && s.tools & bit(holder.run) == 0;
    ended.then_some(prior)
}

/// What follows a command that succeeded.
pub(super) fn succeeded(on: &Scenario, s: &mut State, c: usize) {
    let me = s.clients[c];
    let Some(lease) = me.lease else { return s.end(c) };
    // Not ahead, or pushed already: there is nothing to push.
    if me.pushed.is_some() || me.head == me.seen {
        if me.kind == Kind::Apart && me.pushed.is_none() {
            s.clients[c].pushed = Some(me.head);
            s.clients[c].at = At::Exec;
            return;
        }
        return release(on, s, c, Branch::None);
    }
    if me.kind == Kind::Apart {
        let new = Record { act: Enum(Act::Pushed), ..lease.record };
        return s.swaps(c, Purpose::Pushed, new, lease.record.nonce, Branch::Forward(me.head));
    }
    release(on, s, c, Branch::Forward(me.head));
}

fn release(on: &Scenario, s: &mut State, c: usize, branch: Branch) {
    let me = s.clients[c];
    let Some(lease) = me.lease else { return s.end(c) };
    let prior = lease.prior.0;
    let found_unfinished = prior.effect() == Effect::Unfinished && on.mutation != Mutation::FreeAfterReading;
    let resumed = prior.effect() != Effect::None;
    let to = match branch {
        Branch::Forward(to) => to,
        _ => me.pushed.unwrap_or(me.head),
    };
    let is_same = prior.effect() != Effect::Applied || me.head == lease.record.commit;
    let finishes = resumed && !found_unfinished && is_same;
    let applied = (me.effect.0 != Effect::None || finishes).then_some(to);
    let new = if applied.is_none() && resumed {
        as_found(lease)
    } else {
        Record {
            state: Enum(LockState::Free),
            act: Enum(Act::Released),
            effect: Enum(if applied.is_some() { Effect::Applied } else { Effect::None }),
            applied: applied.unwrap_or(lease.record.applied),
            ..lease.record
        }
    };
    s.swaps(c, Purpose::Release, new, lease.record.nonce, branch);
}

fn as_found(lease: Lease) -> Record {
    let state = if lease.prior.0 == Prior::Free { LockState::Free } else { LockState::Failed };
    let effect = Enum(lease.prior.0.effect());
    Record { state: Enum(state), act: Enum(Act::GivenBack), effect, ..lease.record }
}

/// The run ends early: gives back, or keeps and marks failed.
pub(super) fn settle(on: &Scenario, s: &mut State, c: usize) {
    let me = s.clients[c];
    let Some(lease) = me.lease else { return s.end(c) };
    let (purpose, new) = if me.started {
        let effect = if me.effect.0 == Effect::None { lease.prior.0.effect() } else { me.effect.0 };
        // What its command has started and left is asked for before a failure is recorded.
        let outlived = s.tools & bit(me.run(c)) != 0 && on.mutation != Mutation::WrapperIsTool;
        let state = if outlived { LockState::Held } else { LockState::Failed };
        let failed = Record { state: Enum(state), act: Enum(Act::Failed), ..lease.record };
        (Purpose::Fail, Record { effect: Enum(effect), ..failed })
    } else {
        (Purpose::GiveBack, as_found(lease))
    };
    s.swaps(c, purpose, new, lease.record.nonce, Branch::None);
}

pub(super) fn evict(s: &mut State, c: usize) {
    let me = s.clients[c];
    let last = me.lock;
    if last.state.0 == LockState::Free || last.run != me.names {
        return s.end(c);
    }
    let new = Record {
        generation: last.generation + 1,
        state: Enum(LockState::Free),
        act: Enum(Act::Evicted),
        applied: if last.effect.0 == Effect::Applied { last.commit } else { last.applied },
        run: me.run(c),
        ..last
    };
    s.swaps(c, Purpose::Evict, new, last.nonce, Branch::None);
}

/// What a run makes of the end of its push.
pub(super) fn ended(on: &Scenario, s: &mut State, c: usize, swap: &Swap, outcome: Outcome) {
    s.clients[c].swap = None;
    let me = s.clients[c];
    match (swap.purpose, outcome) {
        (Purpose::Acquire, Outcome::Done) => {
            s.clients[c].lease = Some(Lease { record: swap.new, prior: swap.prior });
            s.clients[c].at = At::Exec;
            s.clients[c].lost = 0;
            if me.kind.command().is_none() {
                succeeded(on, s, c);
            }
        }
        // What it had won was taken from it since.
        (Purpose::Acquire, Outcome::Superseded | Outcome::Lost)
            if me.chain != 0 && on.mutation != Mutation::EvictedReturns =>
        {
            s.sees(Sight::EvictedUnaware);
            lost(s, c);
        }
        (Purpose::Acquire, Outcome::Superseded | Outcome::Lost) => again(s, c, |s| {
            s.clients[c].asked = true;
            decide(on, s, c);
        }),
        (Purpose::Pushed, Outcome::Done) => {
            if let Some(lease) = &mut s.clients[c].lease {
                lease.record = swap.new;
            }
            s.clients[c].pushed = Some(me.head);
            s.clients[c].at = At::Exec;
        }
        (Purpose::Evict, Outcome::Lost) => again(s, c, |s| evict(s, c)),
        (Purpose::Release | Purpose::Fail | Purpose::GiveBack, Outcome::Done | Outcome::Superseded)
        | (Purpose::Acquire | Purpose::Evict, _) => s.end(c),
        (Purpose::Pushed, Outcome::Superseded) => lost(s, c),
        (_, Outcome::Lost) => {
            let still = me.lease.is_some_and(|Lease { record: held, .. }| {
                let own = me.lock.run == held.run && me.lock.generation == held.generation;
                me.lock.nonce == held.nonce
                    || own && me.lock.state.0 == LockState::Held && on.mutation != Mutation::OwnPushUnknown
            });
            if still {
                // Refused, and yet everything is still ours: as we knew it, or by a push unheard of.
                let expect = me.lock.nonce;
                again(s, c, |s| s.swaps(c, swap.purpose, swap.new, expect, swap.branch));
            } else {
                lost(s, c);
            }
        }
        (Purpose::Pushed | Purpose::Release, Outcome::Refused | Outcome::Broken) => {
            if outcome == Outcome::Refused {
                s.sees(Sight::PushRefused);
            }
            settle(on, s, c);
        }
        // It stays as the remote has it; the run ends, and somebody's later run finds out.
        (Purpose::Fail | Purpose::GiveBack, Outcome::Refused | Outcome::Broken) => s.end(c),
    }
}

fn again(s: &mut State, c: usize, then: impl FnOnce(&mut State)) {
    s.clients[c].lost += 1;
    if s.clients[c].lost == TRIES { s.end(c) } else { then(s) }
}

fn lost(s: &mut State, c: usize) {
    s.judge_lost(c);
    s.end(c);
}

impl State {
    pub(super) fn end(&mut self, c: usize) {
        let me = self.clients[c];
        self.clients[c] = Client::idle(me.runs, me.commits, me.head);
    }

    pub(super) fn read_lock(&mut self, c: usize) {
        self.clients[c].lock = self.tip;
        self.clients[c].chain = self.clients[c].landed;
    }

    /// Sets out to write a record.
    pub(super) fn swaps(&mut self, c: usize, purpose: Purpose, new: Record, expect: u8, branch: Branch) {
        let me = &mut self.clients[c];
        let nonce = me.run(c) * 8 + me.writes;
        me.writes = (me.writes + 1).min(6);
        me.at = At::Swap;
        me.swap = Some(Swap {
            purpose,
            new: Record { nonce, ..new },
            expect,
            prior: Enum(Prior::Free),
            branch,
            stage: Stage::Connect(Half::Neither),
            open: false,
            tries: 0,
            advertised_lock: u8::MAX,
            advertised_branch: me.seen,
        });
    }
}
