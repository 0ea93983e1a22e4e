//! What the table and the rules promise, tool by tool and in general.

use proptest::prelude::*;

use super::*;

fn args(line: &str) -> Vec<OsString> {
    line.split_whitespace().map(OsString::from).collect()
}

fn rules(program: &str) -> ToolRules {
    rules_for(OsStr::new(program), None, None)
}

fn reads(line: &str) -> bool {
    let (program, rest) = line.split_once(' ').unwrap_or((line, ""));
    rules(program).only_reads(&args(rest))
}

#[test]
fn making_ready_is_neither_reading_nor_changing() {
    let rules = rules_for("tofu".as_ref(), None, None);
    let args = |line: &str| line.split(' ').map(OsString::from).collect::<Vec<_>>();
    for ready in [
        "init",
        "init -upgrade",
        "-chdir=x init",
        "fmt -recursive",
        "get",
        "workspace select prod",
        "providers lock",
    ] {
        assert!(!rules.only_reads(&args(ready)) && !rules.changes(&args(ready)), "{ready}");
    }
    for change in [
        "apply",
        "destroy",
        "init -migrate-state",
        "init -force-copy",
        "workspace delete x",
        "state rm a",
        "x",
    ] {
        assert!(rules.changes(&args(change)), "{change}");
    }
    assert!(!rules.changes(&args("plan")));
    assert!(rules_for("unknown".as_ref(), None, None).changes(&args("init")));
}

#[test]
fn commands_that_read() {
    for line in [
        "tofu plan",
        "terraform plan -out x",
        "/usr/bin/tofu show",
        "tofu -chdir=x state list",
        "tofu -version",
        "terraform workspace show",
        "kubectl get pods",
        "kubectl --namespace=x get pods",
        "kubectl -n prod get pods",
        "kubectl rollout status deployment/x",
        "kubectl diff -f .",
        "helm ls",
        "helm -n x status y",
        "helm get values x",
        "ansible-doc copy",
        "ansible-lint",
        "ansible-playbook site.yml --syntax-check",
        "ansible-inventory --list",
        "pulumi preview",
        "pulumi stack output",
        "kustomize build .",
        "kubectl --help",
    ] {
        assert!(reads(line), "{line}");
    }
}

#[test]
fn commands_that_change_or_may() {
    for line in [
        "tofu",
        "tofu apply",
        "tofu plam",
        "tofu state rm x",
        "tofu state",
        "tofu -json plan",
        "tofu -- plan",
        "tofu -chdir plan apply",
        "tofu providers lock",
        "tofu init",
        "tofu apply -help",
        "tofu fmt -check",
        "kubectl -n get delete pod x",
        "kubectl -v get delete pod x",
        "kubectl delete get",
        "kubectl rollout restart x",
        "kubectl rollout",
        "kubectl config use-context x",
        "kubectl -n",
        "kubectl - get",
        "helm upgrade x",
        "helm repo add x",
        "ansible-lint --fix",
        "ansible-lint --fix=all",
        "ansible-inventory --list --output x",
        "ansible-playbook site.yml",
        "ansible-playbook --check site.yml",
        "ansible-playbook -- --syntax-check",
        "terragrunt plan",
        "pulumi stack",
        "pulumi up",
        "true",
        "true --help",
        "deploy plan",
        "deploy get",
        "tofu-wrapper plan",
        "plan/ tofu",
    ] {
        assert!(!reads(line), "{line}");
    }
}

#[test]
fn arguments_that_are_not_text_are_no_subcommands() {
    use std::os::unix::ffi::OsStringExt as _;
    let odd = OsString::from_vec(b"plan\xff".to_vec());
    assert!(!rules("tofu").only_reads(std::slice::from_ref(&odd)));
    assert!(!rules("tofu").only_reads(&["".into(), "plan".into()]));
    assert!(!rules("tofu").only_reads(&["plan\n".into()]));
    assert_eq!(rules("tofu").subcommand(&[odd]), None);
}

#[test]
fn the_configured_list_replaces_the_built_in_one() {
    let configured = ["apply".to_owned(), " state   list ".to_owned(), "--dry".to_owned()];
    let rules = rules_for(OsStr::new("tofu"), Some(&configured), None);
    assert!(rules.only_reads(&args("apply")));
    assert!(rules.only_reads(&args("state list x")));
    assert!(rules.only_reads(&args("--dry destroy")));
    assert!(!rules.only_reads(&args("destroy --dry")));
    assert!(!rules.only_reads(&args("plan")));
    assert_eq!(rules.subcommand(&args("plan")).as_deref(), Some("plan"));

    let own = rules_for(OsStr::new("./deploy"), Some(&["status".to_owned()]), None);
    assert!(own.only_reads(&args("status now")));
    assert!(!own.only_reads(&args("now status")));
    assert_eq!(own.subcommand(&args("status hunter2")).as_deref(), Some("status"));

    let all = rules_for(OsStr::new("x"), Some(&["*".to_owned()]), None);
    assert!(all.only_reads(&args("anything")));
    assert_eq!(all.subcommand(&args("* x")), None);
    assert!(!rules_for(OsStr::new("tofu"), Some(&[]), None).only_reads(&args("plan")));
    assert!(!rules_for(OsStr::new("x"), Some(&[String::new()]), None).only_reads(&args("y")));
}

