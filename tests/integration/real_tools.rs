//! Real tools are asked for their commands: each is in a class of the data.

use crate::harness::{ansible_playbook, kubectl, python, tofu};

/// The commands that a tool's help names: the words at which its indented lines begin.
fn named_by(help: &str) -> Vec<String> {
    let line = |line: &str| {
        let rest = line.strip_prefix("  ").filter(|rest| !rest.trim_start().starts_with('-'))?;
        let word = rest.split_whitespace().next()?;
        let is_name = word.chars().all(|c| c.is_ascii_lowercase() || c == '-' || c == '_');
        // A name, more than one blank, and what it is for.
        (is_name && rest.trim_start()[word.len()..].starts_with("  ")).then(|| word.to_owned())
    };
    help.lines().filter_map(line).collect()
}

/// What a program runs that is asked for help.
type Help<'a> = &'a dyn Fn(&[&str]) -> String;

/// Every command that a real tool's help names, with those of its groups, is in a class.
fn all_are_known(program: &str, (groups, least): (&[&str], usize), help: Help<'_>) {
    let rules = lockstep::process::tools::ToolRules::of(program.as_ref(), None);
    let known = |words: &[&str]| {
        let args: Vec<std::ffi::OsString> = words.iter().map(Into::into).collect();
        rules.subcommand(&args) == Some(words.join(" "))
    };
    let top = named_by(&help(&[]));
    assert!(top.len() >= least, "{program}: {top:?}");
    let mut unknown = Vec::new();
    for command in &top {
        let inner = match groups.contains(&command.as_str()) {
            true => named_by(&help(&[command])),
            false => Vec::new(),
        };
        let all = inner.iter().map(|word| vec![command.as_str(), word]).chain([vec![command.as_str()]]);
        unknown.extend(all.filter(|words| !known(words)).map(|words| words.join(" ")));
    }
    assert!(unknown.is_empty(), "{program} has commands that no class holds: {unknown:?}");
}

fn said(command: &mut std::process::Command) -> String {
    let out = command.output().expect("it runs");
    String::from_utf8_lossy(&[out.stdout, out.stderr].concat()).into_owned()
}

#[test]
fn every_command_that_the_real_tool_names_is_in_a_class() {
    let (name, path) = tofu();
    let help = |words: &[&str]| said(std::process::Command::new(&path).args(words).arg("-help"));
    all_are_known(name, (&["state", "workspace", "providers", "metadata"], 20), &help);
}

#[test]
fn every_command_that_the_real_kubectl_names_is_in_a_class() {
    let path = kubectl();
    let help = |words: &[&str]| said(std::process::Command::new(&path).args(words).arg("--help"));
    all_are_known("kubectl", (&["config", "auth", "rollout", "certificate", "apply"], 30), &help);
}

#[test]
fn every_command_that_the_real_programs_of_ansible_name_is_in_a_class() {
    let lib = ansible_playbook().with_file_name("lib");
    for (program, groups, least) in
        [("vault", &[][..], 7), ("galaxy", &["collection", "role"][..], 2), ("config", &[][..], 3)]
    {
        let help = |words: &[&str]| {
            let mut python = std::process::Command::new(python());
            said(python.env("PYTHONPATH", &lib).args(["-m", "ansible", program]).args(words).arg("--help"))
        };
        all_are_known(&format!("ansible-{program}"), (groups, least), &help);
    }
}
