//! What must hold for `[data.NAME]` and `secret(…)`: asked lazily, once, by the right to do so only;
//! nothing of a secret in any error.

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::{Arc, Mutex};

use super::{Sample, message};
use crate::ExitCode;
use crate::process::{
    CommandRunner, CommandSpec, Finished, Interrupts, ProcessError, Signal, Stdio, ToolStatus,
};
use crate::project::{Access, Answers, Asker, Explained, Opaque, Params, Place, ProjectError, Resolved};

/// Answers commands by the name under which they are called, and remembers them.
struct Fake {
    said: &'static [(&'static str, ToolStatus, &'static str)],
    asked: Mutex<Vec<CommandSpec>>,
}

impl CommandRunner for Fake {
    fn run(&self, spec: &CommandSpec, interrupts: &Interrupts) -> Result<Finished, ProcessError> {
        self.asked.lock().unwrap().push(spec.clone());
        let name = spec.name.to_str().unwrap();
        if name == "bin/waits" {
            // Ends when it is told to, or when its time is over.
            let limit = spec.limit.as_ref().map(|limit| limit.timeout);
            let told = interrupts.wait(limit.unwrap_or(std::time::Duration::from_secs(60)));
            assert!(told.is_some() || limit.is_some());
            return Ok(Finished {
                interrupted: None,
                status: ToolStatus::Signal(15),
                expired: told.is_none(),
                left: None,
                stdout: vec![],
                stderr: vec![],
            });
        }
        let (_, status, out) = self.said.iter().find(|(said, ..)| *said == name).expect("a known command");
        Ok(Finished {
            status: *status,
            expired: false,
            interrupted: None,
            left: None,
            stdout: out.as_bytes().to_vec(),
            stderr: b"hunter2".to_vec(),
        })
    }
}

const OK: ToolStatus = ToolStatus::Code(0);
const SAID: &[(&str, ToolStatus, &str)] = &[
    ("bin/zones", OK, "{\"eu\": [\"a\", \"b\"], \"count\": 2}\n"),
    ("bin/pass", OK, "hunter2\n"),
    ("bin/empty", OK, "\n"),
    ("bin/prose", OK, "{\"x\": hunter2}"),
    ("bin/fails", ToolStatus::Code(3), "hunter2"),
    ("bin/killed", ToolStatus::Signal(9), ""),
    ("bin/interrupted", ToolStatus::Signal(2), ""),
];

struct World {
    sample: Sample,
    runner: Arc<Fake>,
    answers: Answers,
    interrupts: Interrupts,
}

