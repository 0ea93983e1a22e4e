//! A disk that is full, here or at the remote: each run ends with a code and a message that names what
//! could not be written, leaves nothing half written that counts, and the next run is right.

use serde_json::{Value, json};

use crate::harness::{ALIAS, SmallDisk, World};

/// A world with a module of several files, and a clone of it on a small disk; None where there is none.
fn on_a_small_disk(world: &World) -> Option<SmallDisk<'_>> {
    let disk = SmallDisk::mount(world, "small", 4096)?;
    disk.sh("small", &format!("git clone -q {} a", world.url()));
    Some(disk)
}

fn world() -> World {
    let text = "# x\n".repeat(15_000);
    let mut files = vec![
        ("lockstep.toml".to_owned(), String::new()),
        (".gitignore".to_owned(), "/.dist/\n".to_owned()),
        ("profiles/prod.toml".to_owned(), String::new()),
    ];
    files.extend((1..=4).map(|n| (format!("modules/alpha/f{n}.tf"), text.clone())));
    World::with_project(&files)
}

fn commit(disk: &SmallDisk<'_>, text: &str) -> String {
    disk.sh("small/a", &format!("echo {text} > notes && git add -A && git commit -q -m {text}"));
    disk.sh("small/a", "git rev-parse HEAD").trim().to_owned()
}

fn assert_applied(world: &World, commit: &str) {
    assert_eq!(world.origin_at("main"), commit);
    let record = world.lock("alpha/prod").expect("a record");
    assert_eq!((&record["state"], &record["applied"]), (&json!("free"), &json!(commit)));
}

#[test]
fn a_build_names_the_file_and_the_next_one_is_whole() {
    let world = world();
    let Some(disk) = on_a_small_disk(&world) else { return };
    world.tool("tofu");
    let alias = || disk.lockstep("small/a", ALIAS).words("tofu apply").run();
    // Not even a list of what is written fits; then that, and half of the files.
    for room in [0, 160] {
        disk.fill_but(room);
        let out = alias();
        out.code(74).says("cannot write `.dist/").says("No space left on device");
        assert!(world.called().is_empty());
        assert_eq!(world.lock_state("alpha/prod"), "none");
        disk.make_room();
        let manifests = disk.sh("small/a", "cat .dist/.lockstep/alpha/prod.json 2> /dev/null || echo null");
        assert!(serde_json::from_str::<Value>(&manifests).is_ok(), "half a manifest: {manifests}");
    }
    alias().code(0);
    let files = disk.sh("small/a", "cd .dist/alpha/prod && ls -A");
    assert_eq!(files, "f1.tf\nf2.tf\nf3.tf\nf4.tf\n", "nothing temporary is left");
    let differ = "for f in f1 f2 f3 f4; do [ \"$(cat modules/alpha/$f.tf)\" = \"$(cat .dist/alpha/prod/$f.tf)\" ] || echo $f; done";
    assert_eq!(disk.sh("small/a", differ), "");
}

#[test]
fn a_lock_record_that_cannot_be_written_takes_no_lock() {
    let world = world();
    let Some(disk) = on_a_small_disk(&world) else { return };
    world.tool("tofu");
    disk.lockstep("small/a", "build -- alpha prod").run().code(0);
    let head = commit(&disk, "x");
    let alias = || disk.lockstep("small/a", ALIAS).words("tofu apply").run();
    // The first run fetches, the second knows already: neither has room for a record.
    disk.lockstep("small/a", "git-check -- alpha prod").run().code(0);
    disk.fill_but(0);
    let out = alias();
    out.code(74)
        .says("cannot write a lock record into `")
        .says(".git/objects")
        .says("No space left on device");
    out.says("no journal of this run");
    assert!(world.called().is_empty());
    assert_eq!(world.lock_state("alpha/prod"), "none");
    disk.make_room();
    alias().code(0);
    assert_applied(&world, &head);
}

#[test]
fn a_tool_that_fills_the_disk_leaves_the_lock_held_until_its_owner_goes_on() {
    let world = world();
    let Some(disk) = on_a_small_disk(&world) else { return };
    disk.lockstep("small/a", "build -- alpha prod").run().code(0);
    let before = world.origin_at("main");
    let head = commit(&disk, "x");
    let fill = format!("cat /dev/zero > '{}' 2> /dev/null; true", disk.filler().display());
    let out = disk.lockstep("small/a", ALIAS).words("sh -c").arg(&fill).run();
    out.code(74).says("cannot write a lock record into `").says("is kept");
    assert_eq!((world.origin_at("main"), world.lock_state("alpha/prod")), (before, "held".to_owned()));
    disk.make_room();
    let other = world.clone("b");
    other
        .lockstep("build lock true: unlock -- alpha prod")
        .owner("bob@host2")
        .run()
        .code(75)
        .says("ana@host1");
    world.tool("tofu");
    disk.lockstep("small/a", ALIAS).words("tofu apply").run().code(0);
    assert_applied(&world, &head);
}

#[test]
fn a_remote_that_is_full_says_so() {
    let world = world();
    let Some(disk) = SmallDisk::mount(&world, "small", 1024) else { return };
    disk.sh("small", &format!("git clone -q --bare {} origin.git", world.url()));
    disk.sh("tmp", &format!("git clone -q {}/small/origin.git ../a", world.path("").display()));
    world.tool("tofu");
    let state = || {
        let log = "git log -1 --format=%B refs/lockstep/locks/alpha/prod 2> /dev/null | sed -n '/^{/p'";
        let record: Value = serde_json::from_str(&disk.sh("small/origin.git", log)).unwrap_or_default();
        record["state"].as_str().unwrap_or("none").to_owned()
    };
    disk.fill_but(0);
    let alias = || disk.lockstep("a", ALIAS).words("tofu apply").run();
    alias().code(78).says("No space left on device").says("hint: make room on the server");
    assert!(world.called().is_empty());
    assert_eq!(state(), "none");
    disk.make_room();
    // Full when the branch is to be pushed.
    disk.sh("a", "echo x > notes && git add -A && git commit -q -m x");
    let fill = format!("cat /dev/zero > '{}' 2> /dev/null; true", disk.filler().display());
    let out = disk.lockstep("a", ALIAS).words("sh -c").arg(&fill).run();
    out.code(79).says("No space left on device").says("is kept");
    assert_eq!(state(), "held");
    disk.make_room();
    alias().code(0);
    assert_eq!(state(), "free");
    assert_eq!(disk.sh("small/origin.git", "git rev-parse main"), disk.sh("a", "git rev-parse HEAD"));
}
