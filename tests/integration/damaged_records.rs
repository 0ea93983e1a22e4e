//! Records that cannot be understood: what is said of them, and the ways out.

use serde_json::Value;

use crate::harness::{Checkout, Output, World, find, repository};

const REF: &str = "refs/lockstep/locks/alpha/prod";

/// A commit with that message on `origin`, on the empty tree. Of a huge one the words would be too long for
/// an argument.
fn commit(world: &World, parent: Option<&str>, message: &str) -> String {
    let tree = world.git_args(&world.origin(), &["hash-object", "-t", "tree", "-w", "/dev/null"]);
    let file = world.sign("message");
    std::fs::write(&file, message).expect("the world is writable");
    let mut args = vec!["commit-tree", tree.trim(), "-F", file.to_str().expect("text")];
    args.extend(parent.into_iter().flat_map(|parent| ["-p", parent]));
    world.git_args(&world.origin(), &args).trim().to_owned()
}

/// Puts a commit with that message upon the last record of alpha/prod. Its name.
fn plant(world: &World, message: &str) -> String {
    let tip = world.git_args(&world.origin(), &["rev-parse", REF]);
    let bad = commit(world, Some(tip.trim()), message);
    world.git_args(&world.origin(), &["update-ref", REF, &bad]);
    bad
}

/// A clone whose run has taken the lock of alpha/prod and given it back.
fn with_a_run(world: &World) -> Checkout<'_> {
    let a = world.clone("a");
    world.tool("tofu");
    a.alias("tofu apply").run().code(0);
    a
}

#[test]
fn a_huge_record_is_one_that_cannot_be_understood() {
    let world = World::new();
    let a = with_a_run(&world);
    plant(&world, &format!("x\n\n{}\n", "y".repeat(2 << 20)));
    let said = "the record of lock `alpha/prod` in refs/lockstep/locks on origin cannot be understood: ";
    let evict = "--reason why unlock-any -- alpha prod";
    for words in ["locks", "locks show alpha/prod", evict, "freeze --reason why alpha/prod"] {
        a.lockstep(words).run().code(78).says(said).says("it has more than 65536 bytes");
    }
    a.alias("tofu apply").run().code(78).says(said);
    assert_eq!(world.called().len(), 1, "nothing was run");
}

/// What `log` printed of alpha/prod: the acts, newest first.
fn acts(out: &Output) -> Vec<String> {
    let log: Vec<Value> =
        serde_json::from_str(&out.stdout()).unwrap_or_else(|e| panic!("no JSON ({e})\n{out}"));
    let mut own = log.iter().filter(|entry| entry["key"] == "alpha/prod");
    own.by_ref().map(|entry| entry["act"].as_str().expect("a text").to_owned()).collect()
}

#[test]
fn one_record_that_cannot_be_understood_hides_none_above_or_below_it() {
    let world = World::new();
    let a = with_a_run(&world);
    let good = world.git_args(&world.origin(), &["rev-parse", REF]);
    let bad = plant(&world, "no record");
    let words = ["log alpha/prod", "log"];
    let told = format!("cannot be understood: commit {}: its message holds no record", &bad[..10]);
    // At the tip.
    for words in words {
        let out = a.lockstep(words).run();
        out.code(78).says(&told);
        assert!(out.stdout().contains("released") && out.stdout().contains("acquired"), "{out}");
        let out = a.lockstep(&format!("{words} --json")).run();
        out.code(78).says(&told);
        assert_eq!(acts(&out), ["released", "acquired"]);
    }
    // Good ones upon it, as somebody who mends by hand would put them, and a huge one between.
    let top = world.git_args(&world.origin(), &["log", "-1", "--format=%B", good.trim()]);
    plant(&world, &top);
    let huge = plant(&world, &"y".repeat(2 << 20));
    plant(&world, &top);
    for words in words {
        let out = a.lockstep(&format!("{words} --json")).run();
        out.code(78).says(&told).says(&format!("commit {}: it has more than 65536 bytes", &huge[..10]));
        assert_eq!(acts(&out), ["released", "released", "released", "acquired"]);
    }
    let out = a.lockstep("log alpha/prod -n 1 --json").run();
    out.code(78).never_says("no record");
    assert_eq!(acts(&out), ["released"], "as many as were asked for, of those that can be understood");
    // A run asks for the last one alone.
    a.alias("tofu apply").run().code(0);
}