impl World {
    fn new(config: &str, profile: &str) -> Self {
        let sample = Sample::new(&[("modules/alpha/x", ""), ("lockstep.toml", config)]);
        sample.write("profiles/dev.toml", profile);
        for (name, ..) in SAID.iter().chain([&("bin/waits", OK, "")]) {
            sample.write(name, "");
            std::fs::set_permissions(sample.path(name), std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        let runner = Arc::new(Fake { said: SAID, asked: Mutex::default() });
        Self { sample, runner, answers: Answers::default(), interrupts: Interrupts::new() }
    }

    fn opaque(&self) -> Params {
        let vars = [("TOKEN", "hunter2"), ("EMPTY", ""), ("REGION", "eu")];
        self.sample.params_in("alpha/dev", &[], &[], &vars).unwrap()
    }

    fn params(&self) -> Params {
        self.opaque().with_access(Access {
            runner: Arc::clone(&self.runner) as Arc<dyn CommandRunner>,
            interrupts: self.interrupts.clone(),
            env: Arc::new(|asker| {
                let whose = if asker == Asker::Project { "1" } else { "module" };
                Ok(vec![(OsString::from("A"), OsString::from(whose))])
            }),
            stdio: Stdio::Inherit,
            answers: self.answers.clone(),
            trust: crate::project::Trust::everything(),
        })
    }

    fn eval(&self, expression: &str) -> Result<String, ProjectError> {
        self.params().expand(&format!("{{{{ {expression} }}}}"), &Place::new("t", 1))
    }

    fn asked(&self) -> Vec<String> {
        let words = |spec: &CommandSpec| {
            let words = std::iter::once(&spec.name).chain(&spec.args).map(|word| word.to_str().unwrap());
            words.collect::<Vec<_>>().join(" ")
        };
        self.runner.asked.lock().unwrap().iter().map(words).collect()
    }
}

const DATA: &str = "[data.zones]\ncommand = [\n  \"bin/zones\",\n  \"--region={{ region }}\",\n]\n";

#[test]
fn data_is_asked_for_once_a_run_and_only_if_something_needs_it() {
    let world = World::new(DATA, "[params]\nregion = \"eu\"\nzones = \"{{ data.zones.eu }}\"\nother = 1\n");
    let params = world.params();
    assert_eq!(params.expand("{{ other }}", &Place::whole("t")).unwrap(), "1");
    assert!(world.asked().is_empty());
    assert_eq!(params.to_json().unwrap()["zones"], serde_json::json!(["a", "b"]));
    assert_eq!(world.eval("data.zones.count + data['zones'].count").unwrap(), "4");
    assert_eq!(world.asked(), ["bin/zones --region=eu"], "another step of the run knows it already");
    let asked = world.runner.asked.lock().unwrap();
    let spec = &asked[0];
    assert_eq!((&spec.cwd, spec.stdio), (&world.sample.path("").join(""), Stdio::Answer));
    assert_eq!(spec.env, [(OsString::from("A"), OsString::from("1"))]);
}

#[test]
fn where_a_command_is_written_decides_whose_environment_it_gets() {
    let world = World::new(DATA, "[params]\nregion = \"eu\"\np = \"{{ secret(command=['bin/pass']) }}\"\n");
    world.sample.write(
        "modules/alpha/module.toml",
        "[params]\nq = \"{{ secret(command=['bin/pass', 'q']) }}\"\n[data.own]\ncommand = ['bin/zones', 'own']\n",
    );
    for expression in ["data.zones", "data.own", "p", "q", "secret(command=['bin/pass', 'template'])"] {
        world.eval(&format!("{expression} | tojson | length")).unwrap();
    }
    let asked: Vec<(String, OsString)> = world
        .asked()
        .into_iter()
        .zip(world.runner.asked.lock().unwrap().iter().map(|spec| spec.env[0].1.clone()))
        .collect();
    let expected = [
        ("bin/zones --region=eu", "1"),
        ("bin/zones own", "module"),
        ("bin/pass", "1"),
        ("bin/pass q", "module"),
        ("bin/pass template", "module"),
    ];
    assert_eq!(asked, expected.map(|(words, whose)| (words.to_owned(), OsString::from(whose))));
}

#[test]
fn a_module_replaces_data_of_the_project() {
    let world = World::new("[data.x]\ncommand = [\"bin/fails\"]\n", "");
    world.sample.write("modules/alpha/module.toml", "[data.x]\ncommand = [\"bin/zones\"]\n");
    assert_eq!(world.eval("data.x.count").unwrap(), "2");
}

#[test]
fn data_that_fails_is_named_where_it_is_declared_with_the_way_there() {
    let cases = [
        ("[\"bin/fails\"]", "`bin/fails` ended with exit code 3"),
        ("[\"bin/killed\"]", "`bin/killed` was killed by signal 9"),
        ("[\"bin/prose\"]", "what `bin/prose` printed is not JSON (line 1, column 7)"),
        ("[\"bin/nope\"]", "program `bin/nope` was not found in `"),
        ("[\"profiles/dev.toml\"]", "cannot be executed"),
    ];
    for (command, why) in cases {
        let world = World::new(
            &format!("\n[data.d]\ncommand = {command}\n"),
            "[params]\na = \"{{ data.d }}\"\nb = \"{{ a }}\"\n",
        );
        let (text, hint, code) = message(world.eval("b"));
        assert!(text.starts_with("lockstep.toml:2: data `d`: "), "{text}");
        let chain = "; needed by `a` (profiles/dev.toml:2); needed by `b` (profiles/dev.toml:3)";
        assert!(text.contains(why) && text.ends_with(chain), "{text}");
        assert!(!text.contains("hunter") && !hint.contains("hunter") && !hint.is_empty(), "{text} {hint}");
        assert_eq!(code, ExitCode::Config);
        assert!(world.asked().len() < 2, "not again to describe the error: {:?}", world.asked());
    }
}

#[test]
fn words_of_a_command_are_checked_where_they_stand() {
    let circle = "[data.a]\ncommand = [\"bin/zones\", \"{{ data.b.count }}\"]\n\
                  [data.b]\ncommand = [\"bin/zones\", \"{{ data.a.count }}\"]\n";
    let (text, ..) = message(World::new(circle, "").eval("data.a"));
    assert_eq!(
        text,
        "lockstep.toml:1: data `a`: its command needs itself; needed by data `b` (lockstep.toml:3); \
         needed by data `a` (lockstep.toml:1)"
    );
    let undefined = World::new(DATA, "").eval("data.zones");
    let (text, ..) = message(undefined);
    assert!(text.starts_with("lockstep.toml:4: ") && text.contains("`region` is undefined"), "{text}");
    assert!(text.ends_with("needed by data `zones` (lockstep.toml:1)"), "{text}");
    let world = World::new(DATA, "[params]\na = \"{{ data.zons is defined }}\"\n");
    let (text, ..) = message(world.eval("a"));
    assert!(
        text.starts_with("profiles/dev.toml:2: parameter `a`: there is no data `zons`; did you"),
        "{text}"
    );
    let secret = "sensitive = [\"token\"]\n[data.x]\ncommand = [\"bin/zones\", \"{{ t }}\"]\n";
    let world = World::new(secret, "[params]\ntoken = \"hunter2\"\nt = \"{{ token | b64encode }}\"\n");
    let (text, ..) = message(world.eval("data.x.count"));
    assert!(text.starts_with("lockstep.toml:3: a secret cannot be an argument"), "{text}");
    assert!(world.asked().is_empty());
}

#[test]
fn declarations_that_make_no_sense_are_refused_with_their_line() {
    for (config, expected) in [
        ("[data.x]\ncomand = []\n", "lockstep.toml:2: unknown key `comand`"),
        ("\n[data.x]\ncommand = []\n", "lockstep.toml:2: `command` of data `x` names no program"),
        (
            "[data.a-b]\ncommand = [\"x\"]\n",
            "lockstep.toml:1: `a-b` is not a name for data: letters, digits and `_`",
        ),
        ("[data.x]\ncommand = \"hunter2\"\n", "lockstep.toml:2: `command` is a list"),
        ("[data.x]\ncommand = [\"x\"]\ntimeout = \"soon\"\n", "lockstep.toml:3: "),
    ] {
        let sample = Sample::new(&[("lockstep.toml", config)]);
        let (text, hint, _) =
            message(crate::project::Project::discover(&sample.path(""), &crate::env::Environment::bare()));
        assert!(text.starts_with(expected) && !format!("{text}{hint}").contains("hunter"), "{text} ({hint})");
    }
    let world = World::new(DATA, "[params]\ndata = 1\n");
    let (text, ..) = message(world.sample.params("alpha/dev", &[]));
    assert_eq!(
        text,
        "profiles/dev.toml:2: `data` is declared at lockstep.toml:1 and cannot be a parameter as well"
    );
}

#[test]
fn interrupts_and_the_end_of_the_time_reach_the_command() {
    let waits = "[data.x]\ncommand = [\"bin/waits\"]\ntimeout = \"";
    let late = World::new(&format!("{waits}0s\"\n"), "");
    assert!(message(late.eval("data.x")).0.contains("`bin/waits` was ended after 0s"));
    let world = World::new(&format!("{waits}1h\"\n"), "");
    let interrupts = world.interrupts.clone();
    let asked = Arc::clone(&world.runner);
    let sender = std::thread::spawn(move || {
        while asked.asked.lock().unwrap().is_empty() {
            std::thread::yield_now();
        }
        interrupts.deliver(Signal::Term, false);
    });
    let error = world.eval("data.x");
    sender.join().unwrap();
    assert!(matches!(error, Err(ProjectError::Interrupted { signal: Signal::Term, .. })), "{error:?}");
    // Nothing starts after that.
    assert_eq!(message(world.eval("secret(command=['bin/pass'])")).2, ExitCode::Interrupted);
    let ctrl_c =
        World::new("[data.x]\ncommand = [\"bin/interrupted\"]\n", "[params]\na = \"{{ data.x }}\"\n");
    assert_eq!(message(ctrl_c.eval("a")).2, ExitCode::Interrupted);
}

#[test]
fn secrets_come_from_variables_files_and_commands() {
    let world = World::new("", "");
    world.sample.write("key", "hunter2\n\n");
    for (expression, expected) in [
        ("secret(env='TOKEN')", "hunter2"),
        ("secret(file='key')", "hunter2\n"),
        ("secret(command=['bin/pass', 'x y', '{{ z }}'])", "hunter2"),
        ("secret(command=['bin/pass', 'x y', '{{ z }}']) | upper", "HUNTER2"),
        ("(secret(command=['bin/zones']) | fromjson).eu[1]", "b"),
    ] {
        assert_eq!(world.eval(expression).unwrap(), expected, "{expression}");
    }
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("k"), "s3cret").unwrap();
    let path = outside.path().join("k").display().to_string();
    assert_eq!(world.eval(&format!("secret(file='{path}')")).unwrap(), "s3cret");
    assert_eq!(world.asked(), ["bin/pass x y {{ z }}", "bin/zones"]);
}

#[test]
fn a_secret_that_cannot_be_had_is_named_without_what_was_said() {
    let world = World::new("", "sensitive = [\"p\"]\n[params]\np = \"hunter9\"\n");
    world.sample.write("binary", b"\xff");
    for (expression, why) in [
        ("secret()", "`secret`: say where it is by one of `env=\"NAME\"`"),
        ("secret('TOKEN')", "say where"),
        ("secret(env='TOKEN', file='x')", "say where"),
        ("secret(enf='TOKEN')", "say where"),
        ("secret(env='NOPE')", "the environment variable `NOPE` is not set"),
        ("secret(env='EMPTY')", "the secret is empty"),
        ("secret(file='nope')", "cannot read `"),
        ("secret(file='.')", "not a regular file"),
        ("secret(file='binary')", "not UTF-8"),
        ("secret(command=['bin/empty'])", "the secret is empty"),
        ("secret(command=['bin/fails'])", "`bin/fails` ended with exit code 3"),
        ("secret(command=['bin/nope'])", "not found"),
        ("secret(command='bin/pass')", "`secret`: "),
        ("secret(command=[])", "a list of texts"),
        ("secret(command=['bin/pass', 1])", "a list of texts"),
        ("secret(command=['bin/pass', secret(env='TOKEN') ~ 'x'])", "a secret stands among the arguments"),
        ("secret(command=['bin/pass', p])", "a secret stands among the arguments"),
        ("secret(env='TOKEN') | b64decode", "not base64"),
        ("secret(env='TOKEN') | int", ""),
        ("cidrhost(secret(env='TOKEN'), 1)", "no block"),
        ("file(secret(env='TOKEN'))", "`file`: what is wrong cannot be said without showing a secret"),
        ("env(secret(env='TOKEN') ~ 'X')", "without showing"),
        ("secret(command=[secret(env='TOKEN')])", "a secret stands among"),
        ("secret(file=secret(env='TOKEN'))", "without showing"),
        ("{'a': 1}[secret(env='TOKEN')]", "undefined"),
        ("[1][secret(env='TOKEN')]", ""),
        ("secret(env='TOKEN') + 1", ""),
        ("secret(env='TOKEN').x", ""),
        ("secret(env='TOKEN')()", ""),
        ("[{'a': 1}] | map(attribute=secret(env='TOKEN')) | list", "without showing"),
        ("secret(env='TOKEN') | attr(secret(env='TOKEN'))", ""),
    ] {
        let (text, hint, code) = message(world.eval(expression));
        assert!(text.starts_with("t:1: ") && text.contains(why), "{expression}: {text}");
        assert!(!text.contains("hunter") && !hint.contains("hunter"), "{expression}: {text}");
        assert_eq!(code, ExitCode::Config, "{expression}");
    }
}

#[test]
fn what_is_made_of_a_secret_is_secret_whatever_became_of_it() {
    let world = World::new(
        "[data.s]\ncommand = [\"bin/zones\"]\nsensitive = true\n[data.d]\ncommand = [\"bin/zones\"]\n",
        "[params]\nt = \"{{ secret(env='TOKEN') }}\"\nb = \"{{ t | b64encode }}\"\n\
         l = [\"x\", \"{{ b | length }}\"]\ns = \"{{ data.s.count }}\"\nd = \"{{ data.d.count }}\"\n\
         c = \"{{ 'y' if t == 'x' else 'n' }}\"\nu = \"{{ 1 }}\"\n",
    );
    let params = world.params();
    for (key, sensitive) in
        [("t", true), ("b", true), ("l", true), ("s", true), ("d", false), ("c", true), ("u", false)]
    {
        // Twice: what is remembered is as secret as what is new.
        for _ in 0..2 {
            let (value, secret) = params.watch(|| params.lookup(key, &Place::whole("t")));
            assert!(value.is_ok());
            assert_eq!(secret, sensitive, "{key}");
        }
    }
    let shown = |one: &Explained| matches!(one.value, Resolved::Sensitive);
    let keys: Vec<_> =
        params.explain(None).unwrap().iter().filter(|one| shown(one)).map(Explained::key).collect();
    assert_eq!(keys, ["b", "c", "l", "s", "t"]);
}

#[test]
fn without_the_right_to_it_nothing_is_read_or_run_and_what_is_made_of_it_is_opaque() {
    let world = World::new(
        "sensitive = [\"m\"]\n[data.d]\ncommand = [\"bin/zones\"]\n",
        "[params]\nt = \"{{ secret(env='TOKEN') }}\"\nb = \"{{ t | default('x') }}\"\n\
         f = \"{{ secret(file='nope') }}\"\np = \"{{ secret(command=['bin/nope']) }}\"\n\
         d = [\"{{ data.d.count }}\"]\ne = \"{{ 'y' if data.d is defined }}\"\nm = \"{{ data.d }}\"\n\
         g = \"{{ git.commit }}\"\nr = \"{{ env('REGION') }}\"\nbad = \"{{ secret() }}\"\n",
    );
    let explained = world.opaque().explain(None).unwrap();
    let of = |key: &str| &explained.iter().find(|one| one.key() == key).unwrap().value;
    for key in ["t", "b", "f", "p"] {
        assert!(matches!(of(key), Resolved::Opaque(Opaque::Secret)), "{key}: {:?}", of(key));
    }
    for key in ["d", "e"] {
        assert!(
            matches!(of(key), Resolved::Opaque(Opaque::Data(name)) if name == "d"),
            "{key}: {:?}",
            of(key)
        );
    }
    assert!(matches!(of("m"), Resolved::Sensitive), "{:?}", of("m"));
    assert!(matches!(of("g"), Resolved::Opaque(Opaque::Git)));
    assert!(matches!(of("r"), Resolved::Value(value) if value == "eu"));
    assert!(matches!(of("bad"), Resolved::Failed(_)));
    assert!(world.asked().is_empty());
    let (text, _, code) = message(world.opaque().expand("{{ b }}", &Place::whole("t")));
    assert_eq!(text, "a value is made of a secret, which only a build reads");
    assert_eq!(code, ExitCode::Config);
}
