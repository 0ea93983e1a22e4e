//! What can happen next: a client begins a run, makes a step, is killed; a tool ends, a write
//! arrives, somebody pushes. One step is what nobody can look into: one look at one ref, one act of
//! the remote, one start or end of a command.

use super::properties::Sight;
use super::rules::{checked, decide, evict, settle, succeeded};
use super::scenario::{OUTSIDE, Scenario};
use super::state::{At, Enum, Half, Kind, RUNS, Stage, State, bit, client_of};
use super::swap::sent;
use crate::lock::{Effect, LockState};

/// A step that can be made: by whom, its name, and what comes of it.
pub(super) type Next = (usize, &'static str, State);

/// Stands for the world in a trace.
pub(super) const WORLD: usize = usize::MAX;

/// All that can happen next.
pub(super) fn successors(on: &Scenario, s: &State, next: &mut Vec<Next>) {
    for c in 0..on.clients.len() {
        if s.clients[c].at == At::Idle {
            begin(on, s, c, next);
            continue;
        }
        step(on, s, c, next);
        if s.crashes > 0 {
            let mut t = *s;
            t.crashes -= 1;
            if killed(on, &mut t, c) {
                next.push((c, "kill -9 of lockstep", t));
            }
        }
        if s.reboots > 0 {
            let mut t = *s;
            t.reboots -= 1;
            let of_host = |run: u8| on.clients.get(client_of(run)).is_some_and(|x| x.1 == on.host(c));
            if killed(on, &mut t, c) && (0..on.clients.len()).all(|d| d == c || on.host(d) != on.host(c)) {
                for run in (0..on.clients.len() as u8 * RUNS).filter(|run| of_host(*run)) {
                    t.tools &= !bit(run);
                    t.unprovable |= bit(run);
                }
                next.push((c, "the power fails", t));
            }
        }
    }
    for run in (0..on.clients.len() as u8 * RUNS).filter(|run| s.tools & bit(*run) != 0 && !s.run_lives(*run))
    {
        let mut t = *s;
        t.tools &= !bit(run);
        next.push((client_of(run), "a tool that has outlived its lockstep ends", t));
    }
    super::swap::arrivals(on, s, next);
    if s.outside > 0 {
        let mut t = *s;
        t.outside -= 1;
        t.branches[0] = t.branches[0].with(OUTSIDE);
        next.push((WORLD, "somebody pushes without lockstep", t));
    }
}

fn begin(on: &Scenario, s: &State, c: usize, next: &mut Vec<Next>) {
    if s.clients[c].runs >= on.runs[c] {
        return;
    }
    for kind in on.kinds[c].iter().copied() {
        if kind == Kind::Evict {
            if s.evictions > 0 {
                let mut t = begun(s, c, kind);
                t.evictions -= 1;
                t.clients[c].at = At::Holders;
                next.push((c, "begins unlock-any", t));
            }
            continue;
        }
        let name = match kind {
            Kind::Apply => "pulls, commits, begins an apply",
            Kind::Apart => "pulls, commits, begins an apply with a look after the push",
            Kind::Plan => "pulls, begins a plan",
            _ => "pulls, begins a mere push",
        };
        // On a branch of his own a client may also bring in the main one.
        for merge in [false, true] {
            let mut t = begun(s, c, kind);
            let me = &mut t.clients[c];
            me.head = me.head.onto(s.branches[on.branch(c)]);
            if merge {
                if on.branch(c) == 0 || me.head.contains(s.branches[0]) {
                    continue;
                }
                me.head = me.head.onto(s.branches[0]);
            }
            if kind.command() == Some(Effect::Applied) && me.commits < on.commits[c] {
                me.head = me.head.with(1 + 3 * c as u8 + me.commits);
                me.commits += 1;
            }
            me.at = At::Check(Half::Neither);
            next.push((c, if merge { "brings in the main branch, begins a run" } else { name }, t));
        }
    }
}

fn begun(s: &State, c: usize, kind: Kind) -> State {
    let mut t = *s;
    t.clients[c].runs += 1;
    t.clients[c].kind = kind;
    t
}

/// The process is gone; what it had sent may arrive. False if the model has no room for that.
fn killed(on: &Scenario, s: &mut State, c: usize) -> bool {
    if let Some(swap) = s.clients[c].swap
        && swap.stage == Stage::Sent
        && !s.set_adrift(sent(on, s, c, &swap))
    {
        return false;
    }
    if s.clients[c].at == At::Tool {
        s.sees(Sight::ToolOutlives);
    }
    s.end(c);
    true
}

fn step(on: &Scenario, s: &State, c: usize, next: &mut Vec<Next>) {
    let me = s.clients[c];
    let mut t = *s;
    let branch = s.branches[on.branch(c)];
    match me.at {
        At::Idle => {}
        At::Check(Half::Neither) => {
            t.clients[c].branch = branch;
            t.clients[c].at = At::Check(Half::Branch);
            next.push((c, "git-check reads the branch", t));
            t = *s;
            t.read_lock(c);
            t.clients[c].at = At::Check(Half::Lock);
            next.push((c, "git-check reads the lock", t));
        }
        At::Check(Half::Branch) => {
            t.read_lock(c);
            checked(on, &mut t, c);
            next.push((c, "git-check reads the lock and judges", t));
        }
        At::Check(Half::Lock) => {
            t.clients[c].branch = branch;
            checked(on, &mut t, c);
            next.push((c, "git-check reads the branch and judges", t));
        }
        At::Refresh => {
            t.read_lock(c);
            t.clients[c].asked = true;
            decide(on, &mut t, c);
            next.push((c, "looks at the lock once more", t));
        }
        At::Holders => {
            t.read_lock(c);
            if t.clients[c].lock.state.0 == LockState::Free {
                t.end(c);
            } else {
                t.clients[c].names = t.tip.run;
                evict(&mut t, c);
            }
            next.push((c, "reads who holds the lock and names that run", t));
        }
        At::Exec => {
            let run = me.run(c);
            t.clients[c].started = true;
            t.clients[c].at = At::Tool;
            t.tools |= bit(run);
            // The second command only looks.
            if me.kind.command() == Some(Effect::Applied) && me.pushed.is_none() {
                t.clients[c].effect = Enum(Effect::Unfinished);
                t.unfinished |= !t.is_over(run);
            }
            t.judge_start(c);
            next.push((c, "starts its command", t));
        }
        At::Tool => {
            let run = me.run(c);
            t.tools &= !bit(run);
            let mut failed = t;
            settle(on, &mut failed, c);
            next.push((c, "its command fails", failed));
            if s.crashes > 0 {
                let mut wrapper = *s;
                wrapper.crashes -= 1;
                wrapper.sees(Sight::WrapperEnds);
                settle(on, &mut wrapper, c);
                next.push((c, "its command is killed, and what it started lives on", wrapper));
            }
            if me.effect.0 == Effect::Unfinished {
                t.clients[c].effect = Enum(Effect::Applied);
                t.unfinished &= t.is_over(run);
            }
            succeeded(on, &mut t, c);
            next.push((c, "its command succeeds", t));
        }
        At::Swap => super::swap::step(on, s, c, next),
    }
}
