//! `lockstep init`: the first files of a project, and the way to the first change.
//!
//! It asks only on a terminal; every answer is an option too. Directories of tools that are there
//! already are named with the commands that make modules of them; nothing is moved.

use std::path::Path;

use clap::Args;

use super::new::{default_tool, steps, tool, tool_names};
use super::next::{self, Next, Place};
use super::terminal::Terminal;
use crate::Error;
use crate::env::Environment;
use crate::process::Interrupts;
use crate::project::Name;
use crate::report::Level;
use crate::scaffold::{self, Candidate, Found, Made, NewProject, ScaffoldError, Tool};
use crate::text::is_harmless;
use crate::workflow::parse::quote;

/// What `init` takes.
#[derive(Args, Debug)]
pub(super) struct InitArgs {
    /// Take the defaults for what is not said, and ask nothing
    #[arg(short, long)]
    pub yes: bool,
    /// Name of the first module [default: alpha]
    #[arg(long, value_name = "NAME")]
    pub module: Option<String>,
    /// Name of the first profile [default: prod]
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
    /// tofu, terraform, ansible, kubectl or none; by default the tofu or terraform that is installed
    #[arg(long, value_parser = tool)]
    pub tool: Option<Tool>,
}

/// Makes the project where the user stands.
pub(super) fn run(args: &InitArgs, env: &Environment, terminal: Terminal) -> anyhow::Result<u8> {
    start(args, env, terminal)?;
    Ok(0)
}

fn start(args: &InitArgs, env: &Environment, terminal: Terminal) -> Result<(), Error> {
    let interrupts = Interrupts::new();
    // Before anybody is asked.
    let (root, _) = scaffold::may_start(env.cwd(), env, &interrupts)?;
    let wanted = answers(args, env, terminal)?;
    let there = scaffold::candidates(&root, &[&wanted.module]);
    let shared = has_directories(&root.join("modules"));
    let place = Place::of(&root, env, &interrupts)?;
    let made = scaffold::init(&root, &wanted, steps(), (env, &interrupts))?;
    if terminal.level == Level::Quiet {
        return Ok(());
    }
    next::say_made(&made, terminal);
    if shared {
        terminal.say(
            "\nEach directory in modules/ is a module of lockstep from now on. Directories that other modules \
             share belong elsewhere:\n    git mv modules/NAME shared/NAME",
        );
    }
    for candidate in &there {
        terminal.say(&adoption(candidate, &wanted));
    }
    place.say(&first_change(&wanted, &made, &place), env, terminal);
    Ok(())
}

