//! Who a run acts for: the name that a lock is held under.
//!
//! Said by the user, else by the CI system, else `user@host`. A CI's later attempt of the same run
//! and job is the same owner, so that it can go on from its own failure; another run is another one.

use super::record::clean;
use super::record_json::MAX_OWNER;
use crate::env::{Environment, Host, user_name};

/// A CI system: how it is known, and which variables name project, run and job. The attempt is left out.
struct Ci {
    name: &'static str,
    marker: &'static str,
    /// For each part the variables that may hold it, the first that is set counts.
    /// Parts in `optional` may be missing.
    parts: &'static [&'static [&'static str]],
    optional: &'static [&'static str],
}

const SYSTEMS: &[Ci] = &[
    Ci {
        name: "github",
        marker: "GITHUB_ACTIONS",
        parts: &[&["GITHUB_REPOSITORY"], &["GITHUB_RUN_ID"], &["GITHUB_JOB"]],
        optional: &[],
    },
    Ci {
        name: "gitlab",
        marker: "GITLAB_CI",
        // The name holds the values of a matrix.
        parts: &[&["CI_PROJECT_PATH"], &["CI_PIPELINE_ID"], &["CI_JOB_NAME"]],
        optional: &["CI_NODE_INDEX"],
    },
    Ci {
        name: "buildkite",
        marker: "BUILDKITE",
        parts: &[
            &["BUILDKITE_PIPELINE_SLUG"],
            &["BUILDKITE_BUILD_NUMBER"],
            &["BUILDKITE_STEP_KEY", "BUILDKITE_STEP_ID", "BUILDKITE_LABEL"],
        ],
        optional: &["BUILDKITE_PARALLEL_JOB"],
    },
    Ci {
        name: "circleci",
        marker: "CIRCLECI",
        // The workspace stays the same when a workflow is run again from where it failed.
        parts: &[
            &["CIRCLE_PROJECT_REPONAME"],
            &["CIRCLE_WORKFLOW_WORKSPACE_ID", "CIRCLE_WORKFLOW_ID"],
            &["CIRCLE_JOB"],
        ],
        optional: &["CIRCLE_NODE_INDEX"],
    },
    Ci {
        name: "azure",
        marker: "TF_BUILD",
        parts: &[&["SYSTEM_TEAMPROJECT"], &["BUILD_BUILDID"], &["SYSTEM_JOBNAME", "AGENT_JOBNAME"]],
        optional: &["SYSTEM_STAGENAME"],
    },
    Ci {
        name: "bitbucket",
        marker: "BITBUCKET_BUILD_NUMBER",
        parts: &[&["BITBUCKET_REPO_FULL_NAME"], &["BITBUCKET_BUILD_NUMBER"]],
        optional: &["BITBUCKET_PARALLEL_STEP"],
    },
    Ci {
        name: "jenkins",
        marker: "JENKINS_URL",
        parts: &[&["JOB_NAME"], &["BUILD_NUMBER"]],
        optional: &["STAGE_NAME"],
    },
];

/// The owner under which a run takes locks: `LOCKSTEP_OWNER`, else the CI run
/// and job, else `user@host`. One line, at most 256 bytes, never empty.
///
/// ```
/// use lockstep::env::{Environment, Host};
/// let host = Host { name: "laptop".into(), boot: String::new(), pid_namespace: String::new() };
/// let env = Environment::new("/", [("USER", "ana")]);
/// assert_eq!(lockstep::lock::owner(&env, &host), "ana@laptop");
/// ```
pub fn owner(env: &Environment, host: &Host) -> String {
    env.var("LOCKSTEP_OWNER")
        .map(|text| clean(text, MAX_OWNER))
        .filter(|text| !text.is_empty())
        .or_else(|| ci_owner(env))
        .unwrap_or_else(|| clean(&format!("{}@{}", user_name(env), host.name), MAX_OWNER))
}

fn ci_owner(env: &Environment) -> Option<String> {
    SYSTEMS.iter().filter(|ci| env.var(ci.marker).is_some()).find_map(|ci| {
        let mut parts = vec![ci.name];
        for names in ci.parts {
            parts.push(names.iter().find_map(|name| env.var(name))?);
        }
        parts.extend(ci.optional.iter().filter_map(|name| env.var(name)));
        Some(bounded(&parts.join(":")))
    })
}

/// What makes a CI job this one stands at the end: if something must go, it is the beginning.
fn bounded(text: &str) -> String {
    let mut start = text.len().saturating_sub(MAX_OWNER);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    clean(&text[start..], MAX_OWNER)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn host(name: &str) -> Host {
        Host { name: name.into(), boot: String::new(), pid_namespace: String::new() }
    }

    fn of(vars: &[(&str, &str)]) -> String {
        owner(&Environment::new("/", vars.iter().copied()), &host("box"))
    }

    #[test]
    fn the_users_word_comes_first() {
        let vars = [("LOCKSTEP_OWNER", "ana"), ("USER", "root"), ("GITHUB_ACTIONS", "true")];
        assert_eq!(of(&vars), "ana");
        assert_eq!(of(&vars[1..]), "root@box");
        // Without a name in the environment it is the system's for this user, never none.
        let unnamed = of(&[("LOCKSTEP_OWNER", " \u{1b}\n")]);
        let own = nix::unistd::User::from_uid(nix::unistd::geteuid()).ok().flatten();
        let own = own.map_or_else(|| format!("uid{}", nix::unistd::geteuid()), |user| user.name);
        assert_eq!(unnamed, format!("{own}@box"));
    }

    #[test]
    fn an_attempt_of_a_ci_job_is_the_same_owner_and_another_run_is_not() {
        let job = |run: &'static str, attempt: &'static str| {
            of(&[
                ("GITHUB_ACTIONS", "true"),
                ("GITHUB_REPOSITORY", "acme/infra"),
                ("GITHUB_RUN_ID", run),
                ("GITHUB_RUN_ATTEMPT", attempt),
                ("GITHUB_JOB", "apply"),
                ("USER", "runner"),
            ])
        };
        assert_eq!(job("7", "1"), "github:acme/infra:7:apply");
        assert_eq!(job("7", "1"), job("7", "2"));
        assert_ne!(job("7", "1"), job("8", "1"));
    }

    #[test]
    fn every_system_is_recognised() {
        for ci in SYSTEMS {
            let mut vars = vec![(ci.marker, "true"), ("USER", "root")];
            vars.extend(ci.parts.iter().map(|names| (names[names.len() - 1], "x")));
            let owner = of(&vars);
            assert!(owner.starts_with(&format!("{}:", ci.name)), "{owner}");
            let partial = of(&[(ci.marker, "true"), ("USER", "root")]);
            assert_eq!(partial, "root@box", "{}", ci.name);
        }
    }

    proptest! {
        #[test]
        fn an_owner_is_one_bounded_line(said in "\\PC{0,400}", user in "[a-zé\u{0}-\u{1f}]{0,300}") {
            let owner = of(&[("LOCKSTEP_OWNER", &said), ("USER", &user)]);
            prop_assert!(!owner.is_empty() && owner.len() <= MAX_OWNER);
            prop_assert!(!owner.chars().any(char::is_control));
        }
    }
}
