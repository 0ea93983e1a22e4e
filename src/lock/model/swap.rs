//! A push: what the remote advertises, what it does with what was sent, a connection that breaks,
//! and the look afterwards. The rules are those of `lock::git_ref` and `lock::git_answer`.

use super::client::Next;
use super::properties::Sight;
use super::rules::ended;
use super::scenario::{Mutation, Scenario, TRIES};
use super::state::{Branch, Half, LET_GO, Purpose, Stage, State, Swap, Write, client_of};
use crate::lock::{Act, LockState};

/// How a push ended, for the run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Done,
    Superseded,
    Lost,
    /// The branch stood in the way, or the remote refuses for good.
    Refused,
    /// Not reached, or it cannot be told.
    Broken,
}

pub(super) fn step(on: &Scenario, s: &State, c: usize, next: &mut Vec<Next>) {
    let Some(swap) = s.clients[c].swap else { return };
    match swap.stage {
        Stage::Connect(half) => {
            look(on, s, c, &swap, half, next, (Stage::Connect, advertised));
            breaks(on, s, c, next, false);
        }
        Stage::Look(half) => {
            look(on, s, c, &swap, half, next, (Stage::Look, judged));
            breaks(on, s, c, next, false);
        }
        Stage::Sent => {
            let mut t = *s;
            let write = sent(on, s, c, &swap);
            if t.lands(on, &write) {
                ended(on, &mut t, c, &swap, Outcome::Done);
                next.push((c, "the remote writes and answers", t));
            } else {
                t.goes(c, Stage::Look(Half::Neither));
                next.push((c, "the remote refuses: something has moved", t));
            }
            breaks(on, s, c, next, true);
        }
    }
}

type Then = fn(&Scenario, &mut State, usize, Swap);

/// Reads branch and lock, one after the other in either order, then goes on.
fn look(
    on: &Scenario,
    s: &State,
    c: usize,
    swap: &Swap,
    half: Half,
    next: &mut Vec<Next>,
    (stage, then): (fn(Half) -> Stage, Then),
) {
    let connecting = matches!(swap.stage, Stage::Connect(_));
    let read = |t: &mut State, lock: bool, branch: bool| {
        if lock {
            if connecting {
                t.with(c, |swap| swap.advertised_lock = s.tip.nonce);
            } else {
                t.read_lock(c);
            }
        }
        if branch {
            let now = s.branches[on.branch(c)];
            if connecting {
                t.with(c, |swap| swap.advertised_branch = now);
            } else {
                t.clients[c].branch = now;
            }
        }
    };
    let mut push = |lock, branch, half: Option<Half>, name| {
        let mut t = *s;
        read(&mut t, lock, branch);
        match (half, t.clients[c].swap) {
            (Some(half), _) => t.goes(c, stage(half)),
            (None, Some(swap)) => then(on, &mut t, c, swap),
            (None, None) => {}
        }
        next.push((c, name, t));
    };
    match (half, swap.branch) {
        (Half::Neither, Branch::None) => push(true, false, None, "its push reads the lock"),
        (Half::Neither, _) => {
            push(false, true, Some(Half::Branch), "its push reads the branch");
            push(true, false, Some(Half::Lock), "its push reads the lock");
        }
        (Half::Branch, _) => push(true, false, None, "its push reads the lock, then judges"),
        (Half::Lock, _) => push(false, true, None, "its push reads the branch, then judges"),
    }
}

/// What git makes of the advertisement before it sends anything.
fn advertised(on: &Scenario, s: &mut State, c: usize, swap: Swap) {
    let there = swap.advertised_lock == swap.new.nonce;
    let lock = there || free_of_lease(on, &swap) || swap.advertised_lock == swap.expect;
    let branch = match swap.branch {
        Branch::None => true,
        Branch::Unmoved(seen) => on.mutation == Mutation::NoGuard || swap.advertised_branch == seen,
        Branch::Forward(to) => to.contains(swap.advertised_branch),
    };
    if !lock || !branch || (there && !swap.open) {
        s.goes(c, Stage::Look(Half::Neither));
    } else if there {
        ended(on, s, c, &swap, Outcome::Done);
    } else {
        s.goes(c, Stage::Sent);
    }
}

fn free_of_lease(on: &Scenario, swap: &Swap) -> bool {
    match on.mutation {
        Mutation::NoLease => swap.purpose == Purpose::Acquire,
        Mutation::NoFence => !matches!(swap.purpose, Purpose::Acquire | Purpose::Evict),
        _ => false,
    }
}