#[test]
fn a_ref_that_was_pointed_elsewhere_is_not_read_to_its_root() {
    let world = World::new();
    let a = with_a_run(&world);
    for number in 0..20 {
        plant(&world, &format!("no record {number}"));
    }
    let out = a.lockstep("log alpha/prod").run();
    out.code(78).prints("");
    assert_eq!(out.stderr().matches("no record").count(), 10, "{out}");
}

/// The commands that an error's hints hold, by how they begin.
fn hinted(out: &Output, begin: &str) -> String {
    let text = out.stderr();
    let hints = text.lines().filter_map(|line| line.strip_prefix("hint: "));
    let found = hints.filter_map(|hint| hint.split_once(": ")).find(|(_, typed)| typed.starts_with(begin));
    found.unwrap_or_else(|| panic!("no hint `{begin}`\n{out}")).1.to_owned()
}

/// What stands in the blocks of the section of docs/locks.md.
fn documented(begin: &str) -> String {
    let page = std::fs::read_to_string(repository().join("docs/locks.md")).expect("readable");
    let section = page.split("\n## A record that cannot be understood\n").nth(1).expect("a section");
    let section = section.split("\n## ").next().expect("it ends");
    let blocks = section.split("\n```sh\n").skip(1).map(|rest| rest.split("\n```").next().expect("an end"));
    let mut found = blocks.filter(|block| block.starts_with(begin));
    found.next().unwrap_or_else(|| panic!("no block `{begin}`")).to_owned()
}

#[track_caller]
fn types(a: &Checkout<'_>, world: &World, script: &str) -> String {
    let out = world.program("sh", a.dir()).args(["-c", &format!("set -e\n{script}\n")]).run();
    out.code(0).stdout()
}

#[test]
fn the_ref_is_set_back_by_the_commands_of_hint_and_page() {
    let world = World::new();
    let a = with_a_run(&world);
    let good = world.git_args(&world.origin(), &["rev-parse", REF]);
    for way in ["hint", "page"] {
        let bad = plant(&world, "no record\u{1b}[2J");
        let refused = a.alias("tofu apply").run();
        refused.code(78).says("its message holds no record");
        for words in ["--reason why unlock-any -- alpha prod", "freeze --reason why alpha/prod"] {
            let out = a.lockstep(words).run();
            assert_eq!(hinted(out.code(78), "git push"), hinted(&refused, "git push"));
        }
        let seen = if way == "hint" {
            types(&a, &world, &hinted(&refused, "git cat-file"))
        } else {
            types(&a, &world, &documented("git fetch"))
        };
        assert!(seen.contains("no record^[[2J"), "{seen}");
        if way == "hint" {
            let push = hinted(&refused, "git push");
            // Nobody's later change is undone by it.
            let later = plant(&world, "worse");
            let out = world.program("sh", a.dir()).args(["-c", &push]).run();
            assert!(out.stderr().contains("stale info"), "{out}");
            world.git_args(&world.origin(), &["update-ref", REF, &bad, &later]);
            types(&a, &world, &push);
        }
        assert_eq!(world.git_args(&world.origin(), &["rev-parse", REF]), good, "{way}");
        a.lockstep("log alpha/prod").run().code(0);
    }
    a.alias("tofu apply").run().code(0);
}

#[test]
fn below_many_bad_commits_the_last_good_one_is_found_and_without_any_the_ref_goes() {
    let world = World::new();
    let a = with_a_run(&world);
    let good = world.git_args(&world.origin(), &["rev-parse", REF]);
    for text in ["one", "two", "three"] {
        plant(&world, text);
    }
    a.lockstep("locks").run().code(78).says("how to mend one: lockstep locks show alpha/prod");
    let shown = a.lockstep("locks show alpha/prod").run();
    types(&a, &world, &hinted(shown.code(78), "git push"));
    assert_eq!(world.git_args(&world.origin(), &["rev-parse", REF]), good);
    let alone = commit(&world, None, "alone");
    world.git_args(&world.origin(), &["update-ref", REF, &alone]);
    let shown = a.lockstep("locks show alpha/prod").run();
    shown.code(78).says("to delete it, and with it what was applied");
    types(&a, &world, &hinted(&shown, "git push"));
    assert_eq!(world.lock_state("alpha/prod"), "none");
    a.alias("tofu apply").run().code(0);
}

#[test]
fn of_a_newer_record_nobody_is_told_to_set_it_back() {
    let world = World::new();
    let a = with_a_run(&world);
    let mut newer = world.lock("alpha/prod").expect("a record");
    newer["lockstep"] = 2.into();
    plant(&world, &format!("x\n\n{newer}\n"));
    let out = a.alias("tofu apply").run();
    out.code(78).says("hint: upgrade lockstep").never_says("git push");
}

