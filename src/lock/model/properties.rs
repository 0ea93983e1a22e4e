//! What must hold in every state and at every step, and what must have been seen for the search to
//! mean anything. The witness that judges sees the whole world; no client does.

use super::state::{At, CLIENTS, Kind, LET_GO, Purpose, State, Write, bit, client_of};
use crate::lock::{Act, Effect, LockState};

/// A promise, by the number of its bit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Promise {
    /// Never two holders that nobody has evicted and whose tools may run.
    OneHolder,
    /// No holder starts a command in a tree that lacks what was applied.
    NeverOlder,
    /// A run that was evicted or taken over neither pushes nor writes to the lock.
    Fenced,
    /// The generation never shrinks, `applied` is never lost.
    NeverLost,
    /// A change that is not finished is freed by a change or by a person, not by a run that changed nothing.
    Whole,
    /// Nobody wins the lock whose branch had moved before his push was connected.
    Fresh,
    /// Who is told that his lock was lost has lost it.
    Truthful,
    /// A state in which nobody can go on has its way out.
    WayOut,
}

/// Something that happens in the model: the paths that make it worth while, and the windows that
/// the documentation names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Sight {
    Won = 8,
    TakenOverFailed,
    TakenOverProved,
    RefusedHeld,
    RefusedStale,
    Evicted,
    EvictedRunRefused,
    Ambiguous,
    ArrivedLate,
    Superseded,
    ReleasedUnheard,
    LeftUnfinished,
    PushRefused,
    /// Window: the branch moved between the remote's answer and the lock.
    MovedInTheRoundTrip,
    /// Window: a run that does not know yet that it was evicted starts a command.
    EvictedStarts,
    /// A run that was evicted before it heard that it had won is told so.
    EvictedUnaware,
    /// A command ended, and what it had started lives.
    WrapperEnds,
    ToolOutlives,
    ToolOfEvicted,
    StuckFailed,
    StuckProvable,
    StuckUnprovable,
}

impl Promise {
    pub(super) const ALL: [Self; 8] = [
        Self::OneHolder,
        Self::NeverOlder,
        Self::Fenced,
        Self::NeverLost,
        Self::Whole,
        Self::Fresh,
        Self::Truthful,
        Self::WayOut,
    ];
}

impl State {
    pub(super) fn breaks_promise(&mut self, promise: Promise) {
        self.shown |= 1 << promise as u32;
    }

    pub(super) fn sees(&mut self, sight: Sight) {
        self.shown |= 1 << sight as u32;
    }

    /// Judged whenever a write reaches the remote, before it is made.
    pub(super) fn judge_landing(&mut self, write: &Write, branch: usize) {
        let (old, new) = (self.tip, write.new);
        if self.is_over(write.writer) {
            self.breaks_promise(Promise::Fenced);
        }
        let step = u8::from(matches!(write.purpose, Purpose::Acquire | Purpose::Evict));
        if new.generation != old.generation + step || !new.applied.brings(old.applied) {
            self.breaks_promise(Promise::NeverLost);
        }
        let freed = new.state.0 == LockState::Free;
        match write.purpose {
            Purpose::Acquire => {
                self.sees(Sight::Won);
                if write.advertised != write.seen {
                    self.breaks_promise(Promise::Fresh);
                } else if self.branches[branch] != write.seen {
                    self.sees(Sight::MovedInTheRoundTrip);
                }
                if new.act.0 == Act::TakenOver {
                    self.over |= bit(old.run);
                    let failed = old.state.0 == LockState::Failed;
                    self.sees(if failed { Sight::TakenOverFailed } else { Sight::TakenOverProved });
                }
            }
            Purpose::Evict => {
                self.sees(Sight::Evicted);
                self.evicted |= bit(old.run);
                // A person's word.
                self.unfinished = false;
            }
            _ if freed && self.unfinished => self.breaks_promise(Promise::Whole),
            Purpose::Release if freed && new.effect.0 == Effect::Applied => self.applied = new.applied,
            Purpose::Release if !freed => self.sees(Sight::LeftUnfinished),
            _ => {}
        }
    }

    /// Judged when a command starts.
    pub(super) fn judge_start(&mut self, client: usize) {
        let me = self.clients[client];
        let run = me.run(client);
        if self.is_over(run) {
            self.sees(Sight::EvictedStarts);
            return;
        }
        if !me.head.brings(self.applied) {
            self.breaks_promise(Promise::NeverOlder);
        }
    }

    /// Judged when a run is told that its lock is no longer its own.
    pub(super) fn judge_lost(&mut self, client: usize) {
        let me = self.clients[client];
        let run = me.run(client);
        if self.is_over(run) {
            self.sees(Sight::EvictedRunRefused);
        } else if me.landed & LET_GO == 0 {
            self.breaks_promise(Promise::Truthful);
        } else {
            self.sees(Sight::ReleasedUnheard);
        }
    }

    /// Judged in every state.
    pub(super) fn judge(&mut self) {
        let mut holders = self.tools & !self.evicted;
        if self.tools & self.evicted != 0 {
            self.sees(Sight::ToolOfEvicted);
        }
        for client in 0..CLIENTS {
            let me = &self.clients[client];
            let run = me.run(client);
            let pushing = me.swap.is_some_and(|swap| swap.purpose == Purpose::Pushed);
            if me.lease.is_some() && (me.at == At::Exec || pushing) && self.evicted & bit(run) == 0 {
                holders |= bit(run);
            }
        }
        if holders.count_ones() > 1 {
            self.breaks_promise(Promise::OneHolder);
        }
    }

    /// Nobody is doing anything, nothing is on its way, and the lock is not free.
    pub(super) fn is_stuck(&self) -> bool {
        self.tip.state.0 != LockState::Free
            && self.tools == 0
            && self.adrift.iter().all(Option::is_none)
            && self.clients.iter().all(|client| client.at == At::Idle)
    }

    /// Who must be able to free a stuck lock, and by which run.
    pub(super) fn ways_out(
        &mut self,
        clients: usize,
        owner: impl Fn(usize) -> (u8, u8),
    ) -> Vec<(usize, Kind)> {
        let holder = client_of(self.tip.run);
        let (holds, at) = owner(holder);
        let failed = self.tip.state.0 == LockState::Failed;
        let provable = self.unprovable & bit(self.tip.run) == 0;
        self.sees(match (failed, provable) {
            (true, _) => Sight::StuckFailed,
            (false, true) => Sight::StuckProvable,
            (false, false) => Sight::StuckUnprovable,
        });
        let mut ways = Vec::new();
        for client in 0..clients {
            ways.push((client, Kind::Evict));
            let (own, host) = owner(client);
            if own == holds && (failed || provable && host == at) {
                ways.push((client, Kind::Apply));
                if self.tip.effect.0 != Effect::Unfinished {
                    ways.push((client, Kind::Push));
                }
            }
        }
        ways
    }
}
