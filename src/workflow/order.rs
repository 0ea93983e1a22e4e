//! Orders of steps that make no sense, found before anything happens. Pure, written over roles.

use super::{Call, Role};

/// Why the steps cannot run in this order.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// The same once-only step a second time.
    #[error("`{step}` stands twice")]
    Twice {
        /// The step.
        step: String,
    },
    /// A step that undoes what a later one needs, or comes too late to mean anything.
    #[error("`{first}` stands before `{second}`: {why}")]
    Wrong {
        /// The earlier step.
        first: String,
        /// The later step.
        second: String,
        /// What would go wrong.
        why: &'static str,
    },
    /// `unlock` in a pipeline that takes no lock.
    #[error("`{step}` gives back only what this run took, and no `lock` stands before it")]
    NothingToUnlock {
        /// The step.
        step: String,
    },
    /// A step that `finally` may not hold.
    #[error("`{step}` cannot stand in `finally`: after a failure the lock and the branch stay as they are")]
    NotFinally {
        /// The step.
        step: String,
    },
}

/// Checks the order of a pipeline's steps and what its `finally` holds.
///
/// # Errors
/// The first thing that makes no sense.
pub(super) fn check(calls: &[Call], finally: &[Call]) -> Result<(), OrderError> {
    for role in [Role::Build, Role::Check, Role::Lock, Role::Push] {
        if let Some(second) = of(calls, role).nth(1) {
            return Err(OrderError::Twice { step: second.1.label.clone() });
        }
    }
    let lock = of(calls, Role::Lock).next();
    // `unlock-any lock …` first takes the lock from somebody else: that is another lock to give back.
    let taken = lock.map_or(0, |(at, _)| at);
    if let Some(second) = calls[taken..].iter().filter(|call| is_unlock(call)).nth(1) {
        return Err(OrderError::Twice { step: second.label.clone() });
    }
    let runs = |call: &Call| matches!(call.step.role(), Role::Command | Role::Stages(_));
    let commands = || calls.iter().enumerate().filter(|(_, call)| runs(call));
    let mut stages = commands().filter(|(_, call)| call.step.role() != Role::Command);
    if let (Some((_, first)), Some((_, second))) = (stages.next(), stages.next()) {
        return Err(match first.step.role() == second.step.role() {
            true => OrderError::Twice { step: second.label.clone() },
            false => wrong(first, second, "one line makes a thing or takes it away"),
        });
    }

    if let Some((at, build)) = of(calls, Role::Build).next()
        && let Some((_, command)) = commands().find(|(command, _)| *command < at)
    {
        return Err(wrong(command, build, "the command would run in what an earlier build left"));
    }
    if let Some((at, unlock)) = of(calls, Role::Unlock).next()
        && lock.is_none_or(|(lock, _)| lock > at)
    {
        return Err(OrderError::NothingToUnlock { step: unlock.label.clone() });
    }
    if let Some((lock_at, lock)) = lock {
        let after = calls.iter().enumerate().find(|(at, call)| *at > lock_at && is_unlock(call));
        if let Some((unlock_at, unlock)) = after {
            if let Some((_, push)) = of(calls, Role::Push).find(|(at, _)| *at > unlock_at) {
                return Err(wrong(unlock, push, "the push would no longer be protected by the lock"));
            }
            if let Some((_, command)) = commands().find(|(at, _)| *at > unlock_at) {
                return Err(wrong(unlock, command, "the command would run without the lock"));
            }
            if let Some((_, check)) = of(calls, Role::Check).find(|(at, _)| *at > unlock_at) {
                return Err(wrong(unlock, check, "it would prove nothing for what ran"));
            }
        }
        if let Some((_, command)) = commands().next()
            && commands().all(|(at, _)| at < lock_at)
        {
            return Err(wrong(command, lock, "the command would run without the lock"));
        }
    }
    match finally.iter().find(|call| !matches!(call.step.role(), Role::Command | Role::Inspect)) {
        Some(call) => Err(OrderError::NotFinally { step: call.label.clone() }),
        None => Ok(()),
    }
}

