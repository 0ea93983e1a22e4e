//! The table of tools. A command is in `reads` only if it certainly changes nothing beyond files
//! of its own directory; one that is missing merely takes the long way through every step.

/// What is known of one tool.
#[derive(Debug)]
pub(super) struct Known {
    /// File names of its programs.
    pub(super) names: &'static [&'static str],
    /// Subcommands that only read; `*` if nothing that the tool does changes anything.
    pub(super) reads: &'static [&'static str],
    /// Its other subcommands, so that the lock record can name them. Where a group has reading
    /// members (`state list`), the group itself is here.
    pub(super) changes: &'static [&'static str],
    /// Those of `changes` that only make the working directory ready: the world that the tool manages
    /// is as it was, whether they succeed or fail. With one of `spoilers` they do more.
    pub(super) prepares: &'static [&'static str],
    /// Options before the subcommand that take the next argument as their value.
    pub(super) valued: &'static [&'static str],
    /// Arguments that read if there is no other.
    pub(super) harmless_alone: &'static [&'static str],
    /// Options with which even a reading command changes something.
    pub(super) spoilers: &'static [&'static str],
    /// Options count wherever they stand: no option of this tool takes a value that looks like one.
    pub(super) options_anywhere: bool,
    /// Exit codes other than 0 that are success with changes.
    pub(super) changes_code: &'static [ChangesCode],
    /// Subcommands that may ask the user something; `*` if the tool as such does.
    pub(super) asks: &'static [&'static str],
    /// Options with which none of `asks` does.
    pub(super) asks_not: &'static [&'static str],
    /// Options with which any subcommand asks.
    pub(super) asks_with: &'static [&'static str],
    /// The same as letters, which may stand together behind one dash.
    pub(super) asks_with_letters: &'static str,
    /// Subcommands that take things down.
    pub(super) takes_down: &'static [&'static str],
    /// Options with which any subcommand does.
    pub(super) takes_down_with: &'static [&'static str],
    /// Subcommands that write into a cache of plugins, where several modules share one.
    pub(super) fills_cache: &'static [&'static str],
}

/// An exit code that says: it went well, and there are changes.
#[derive(Debug)]
pub(super) struct ChangesCode {
    /// Of which subcommand.
    pub(super) subcommand: &'static str,
    /// Only with this option.
    pub(super) option: Option<&'static str>,
    /// The code.
    pub(super) code: u8,
}

impl Known {
    /// A tool of which nothing is known: everything changes, only 0 succeeds.
    pub(super) const NONE: Self = Self {
        names: &[],
        reads: &[],
        changes: &[],
        prepares: &[],
        valued: &[],
        harmless_alone: &[],
        spoilers: &[],
        options_anywhere: false,
        changes_code: &[],
        asks: &[],
        asks_not: &[],
        asks_with: &[],
        asks_with_letters: "",
        takes_down: &[],
        takes_down_with: &[],
        fills_cache: &[],
    };
}

const ANSIBLE_ASKS: &[&str] = &[
    "--ask-pass",
    "--ask-become-pass",
    "--ask-vault-pass",
    "--ask-vault-password",
    "--connection-password-prompt",
    "--step",
];