#[test]
fn a_group_that_is_listed_does_not_cover_its_changing_members() {
    let rules = rules_for(OsStr::new("tofu"), Some(&["state".to_owned()]), None);
    assert!(rules.only_reads(&args("state list")));
    assert!(!rules.only_reads(&args("state rm x")));
}

#[test]
fn exit_codes_that_are_success() {
    use ToolStatus::Code;
    let judge = |program: &str, code, line: &str| rules(program).judge(Code(code), &args(line));
    assert_eq!(judge("tofu", 2, "plan -detailed-exitcode"), Verdict::Changes(2));
    assert_eq!(judge("terraform", 2, "-chdir=x plan -out y --detailed-exitcode"), Verdict::Changes(2));
    assert_eq!(judge("tofu", 2, "plan -detailed-exitcode=true"), Verdict::Changes(2));
    assert_eq!(judge("tofu", 2, "plan -detailed-exitcode=false"), Verdict::Failure);
    assert_eq!(judge("tofu", 2, "plan"), Verdict::Failure);
    assert_eq!(judge("tofu", 2, "apply -detailed-exitcode"), Verdict::Failure);
    assert_eq!(judge("tofu", 1, "plan -detailed-exitcode"), Verdict::Failure);
    assert_eq!(judge("kubectl", 1, "diff -f ."), Verdict::Changes(1));
    assert_eq!(judge("kubectl", 1, "-n prod diff -f ."), Verdict::Changes(1));
    assert_eq!(judge("kubectl", 2, "diff -f ."), Verdict::Failure);
    assert_eq!(judge("kubectl", 1, "apply diff"), Verdict::Failure);
    assert_eq!(judge("diff", 1, "diff"), Verdict::Failure);
    let configured = rules_for(OsStr::new("tofu"), None, Some(&[3]));
    assert_eq!(configured.judge(Code(3), &args("apply")), Verdict::Changes(3));
    assert_eq!(configured.judge(Code(2), &args("plan -detailed-exitcode")), Verdict::Failure);
    assert_eq!(configured.judge(Code(0), &args("apply")), Verdict::Success);
}

#[test]
fn the_table_is_sound() {
    for (index, known) in KNOWN.iter().enumerate() {
        for name in known.names {
            assert!(!KNOWN[index + 1..].iter().any(|other| other.names.contains(name)), "{name} twice");
        }
        for entry in known.reads {
            assert!(!known.changes.contains(entry), "{:?}: `{entry}` both reads and changes", known.names);
        }
        for rule in known.changes_code {
            assert!(known.reads.contains(&rule.subcommand) && rule.code != 0);
        }
    }
}

fn any_args() -> impl Strategy<Value = Vec<OsString>> {
    let word = prop_oneof![
        Just("plan".to_owned()),
        Just("diff".to_owned()),
        Just("state".to_owned()),
        Just("list".to_owned()),
        Just("-detailed-exitcode".to_owned()),
        Just("-n".to_owned()),
        "[a-z=-]{0,8}",
    ];
    prop::collection::vec(word.prop_map(OsString::from), 0..6)
}

fn any_tool() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "tofu",
        "kubectl",
        "helm",
        "pulumi",
        "ansible-lint",
        "ansible-playbook",
        "other",
    ])
}

proptest! {
    #[test]
    fn an_exit_code_is_never_lost(
        tool in any_tool(), code: u8, args in any_args(), success in prop::option::of(prop::collection::vec(0_u8.., 0..4)),
    ) {
        let rules = rules_for(OsStr::new(tool), None, success.as_deref());
        match rules.judge(ToolStatus::Code(code), &args) {
            Verdict::Success => prop_assert_eq!(code, 0),
            Verdict::Changes(kept) => prop_assert!(kept == code && code != 0),
            Verdict::Failure => prop_assert_ne!(code, 0),
        }
    }

    #[test]
    fn a_killed_tool_has_failed(
        tool in any_tool(), signal in 1_u8..=64, args in any_args(), success in prop::option::of(prop::collection::vec(0_u8.., 0..4)),
    ) {
        let rules = rules_for(OsStr::new(tool), None, success.as_deref());
        prop_assert_eq!(rules.judge(ToolStatus::Signal(signal), &args), Verdict::Failure);
    }

    #[test]
    fn a_subcommand_is_a_listed_word(tool in any_tool(), args in any_args()) {
        if let Some(found) = subcommand(OsStr::new(tool), &args) {
            let known = KNOWN.iter().find(|known| known.names.contains(&tool)).unwrap();
            prop_assert!(known.reads.iter().chain(known.changes).any(|entry| *entry == found));
        }
    }

    #[test]
    fn what_follows_the_subcommand_does_not_make_it_read(args in any_args()) {
        let with_apply: Vec<OsString> = std::iter::once("apply".into()).chain(args).collect();
        prop_assert!(!rules("tofu").only_reads(&with_apply));
        prop_assert!(!rules("kubectl").only_reads(&with_apply));
    }
}