/// Marks each push that is directly followed by giving back the lock that this run took: one
/// atomic push then does both.
pub(super) fn fuse(calls: &mut [Call]) {
    let lock = of(calls, Role::Lock).next().map(|(at, _)| at);
    for at in 1..calls.len() {
        let held = lock.is_some_and(|lock| lock < at - 1);
        if held && calls[at - 1].step.role() == Role::Push && is_unlock(&calls[at]) {
            calls[at - 1].releases = true;
        }
    }
}

fn of(calls: &[Call], role: Role) -> impl Iterator<Item = (usize, &Call)> {
    calls.iter().enumerate().filter(move |(_, call)| call.step.role() == role)
}

fn is_unlock(call: &Call) -> bool {
    matches!(call.step.role(), Role::Unlock | Role::UnlockAny)
}

fn wrong(first: &Call, second: &Call, why: &'static str) -> OrderError {
    OrderError::Wrong { first: first.label.clone(), second: second.label.clone(), why }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;
    use crate::workflow::{Done, Run, State, Step};

    struct Fake(&'static str, Role);

    impl Step for Fake {
        fn name(&self) -> &'static str {
            self.0
        }
        fn summary(&self) -> &'static str {
            "fake"
        }
        fn details(&self) -> &'static str {
            "fake"
        }
        fn role(&self) -> Role {
            self.1
        }
        fn run(&self, _: &Call, _: &Run<'_>, _: &mut State) -> Result<Done, Error> {
            Ok(Done::quietly())
        }
    }

    static FAKES: [Fake; 7] = [
        Fake("build", Role::Build),
        Fake("git-check", Role::Check),
        Fake("lock", Role::Lock),
        Fake("exec", Role::Command),
        Fake("git-push", Role::Push),
        Fake("unlock", Role::Unlock),
        Fake("unlock-any", Role::UnlockAny),
    ];

    fn calls(line: &str) -> Vec<Call> {
        line.split_whitespace()
            .map(|word| {
                let step = FAKES.iter().find(|fake| fake.0 == word).unwrap();
                Call { written: None, step, argv: None, releases: false, label: word.to_owned() }
            })
            .collect()
    }

    #[test]
    fn the_usual_orders_pass() {
        for line in [
            "build git-check lock exec git-push unlock-any",
            "build git-check lock git-push unlock",
            "build exec",
            "lock exec unlock",
            "unlock-any",
            "unlock-any lock exec unlock",
            "git-check build lock exec git-push unlock",
            "exec exec",
            "exec lock exec unlock",
            "lock",
        ] {
            assert_eq!(check(&calls(line), &[]), Ok(()), "{line}");
        }
    }

    #[test]
    fn orders_that_make_no_sense_are_named() {
        for (line, expected) in [
            (
                "lock exec unlock git-push",
                "`unlock` stands before `git-push`: the push would no longer be protected by the lock",
            ),
            (
                "lock exec unlock-any git-push",
                "`unlock-any` stands before `git-push`: the push would no longer be protected by the lock",
            ),
            ("lock unlock exec", "`unlock` stands before `exec`: the command would run without the lock"),
            ("exec unlock", "`unlock` gives back only what this run took, and no `lock` stands before it"),
            (
                "unlock lock exec",
                "`unlock` gives back only what this run took, and no `lock` stands before it",
            ),
            (
                "exec build",
                "`exec` stands before `build`: the command would run in what an earlier build left",
            ),
            ("exec lock unlock", "`exec` stands before `lock`: the command would run without the lock"),
            ("lock lock exec unlock", "`lock` stands twice"),
            ("lock exec unlock unlock-any", "`unlock-any` stands twice"),
        ] {
            assert_eq!(check(&calls(line), &[]).unwrap_err().to_string(), expected, "{line}");
        }
        let finally = calls("unlock");
        assert!(matches!(check(&calls("lock exec"), &finally), Err(OrderError::NotFinally { .. })));
    }

    #[test]
    fn a_push_is_fused_only_with_the_release_of_this_runs_lock() {
        for (line, expected) in [
            ("lock exec git-push unlock-any", true),
            ("lock exec git-push unlock", true),
            ("exec git-push unlock-any", false),
            ("lock exec git-push", false),
        ] {
            let mut calls = calls(line);
            fuse(&mut calls);
            let push = calls.iter().find(|call| call.step.role() == Role::Push).unwrap();
            assert_eq!(push.releases, expected, "{line}");
        }
    }
}