#[test]
fn the_local_state_is_made_anew_by_the_commands_of_hint_and_page() {
    let world = World::new();
    for program in ["grep", "tail", "paste"] {
        world.link(program, &find(program));
    }
    let a = world.clone("a");
    a.git("remote remove origin");
    world.tool("tofu").exits(1);
    a.lockstep("build lock tofu:apply -- alpha prod").run().code(1);
    a.lockstep("build lock true: unlock -- beta prod").run().code(0);
    let state = a.path(".git/lockstep/locks/state.json");
    let whole: Value = serde_json::from_str(&a.read(&state)).expect("JSON");
    for (way, damage) in
        [("hint", "{\"lockstep\":1,\u{1b}[2J"), ("page", "{\"lockstep\":1,\"locks\":{\"alpha/prod\":7}}")]
    {
        a.write(&state, damage);
        let out = a.lockstep("build lock true: unlock -- alpha prod").run();
        out.code(78).says("cannot be understood");
        let seen = types(&a, &world, &hinted(&out, "head -c"));
        assert!(!seen.contains('\u{1b}') && seen.starts_with("{\"lockstep\":1"), "{seen}");
        types(&a, &world, &if way == "hint" { hinted(&out, "cd ") } else { documented("cd ") });
        assert_eq!(serde_json::from_str::<Value>(&a.read(&state)).expect("JSON"), whole, "{way}");
        let listed = a.lockstep("locks").run();
        assert!(listed.code(0).stdout().contains("alpha/prod"), "{listed}");
    }
}

#[cfg(feature = "dynamodb")]
#[test]
fn the_item_is_set_back_by_the_command_of_the_hint() {
    let (world, table) = crate::harness::Dynamodb::world();
    let a = with_a_run(&world);
    let good = table.record("alpha/prod");
    let mut item = table.item("alpha/prod");
    let older = item["history"]["L"].as_array().expect("a list").clone();
    item["history"]["L"] =
        [&[serde_json::json!({"S": "bad, too"}), item["record"].clone()], &older[..]].concat().into();
    item["record"]["S"] = "no record".into();
    item["nonce"]["S"] = "n-of-nobody".into();
    table.put(&item);
    aws(&world);
    let out = a.alias("tofu apply").run();
    out.code(78).says("not a lock record");
    let log = a.lockstep("log alpha/prod").run();
    log.code(78).says("entry 0 of its `history`");
    assert!(log.stdout().contains("released"), "{log}");
    let seen = types(&a, &world, &hinted(&out, "aws dynamodb get-item"));
    assert!(seen.contains("no record"), "{seen}");
    let put_back = hinted(&out, "aws dynamodb update-item");
    // Not upon somebody's later change.
    item["nonce"]["S"] = "another".into();
    table.put(&item);
    world.program("sh", a.dir()).args(["-c", &put_back]).run().code(1);
    item["nonce"]["S"] = "n-of-nobody".into();
    table.put(&item);
    types(&a, &world, &put_back);
    assert_eq!(table.record("alpha/prod"), good);
    a.alias("tofu apply").run().code(0);
}

/// As much of the AWS command line as is typed here: options are the request's fields.
#[cfg(feature = "dynamodb")]
fn aws(world: &World) {
    let source = r#"
import json, sys, urllib.request
words = sys.argv[2:]
pascal = lambda word: "".join(part.capitalize() for part in word.strip("-").split("-"))
request, at = {}, None
for word in words[1:]:
    if word.startswith("--"):
        at = pascal(word)
        request[at] = True
    else:
        request[at] = json.loads(word) if word.startswith("{") else word
url = request.pop("EndpointUrl")
region = request.pop("Region")
headers = {
    "X-Amz-Target": "DynamoDB_20120810." + pascal(words[0]),
    "Content-Type": "application/x-amz-json-1.0",
    "Authorization": f"AWS4-HMAC-SHA256 Credential=AKIATEST/20260101/{region}/dynamodb/aws4_request, SignedHeaders=host, Signature=0",
}
try:
    with urllib.request.urlopen(urllib.request.Request(url, json.dumps(request).encode(), headers)) as answer:
        print(answer.read().decode())
except urllib.error.HTTPError as error:
    sys.exit(error.read().decode())
"#;
    std::fs::write(world.sign("aws.py"), source).expect("the world is writable");
    let body = format!(
        "exec '{}' '{}' \"$@\"\n",
        crate::harness::python().display(),
        world.sign("aws.py").display()
    );
    crate::harness::write_script(&world.path("bin"), "aws", &body);
}
