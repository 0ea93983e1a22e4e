//! What new files hold. The modules are files of their own below `files/`, ready to be used.

use super::NewFile;
use crate::project::Name;

/// What a new module is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// OpenTofu.
    Tofu,
    /// Terraform, with the same files.
    Terraform,
    /// Ansible, on this machine.
    Ansible,
    /// kubectl with kustomize.
    Kubectl,
    /// No tool: a script of the module.
    None,
}

/// The module's files: name, text, whether it is executable.
type Files = &'static [(&'static str, &'static str, bool)];

const TOFU: Files = &[
    ("main.tf", include_str!("files/tofu/main.tf"), false),
    ("module.toml", include_str!("files/tofu/module.toml"), false),
];
const ANSIBLE: Files = &[
    ("ansible.cfg", include_str!("files/ansible/ansible.cfg"), false),
    ("inventory.ini", include_str!("files/ansible/inventory.ini"), false),
    ("module.toml", include_str!("files/ansible/module.toml"), false),
    ("playbook.yml", include_str!("files/ansible/playbook.yml"), false),
];
const KUBECTL: Files = &[
    ("deployment.yaml", include_str!("files/kubectl/deployment.yaml"), false),
    ("kustomization.yaml", include_str!("files/kubectl/kustomization.yaml"), false),
    ("module.toml", include_str!("files/kubectl/module.toml"), false),
    ("service.yaml", include_str!("files/kubectl/service.yaml"), false),
];
const SCRIPT: Files = &[
    ("apply", include_str!("files/script/apply"), true),
    ("module.toml", include_str!("files/script/module.toml"), false),
];

impl Tool {
    /// Every tool.
    pub const ALL: [Self; 5] = [Self::Tofu, Self::Terraform, Self::Ansible, Self::Kubectl, Self::None];

    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tofu => "tofu",
            Self::Terraform => "terraform",
            Self::Ansible => "ansible",
            Self::Kubectl => "kubectl",
            Self::None => "none",
        }
    }

    /// The program that works in the rendered directory.
    pub const fn program(self) -> &'static str {
        match self {
            Self::Ansible => "ansible-playbook",
            Self::None => "./apply",
            other => other.name(),
        }
    }

    /// The tool of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tool| tool.name() == name)
    }

    /// What its program is called with, in this order, from nothing to the first change.
    pub const fn calls(self) -> &'static [&'static str] {
        match self {
            Self::Tofu | Self::Terraform => &["init", "plan", "apply"],
            Self::Ansible => &["playbook.yml --check", "playbook.yml"],
            Self::Kubectl => &["kustomize .", "apply -k ."],
            Self::None => &[""],
        }
    }

    /// How many of the calls need nothing but the program: no commit, no cluster.
    pub const fn looks(self) -> usize {
        match self {
            Self::Tofu | Self::Terraform => 2,
            Self::Ansible | Self::Kubectl => 1,
            Self::None => 0,
        }
    }

    fn module_files(self) -> Files {
        match self {
            Self::Tofu | Self::Terraform => TOFU,
            Self::Ansible => ANSIBLE,
            Self::Kubectl => KUBECTL,
            Self::None => SCRIPT,
        }
    }

    pub(super) fn files(self, module: &Name) -> Vec<NewFile> {
        let file = |(name, text, executable): &(&str, &str, bool)| NewFile {
            path: format!("modules/{module}/{name}"),
            text: (*text).to_owned(),
            executable: *executable,
        };
        self.module_files().iter().map(file).collect()
    }

    /// Directories that its work fills, as lines for `.gitignore`.
    pub(super) const fn leaves(self) -> &'static [&'static str] {
        match self {
            Self::Kubectl => &[],
            _ => &["/.state/"],
        }
    }
}

/// `lockstep.toml` of a new project, whose changes are applied from this branch.
pub(super) fn settings(branch: Option<&str>) -> String {
    let git = branch.map_or_else(String::new, |branch| {
        let glob = toml::Value::String(globset::escape(branch));
        format!(
            "\n# Commands that change things run from this branch only: what is applied from another one would be\n\
             # taken back by the next run from here, until it is merged. Looking is free on every branch.\n\
             [git]\napply_from = [{glob}]\n"
        )
    });
    SETTINGS.replace("\n# Parameters of all modules in", &format!("{git}\n# Parameters of all modules in"))
}

const SETTINGS: &str = r#"# The root of a project of lockstep: it is found from any directory below.

# Which versions of lockstep may be used here.
requires = ">=0.1"

# A pipeline whose only command reads (`tofu plan`, `kubectl diff`) leaves out git-check, lock,
# git-push and unlock: looking at a plan should not need a clean tree or make colleagues wait.
# Without this line every step runs, exactly as the alias says.
[exec]
read_only = "skip"

# Parameters of all modules in all profiles: above a module's own defaults, below the profiles.
[params]
"#;

/// `profiles/NAME.toml`
pub(super) fn profile(extends: &[Name], is_abstract: bool) -> String {
    let mut text = String::from(
        "# An environment. `lockstep why MODULE/PROFILE` tells where each parameter comes from.\n",
    );
    if is_abstract {
        text.push_str("# Only to be extended: nothing runs in it.\nabstract = true\n");
    }
    if extends.is_empty() {
        text.push_str("# What several environments share stands in a profile that they extend:\n# extends = [\"base\"]\n");
    } else {
        let names: Vec<String> = extends.iter().map(|name| format!("\"{name}\"")).collect();
        text.push_str(&format!(
            "# Lowest first: this file is above them.\nextends = [{}]\n",
            names.join(", ")
        ));
    }
    text.push_str(
        "\n# Parameters of all modules here.\n[params]\n\n# Parameters of one module:\n# [modules.NAME.params]\n# message = \"hello\"\n",
    );
    text
}

/// `workflows/NAME.toml`. Without a remote there is nothing to compare with or to push to.
pub(super) fn workflow(name: &Name, has_remote: bool) -> String {
    let steps = if has_remote {
        r#""build", "git-check", "lock", "exec", "git-push", "unlock-any""#
    } else {
        r#""build", "lock", "exec", "unlock-any""#
    };
    format!(
        "# lockstep {name} -- MODULE PROFILE PROGRAM [ARG]...\n\
         #\n\
         # Words as on the command line: steps (`lockstep list steps`), and commands with a colon, such as\n\
         # \"tofu:init\". Each runs only if the one before it succeeded.\n\
         description = \"render, lock, run\"\n\
         steps = [{steps}]\n\
         # Commands that run at the end, whatever became of the others:\n\
         # finally = [\"notify-send:done\"]\n"
    )
}