fn has_directories(path: &std::path::Path) -> bool {
    let entries = std::fs::read_dir(path).into_iter().flatten().filter_map(Result::ok);
    entries.into_iter().any(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
}

/// What was said, what is asked, and the defaults.
fn answers(args: &InitArgs, env: &Environment, terminal: Terminal) -> Result<NewProject, ScaffoldError> {
    let default = default_tool(env);
    if !args.yes && !terminal.interactive {
        let said = [args.tool.is_some(), args.module.is_some(), args.profile.is_some()];
        let options = ["--tool TOOL", "--module NAME", "--profile NAME"];
        let missing: Vec<&str> =
            options.into_iter().zip(said).filter(|(_, said)| !said).map(|(option, _)| option).collect();
        if !missing.is_empty() {
            return Err(ScaffoldError::Unanswered { missing: missing.join(" ") });
        }
    }
    let ask = !args.yes && terminal.interactive;
    type Check = fn(&str) -> Result<Name, ScaffoldError>;
    let name = |said: &Option<String>, question: &str, default: &str, check: Check| match said {
        Some(name) => Ok(name.clone()),
        None if ask => asked(terminal, question, default, |text| {
            check(text).map(String::from).map_err(|error| error.to_string())
        }),
        None => Ok(default.to_owned()),
    };
    let tool = match args.tool {
        Some(tool) => tool,
        None if ask => {
            let question = format!("Which tool is the first module for? {}", tool_names());
            asked(terminal, &question, default.name(), tool)?
        }
        None => default,
    };
    let module = name(&args.module, "What shall the first module be called?", "alpha", |text| {
        scaffold::own_name("module", text, steps())
    })?;
    let profile =
        name(&args.profile, "And the first profile, the environment?", "prod", |text| Ok(Name::new(text)?))?;
    Ok(NewProject { module, profile, tool })
}

/// Asks until the answer can be used.
fn asked<T>(
    terminal: Terminal,
    question: &str,
    default: &str,
    read: impl Fn(&str) -> Result<T, String>,
) -> Result<T, ScaffoldError> {
    loop {
        let answer = terminal.answer(&format!("{question} [{default}]")).ok_or(ScaffoldError::NoAnswer)?;
        match read(if answer.is_empty() { default } else { &answer }) {
            Ok(value) => return Ok(value),
            Err(why) => terminal.error(&why),
        }
    }
}

/// From here to the first change.
fn first_change(wanted: &NewProject, made: &Made, place: &Place) -> Next {
    let NewProject { module, profile, tool } = wanted;
    let mut next = Next::default();
    place.commit(made, "Start with lockstep", &mut next);
    let pipeline = format!("lockstep {} -- {module} {profile}", place.words());
    let program = tool.program();
    if *tool == Tool::None {
        next.command(format!("{pipeline} {program}"));
    } else {
        next.command(format!("alias {program}=\"{pipeline} {program}\""));
        for call in tool.calls() {
            next.command(format!("{program} {call}"));
        }
        next.needs(*tool);
    }
    next
}

/// For `printf`: where a state lies that lay beside its configuration.
const BACKEND: &str = r#"terraform {\n  backend "local" {\n    path = "{{ root }}/.state/{{ module }}/{{ profile }}.tfstate"\n    workspace_dir = "{{ root }}/.state/{{ module }}/{{ profile }}.workspaces"\n  }\n}\n"#;

/// How a directory that is there becomes a module.
fn adoption(candidate: &Candidate, wanted: &NewProject) -> String {
    let Candidate { path, found, name, files, workspaces, .. } = candidate;
    let has_state = candidate.has_state || !workspaces.is_empty();
    let profile = &wanted.profile;
    let from = quote(path.as_os_str());
    let shown: String = path.display().to_string().chars().filter(|c| is_harmless(*c)).collect();
    let shown = if shown.is_empty() { "this directory".to_owned() } else { shown };
    if *found == Found::Terragrunt {
        // From the rendered directory.
        let there = quote(Path::new("../../..").join(path).as_os_str());
        return format!(
            "\nterragrunt files in {shown}: they and the modules that they use find each other by where they are, so leave them \
             there. To run them by way of a module `{name}`:\n    mkdir -p modules/{name}\n    printf '[build]\\nwatch = \
             [\"../../**/*.hcl\", \"../../**/*.tf\"]\\n' > modules/{name}/module.toml\n    lockstep build exec -- {name} {profile} \
             terragrunt run --all plan --working-dir {there}"
        );
    }
    let mut lines = vec![format!("\n{} files in {shown}; to make them the module `{name}`:", found.name())];
    if path.as_os_str().is_empty() {
        let files: Vec<String> = files.iter().map(|file| quote(file.as_ref())).collect();
        lines.push(format!("    mkdir modules/{name} && mv -- {} modules/{name}/", files.join(" ")));
    } else {
        lines.push(format!("    mv -- {from} modules/{name}"));
        if candidate.has_cache {
            lines.push(format!("    rm -r modules/{name}/.terraform      # init makes it anew"));
        }
    }
    if candidate.has_braces {
        // With a state there will be one template among them.
        let raw = match has_state {
            false => "\"**\"".to_owned(),
            true => files
                .iter()
                .map(|file| format!("{file:?}"))
                .chain(["\"*/**\"".to_owned()])
                .collect::<Vec<_>>()
                .join(", "),
        };
        let line = quote(format!("[build]\\nraw = [{raw}]\\n").as_ref());
        lines.push(format!(
            "    printf {line} >> modules/{name}/module.toml      # their braces are no templates"
        ));
    }
    if has_state {
        // Of the project's own directory only the tool's files have moved.
        let now = if path.as_os_str().is_empty() { String::new() } else { format!("modules/{name}/") };
        let there = format!(".state/{name}/{profile}");
        lines.push("    # The state must not land in .dist, where nothing of value is kept:".to_owned());
        lines.push(format!("    mkdir -p .state/{name}"));
        if candidate.has_state {
            lines.push(format!("    mv {now}terraform.tfstate {there}.tfstate"));
        }
        if !workspaces.is_empty() {
            lines.push(format!("    mv {now}terraform.tfstate.d {there}.workspaces"));
        }
        lines.push(format!("    printf '{BACKEND}' > modules/{name}/backend.tf"));
    }
    let program = match wanted.tool {
        Tool::Terraform => "terraform",
        _ => "tofu",
    };
    let look = match found {
        Found::Tofu | Found::Terragrunt => format!("{program} init"),
        Found::Ansible => {
            let play = files.iter().find(|file| !file.ends_with(".cfg")).map_or("PLAYBOOK", String::as_str);
            format!("ansible-playbook --list-hosts {play}")
        }
        Found::Kustomize => "kubectl kustomize .".to_owned(),
        Found::Helm => "helm lint .".to_owned(),
    };
    lines.push(format!("    lockstep build exec -- {name} {profile} {look}"));
    if let Some(workspace) = workspaces.first() {
        let select = format!("{program} workspace select {}", quote(workspace.as_ref()));
        lines.push(format!("    lockstep build exec -- {name} {profile} {select}"));
    }
    lines.join("\n")
}