/// Explains a refusal by the refs as they are now.
fn judged(on: &Scenario, s: &mut State, c: usize, swap: Swap) {
    let me = &s.clients[c];
    let in_chain = me.chain & (1 << (swap.new.nonce % 8)) != 0;
    let outcome = if me.lock.nonce == swap.new.nonce {
        if swap.open { Outcome::Done } else { Outcome::Lost }
    } else if me.lock.nonce != swap.expect {
        match (in_chain, swap.open) {
            (true, true) => Outcome::Superseded,
            _ => Outcome::Lost,
        }
    } else {
        let moved = match swap.branch {
            Branch::None => false,
            Branch::Unmoved(seen) => me.branch != seen,
            Branch::Forward(to) => !to.contains(me.branch),
        };
        if moved && !swap.open {
            Outcome::Refused
        } else if swap.tries + 1 < TRIES {
            s.with(c, |swap| swap.tries += 1);
            return s.goes(c, Stage::Connect(Half::Neither));
        } else if swap.open {
            s.sees(Sight::Ambiguous);
            Outcome::Broken
        } else {
            Outcome::Refused
        }
    };
    if outcome == Outcome::Superseded {
        s.sees(Sight::Superseded);
    }
    ended(on, s, c, &swap, outcome);
}

/// The connection breaks; what was sent may have arrived, may yet arrive, or be lost.
fn breaks(on: &Scenario, s: &State, c: usize, next: &mut Vec<Next>, was_sent: bool) {
    let Some(swap) = s.clients[c].swap else { return };
    if s.breaks == 0 {
        return;
    }
    let mut t = *s;
    t.breaks -= 1;
    if was_sent && !t.set_adrift(sent(on, s, c, &swap)) {
        return;
    }
    let name =
        if was_sent { "the connection breaks, the answer is lost" } else { "the remote is not reached" };
    t.with(c, |swap| {
        swap.open |= was_sent;
        swap.tries += 1;
    });
    let open = swap.open || was_sent;
    if open && swap.tries + 1 < TRIES {
        t.goes(c, Stage::Connect(Half::Neither));
    } else {
        if open {
            t.sees(Sight::Ambiguous);
        }
        ended(on, &mut t, c, &swap, Outcome::Broken);
    }
    next.push((c, name, t));
}

/// What goes over the wire.
pub(super) fn sent(on: &Scenario, s: &State, c: usize, swap: &Swap) -> Write {
    let advertised = swap.advertised_branch;
    Write {
        client: c as u8,
        writer: s.clients[c].run(c),
        purpose: swap.purpose,
        new: swap.new,
        old: if free_of_lease(on, swap) { swap.advertised_lock } else { swap.expect },
        branch: match swap.branch {
            Branch::Forward(to) if to != advertised => Some((advertised, to)),
            _ => None,
        },
        seen: s.clients[c].seen,
        advertised,
    }
}

/// What was adrift arrives, or is lost for good.
pub(super) fn arrivals(on: &Scenario, s: &State, next: &mut Vec<Next>) {
    for slot in 0..s.adrift.len() {
        let Some(write) = s.adrift[slot] else { continue };
        let mut t = *s;
        t.adrift[slot] = None;
        t.adrift.sort_by_key(|write| write.map(|write| write.new.nonce));
        let mut arrived = t;
        if arrived.lands(on, &write) {
            arrived.sees(Sight::ArrivedLate);
            next.push((client_of(write.writer), "what it had sent arrives", arrived));
        }
        next.push((client_of(write.writer), "what it had sent is lost", t));
    }
}

impl State {
    /// The remote's own compare-and-set over both refs.
    fn lands(&mut self, on: &Scenario, write: &Write) -> bool {
        let branch = on.branch(usize::from(write.client));
        if self.tip.nonce != write.old || write.branch.is_some_and(|(from, _)| self.branches[branch] != from)
        {
            return false;
        }
        self.judge_landing(write, branch);
        self.tip = write.new;
        if let Some((_, to)) = write.branch {
            self.branches[branch] = to;
        }
        if self.run_lives(write.writer) {
            let me = &mut self.clients[client_of(write.writer)];
            me.landed |= 1 << (write.new.nonce % 8);
            if write.new.state.0 != LockState::Held
                && matches!(write.new.act.0, Act::Released | Act::GivenBack)
            {
                me.landed |= LET_GO;
            }
        }
        true
    }

    /// False if there is no room for it: the model then has this break happen elsewhere.
    pub(super) fn set_adrift(&mut self, write: Write) -> bool {
        if self.adrift.contains(&Some(write)) {
            return true;
        }
        let Some(slot) = self.adrift.iter().position(Option::is_none) else { return false };
        self.adrift[slot] = Some(write);
        self.adrift.sort_by_key(|write| write.map(|write| write.new.nonce));
        true
    }

    fn goes(&mut self, c: usize, stage: Stage) {
        self.with(c, |swap| swap.stage = stage);
    }

    fn with(&mut self, c: usize, change: impl FnOnce(&mut Swap)) {
        if let Some(swap) = &mut self.clients[c].swap {
            change(swap);
        }
    }
}