pub(super) const KNOWN: &[Known] = &[
    Known {
        names: &["tofu", "terraform"],
        // Not `fmt`, `get`, `init`, `providers lock`: they write what others read. Not `console`:
        // it is for people, and holds the state's lock meanwhile.
        reads: &[
            "graph",
            "metadata functions",
            "output",
            "plan",
            "providers schema",
            "show",
            "state list",
            "state pull",
            "state show",
            "validate",
            "version",
            "workspace list",
            "workspace show",
        ],
        changes: &[
            "apply",
            "console",
            "destroy",
            "fmt",
            "force-unlock",
            "get",
            "import",
            "init",
            "login",
            "logout",
            "metadata",
            "providers",
            "providers lock",
            "providers mirror",
            "refresh",
            "state",
            "state mv",
            "state push",
            "state replace-provider",
            "state rm",
            "taint",
            "test",
            "untaint",
            "workspace",
            "workspace delete",
            "workspace new",
            "workspace select",
        ],
        prepares: &["fmt", "get", "init", "providers lock", "providers mirror", "workspace select"],
        spoilers: &["-migrate-state", "--migrate-state", "-force-copy", "--force-copy"],
        harmless_alone: &["-help", "--help", "-h", "-version", "--version", "-v"],
        changes_code: &[ChangesCode { subcommand: "plan", option: Some("-detailed-exitcode"), code: 2 }],
        // Not `init`: what it may ask about a backend it refuses where there is nobody to ask.
        asks: &["apply", "console", "destroy", "force-unlock", "import", "login", "refresh"],
        asks_not: &["-auto-approve", "-input=false", "-input=0", "-input=f", "-force"],
        takes_down: &["destroy"],
        takes_down_with: &["-destroy"],
        fills_cache: &["init"],
        ..Known::NONE
    },
    Known {
        // Its hooks run anything around any command, so that none certainly reads.
        names: &["terragrunt"],
        changes: &[
            "apply",
            "backend",
            "catalog",
            "dag",
            "destroy",
            "exec",
            "find",
            "hcl",
            "import",
            "info",
            "init",
            "list",
            "output",
            "plan",
            "providers",
            "refresh",
            "render",
            "run",
            "run-all",
            "scaffold",
            "show",
            "stack",
            "state",
            "taint",
            "untaint",
            "validate",
        ],
        harmless_alone: &["--help", "-h", "--version", "-v"],
        asks: &["*"],
        asks_not: &["--non-interactive", "--terragrunt-non-interactive", "-auto-approve"],
        takes_down: &["destroy", "run destroy", "run-all destroy", "stack run destroy"],
        takes_down_with: &["-destroy"],
        fills_cache: &["init", "run init", "run-all init", "stack run init"],
        ..Known::NONE
    },
    Known {
        names: &["kubectl"],
        reads: &[
            "api-resources",
            "api-versions",
            "auth can-i",
            "auth whoami",
            "cluster-info",
            "config current-context",
            "config get-clusters",
            "config get-contexts",
            "config get-users",
            "config view",
            "describe",
            "diff",
            "events",
            "explain",
            "get",
            "kustomize",
            "logs",
            "options",
            "rollout history",
            "rollout status",
            "top",
            "version",
            "wait",
        ],
        changes: &[
            "annotate",
            "apply",
            "attach",
            "auth",
            "autoscale",
            "certificate",
            "config",
            "cordon",
            "cp",
            "create",
            "debug",
            "delete",
            "drain",
            "edit",
            "exec",
            "expose",
            "label",
            "patch",
            "port-forward",
            "proxy",
            "replace",
            "rollout",
            "rollout pause",
            "rollout restart",
            "rollout resume",
            "rollout undo",
            "run",
            "scale",
            "set",
            "taint",
            "uncordon",
        ],
        asks: &["attach", "debug", "edit", "exec", "run"],
        asks_with: &["--interactive", "--stdin"],
        asks_with_letters: "it",
        takes_down: &["delete"],
        valued: &["-n", "--namespace", "--context", "--cluster", "--kubeconfig", "--user", "-s", "--server"],
        harmless_alone: &["--help", "-h"],
        changes_code: &[ChangesCode { subcommand: "diff", option: None, code: 1 }],
        ..Known::NONE
    },
    Known {
        names: &["kustomize"],
        reads: &["build", "version"],
        changes: &["cfg", "create", "edit", "fn", "localize"],
        harmless_alone: &["--help", "-h"],
        ..Known::NONE
    },
    Known {
        names: &["helm"],
        reads: &[
            "dependency list",
            "dep list",
            "env",
            "get",
            "history",
            "lint",
            "list",
            "ls",
            "plugin list",
            "repo list",
            "search",
            "show",
            "status",
            "template",
            "verify",
            "version",
        ],
        changes: &[
            "create",
            "del",
            "delete",
            "dep",
            "dependency",
            "install",
            "package",
            "plugin",
            "pull",
            "push",
            "registry",
            "repo",
            "rollback",
            "test",
            "un",
            "uninstall",
            "upgrade",
        ],
        asks: &["registry"],
        takes_down: &["del", "delete", "un", "uninstall"],
        valued: &["-n", "--namespace", "--kube-context", "--kubeconfig"],
        harmless_alone: &["--help", "-h"],
        ..Known::NONE
    },
    Known {
        // `--check` is not here: tasks may opt out of it.
        names: &["ansible-playbook"],
        reads: &["--list-hosts", "--list-tags", "--list-tasks", "--syntax-check"],
        harmless_alone: &["--help", "-h", "--version"],
        options_anywhere: true,
        asks_with: ANSIBLE_ASKS,
        asks_with_letters: "kKJ",
        ..Known::NONE
    },
    Known {
        names: &["ansible"],
        reads: &["--list-hosts"],
        harmless_alone: &["--help", "-h", "--version"],
        options_anywhere: true,
        asks_with: ANSIBLE_ASKS,
        asks_with_letters: "kKJ",
        ..Known::NONE
    },
    Known { names: &["ansible-doc"], reads: &["*"], ..Known::NONE },
    Known { names: &["ansible-inventory"], reads: &["*"], spoilers: &["--output"], ..Known::NONE },
    Known { names: &["ansible-lint"], reads: &["*"], spoilers: &["--fix", "--write"], ..Known::NONE },
    Known {
        names: &["ansible-config"],
        reads: &["dump", "list", "validate", "view"],
        changes: &["init"],
        harmless_alone: &["--help", "-h", "--version"],
        ..Known::NONE
    },
    Known {
        names: &["ansible-galaxy"],
        reads: &["collection list", "collection verify", "role info", "role list"],
        changes: &["collection", "collection install", "install", "role", "role install", "role remove"],
        harmless_alone: &["--help", "-h", "--version"],
        ..Known::NONE
    },
    Known {
        names: &["pulumi"],
        reads: &[
            "about",
            "config get",
            "logs",
            "preview",
            "stack export",
            "stack graph",
            "stack history",
            "stack ls",
            "stack output",
            "version",
            "whoami",
        ],
        changes: &[
            "cancel",
            "config",
            "config refresh",
            "config rm",
            "config set",
            "convert",
            "destroy",
            "down",
            "import",
            "install",
            "login",
            "logout",
            "new",
            "package",
            "plugin",
            "policy",
            "refresh",
            "stack",
            "stack import",
            "stack init",
            "stack rename",
            "stack rm",
            "stack select",
            "state",
            "state delete",
            "state move",
            "state protect",
            "state unprotect",
            "up",
            "update",
            "watch",
        ],
        valued: &["-C", "--cwd"],
        harmless_alone: &["--help", "-h"],
        asks: &["*"],
        asks_not: &["--yes", "-y", "--non-interactive"],
        takes_down: &["destroy", "down"],
        ..Known::NONE
    },
];
