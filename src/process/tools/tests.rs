//! What the table and the rules promise, tool by tool and in general.

use proptest::prelude::*;

use super::*;

fn args(line: &str) -> Vec<OsString> {
    line.split_whitespace().map(OsString::from).collect()
}

fn rules(program: &str) -> ToolRules {
    ToolRules::of(OsStr::new(program), None)
}

fn reads(line: &str) -> bool {
    let (program, rest) = line.split_once(' ').unwrap_or((line, ""));
    rules(program).only_reads(&args(rest))
}

#[test]
fn making_ready_is_neither_reading_nor_changing() {
    let rules = ToolRules::of("tofu".as_ref(), None);
    let args = |line: &str| line.split(' ').map(OsString::from).collect::<Vec<_>>();
    for ready in [
        "init",
        "init -upgrade",
        "-chdir=x init",
        "fmt -recursive",
        "get",
        "workspace select prod",
        "providers lock",
        "plan -generate-config-out=g.tf",
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
    assert!(ToolRules::of("unknown".as_ref(), None).changes(&args("init")));
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
        "tofu -- plan",
        "tofu -chdir plan apply",
        "tofu providers lock",
        "tofu init",
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
        "ansible-playbook -- --syntax-check",
        "terragrunt plan",
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

fn with(program: &str, toml: &str) -> ToolRules {
    let settings: ToolSettings = toml::from_str(toml).unwrap();
    assert_eq!(settings.check(), None);
    ToolRules::of(OsStr::new(program), Some(&settings))
}

#[test]
fn the_configured_list_replaces_the_built_in_one() {
    let rules = with("tofu", "reads = ['apply', ' state   list ', '--dry']");
    assert!(rules.only_reads(&args("apply")));
    assert!(rules.only_reads(&args("state list x")));
    assert!(rules.only_reads(&args("--dry destroy")));
    assert!(!rules.only_reads(&args("destroy")));
    assert!(!rules.only_reads(&args("plan")));
    assert_eq!(rules.subcommand(&args("plan")).as_deref(), Some("plan"));

    let own = with("./deploy", "reads = ['status']");
    assert!(own.only_reads(&args("status now")));
    assert!(!own.only_reads(&args("now status")));
    assert_eq!(own.subcommand(&args("status hunter2")).as_deref(), Some("status"));

    let all = with("x", "reads = ['*']");
    assert!(all.only_reads(&args("anything")));
    assert_eq!(all.subcommand(&args("* x")), None);
    assert!(!with("tofu", "reads = []").only_reads(&args("plan")));
}

#[test]
fn a_plus_adds_to_what_is_known() {
    let rules = with("terragrunt", "\"reads+\" = ['run plan']");
    for line in ["run plan", "run --all plan", "run plan --all", "run --all --filter x plan", "find"] {
        assert!(rules.only_reads(&args(line)), "{line}");
    }
    for line in ["run --all apply", "run --surely plan", "run"] {
        assert!(!rules.only_reads(&args(line)), "{line}");
    }
    let own = with(
        "migrate",
        "reads = ['status']\ndown = ['down']\nprepares = ['fetch']\ndry = ['--pretend']\nvalues = ['--db']",
    );
    assert!(own.only_reads(&args("--db x status")) && own.only_reads(&args("up --pretend")));
    assert!(!own.only_reads(&args("up --db --pretend")), "that is the database");
    assert!(own.takes_down(&args("--db x down")) && !own.changes(&args("fetch")));
}

#[test]
fn settings_that_cannot_be_meant_are_named() {
    for (toml, key) in [
        ("reads = ['a']\nprepares = ['a']", "prepares"),
        ("\"reads+\" = ['a']\nprepares = ['b', 'a']", "prepares"),
        ("reads = ['']", "reads"),
        ("reads = ['a -b c d']", "reads"),
        ("dry = ['plan']", "dry"),
        ("values = ['x']", "values"),
        ("environment = ['A B']", "environment"),
    ] {
        let settings: ToolSettings = toml::from_str(toml).unwrap();
        assert_eq!(settings.check().map(|bad| bad.key), Some(key), "{toml}");
    }
    assert!(toml::from_str::<ToolSettings>("read = ['x']").is_err());
}

#[test]
fn a_group_that_is_listed_does_not_cover_its_changing_members() {
    let rules = with("tofu", "\"reads+\" = ['state']");
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
    let configured = with("tofu", "success = [3]");
    assert_eq!(configured.judge(Code(3), &args("apply")), Verdict::Changes(3));
    assert_eq!(configured.judge(Code(2), &args("plan -detailed-exitcode")), Verdict::Failure);
    assert_eq!(configured.judge(Code(0), &args("apply")), Verdict::Success);
}

fn of<T>(line: &str, ask: impl Fn(&ToolRules, &[OsString]) -> T) -> T {
    let mut words = line.split(' ').map(OsString::from);
    let program = words.next().unwrap();
    ask(&ToolRules::of(&program, None), &words.collect::<Vec<_>>())
}

#[test]
fn who_asks() {
    for (line, asks) in [
        ("tofu apply", Asks::Yes),
        ("tofu apply plan.out", Asks::No),
        ("tofu apply -input=false plan.out", Asks::No),
        ("terraform apply -auto-approve", Asks::No),
        ("terraform apply -auto-approve=false", Asks::Yes),
        ("tofu -chdir=x destroy", Asks::Yes),
        ("tofu plan", Asks::No),
        ("tofu init", Asks::No),
        ("tofu state rm x", Asks::No),
        ("tofu frobnicate", Asks::Unknown),
        ("terragrunt apply", Asks::Yes),
        ("terragrunt run-all apply --non-interactive", Asks::No),
        ("kubectl apply -f x", Asks::No),
        ("kubectl -n web edit deploy", Asks::Yes),
        ("kubectl delete pod --interactive", Asks::Yes),
        ("kubectl get pods", Asks::No),
        ("helm upgrade a b", Asks::No),
        ("helm registry login", Asks::Yes),
        ("ansible-playbook site.yml", Asks::Unknown),
        ("ansible-playbook --vault-id dev@prompt site.yml", Asks::Yes),
        ("ansible-playbook -bK site.yml", Asks::Yes),
        ("ansible-playbook site.yml --ask-vault-pass", Asks::Yes),
        ("ansible all -m ping", Asks::No),
        ("ansible-galaxy install x", Asks::No),
        ("pulumi up", Asks::Yes),
        ("pulumi up --yes", Asks::No),
        ("pulumi preview", Asks::No),
        ("kustomize build", Asks::No),
        ("deploy.sh now", Asks::Unknown),
    ] {
        assert_eq!(of(line, ToolRules::asks), asks, "{line}");
    }
}

#[test]
fn what_is_configured_to_read_does_not_ask() {
    let rules = with("deploy.sh", "reads = ['status']");
    assert_eq!(rules.asks(&["status".into()]), Asks::No);
    assert_eq!(rules.asks(&["now".into()]), Asks::Unknown);
}

#[test]
fn what_takes_down() {
    for line in [
        "tofu destroy",
        "terraform apply -destroy -auto-approve",
        "tofu plan -destroy",
        "kubectl -n web delete -f x",
        "helm uninstall web",
        "helm delete web",
        "pulumi destroy --yes",
        "terragrunt run-all destroy",
    ] {
        assert!(of(line, ToolRules::takes_down), "{line}");
    }
    for line in ["tofu apply", "tofu apply -destroy=false", "kubectl apply -f delete", "destroy", "tofu"] {
        assert!(!of(line, ToolRules::takes_down), "{line}");
    }
}

#[test]
fn what_fills_the_cache_of_plugins() {
    assert!(of("tofu -chdir=x init -upgrade", ToolRules::fills_plugin_cache));
    assert!(!of("tofu plan", ToolRules::fills_plugin_cache));
    assert!(!of("helm init", ToolRules::fills_plugin_cache));
}

fn configured(tool: &str, success: Option<Vec<u8>>) -> ToolRules {
    let settings = ToolSettings { success, ..ToolSettings::default() };
    ToolRules::of(OsStr::new(tool), Some(&settings))
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
        let rules = configured(tool, success);
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
        let rules = configured(tool, success);
        prop_assert_eq!(rules.judge(ToolStatus::Signal(signal), &args), Verdict::Failure);
    }

    #[test]
    fn a_subcommand_is_a_listed_word(tool in any_tool(), args in any_args()) {
        if let Some(found) = rules(tool).subcommand(&args) {
            let known = data::known(tool).unwrap();
            let all = [&known.reads, &known.prepares, &known.changes];
            prop_assert!(all.into_iter().flatten().any(|entry| entry.to_string() == found));
        }
    }

    #[test]
    fn what_follows_the_subcommand_does_not_make_it_read(args in any_args()) {
        // What asks for help does; it may be one of several letters.
        let is_help = |arg: &OsString| arg.to_string_lossy().starts_with('-') && arg.to_string_lossy().contains('h');
        prop_assume!(!args.iter().any(is_help));
        let with_apply: Vec<OsString> = std::iter::once("apply".into()).chain(args).collect();
        prop_assert!(!rules("tofu").only_reads(&with_apply));
        prop_assert!(!rules("kubectl").only_reads(&with_apply));
    }
}
