//! Smart HTTP, as git hosts speak it.

use super::{assert_applied, races, refuses_a_contender};
use crate::harness::{HttpServer, World, wait_until};

#[test]
fn the_usual_alias_pushes_a_commit_in_three_connections() {
    let world = World::new();
    let server = HttpServer::start(&world);
    let a = world.clone("a");
    world.tool("tofu");
    let commit = a.commit_file("modules/alpha/main.tf", "newer\n");
    let before = (server.connections(), server.requests().len());
    a.alias("tofu apply").run().code(0);
    assert_applied(&world, &commit);
    let requests = &server.requests()[before.1..];
    assert_eq!(server.connections() - before.0, 3, "{requests:#?}");
    let pushes: Vec<_> = requests.iter().filter(|r| r.what == "push").map(|r| r.status).collect();
    assert_eq!(pushes, [Some(200), Some(200)], "the acquire, and branch and release in one");
}

#[test]
fn a_contender_is_refused_and_told_who_holds_the_lock() {
    let world = World::new();
    let _server = HttpServer::start(&world);
    refuses_a_contender(&world);
}

#[test]
fn a_failing_apply_keeps_the_lock_and_the_fix_recovers() {
    let world = World::new();
    let _server = HttpServer::start(&world);
    let (a, b) = (world.clone("a"), world.clone("b"));
    world.tool("tofu").exits(3);
    let before = world.origin_at("main");
    a.commit_file("modules/alpha/main.tf", "broken\n");
    a.alias("tofu apply").run().code(3);
    assert_eq!((world.origin_at("main"), world.lock_state("alpha/prod")), (before, "failed".to_owned()));
    world.tool("tofu");
    b.alias("tofu apply").owner("bob@host2").run().code(75).says("ana@host1");
    let fix = a.commit_file("modules/alpha/main.tf", "mended\n");
    a.alias("tofu apply").run().code(0);
    assert_applied(&world, &fix);
}

#[test]
fn a_push_that_the_server_refuses_keeps_the_lock_and_recovers() {
    let world = World::new();
    let _server = HttpServer::start(&world);
    let a = world.clone("a");
    world.tool("tofu");
    let refuse = "while read old new ref; do\n  if [ $ref = refs/heads/main ]; then echo 'not on a friday' >&2; exit 1; fi\ndone\n";
    world.origin_hook("pre-receive", &format!("[ -e \"$WORLD/tmp/refuse\" ] || exit 0\n{refuse}"));
    // The acquire names the branch too, but does not move it.
    std::fs::write(world.sign("refuse"), "").expect("the world is writable");
    let before = world.origin_at("main");
    let commit = a.commit_file("modules/alpha/main.tf", "newer\n");
    a.alias("tofu apply").run().code(79).says("not on a friday");
    assert_eq!((world.origin_at("main"), world.lock_state("alpha/prod")), (before, "failed".to_owned()));
    std::fs::remove_file(world.sign("refuse")).expect("it was there");
    a.lockstep("build git-check lock git-push unlock -- alpha prod").run().code(0);
    assert_applied(&world, &commit);
    assert_eq!(world.called(), ["tofu"], "the tool is not run again");
}

#[test]
fn eight_runs_race_and_one_wins_each_round() {
    let world = World::new();
    let _server = HttpServer::start(&world);
    races(&world, 8, 3);
}

#[test]
fn a_server_that_is_gone_is_a_remote_that_cannot_be_reached() {
    let world = World::new();
    let server = HttpServer::start(&world);
    let a = world.clone("a");
    let tool = world.tool("holder");
    tool.waits();
    let commit = a.commit_file("notes", "x\n");
    let mut run = a.alias("holder apply").start();
    run.wait_for(tool.started());
    server.stop();
    tool.let_go();
    run.finish().code(69).never_says("nothing was done");
    a.alias("holder apply").run().code(69);
    assert_eq!(world.lock_state("alpha/prod"), "held", "nobody could be told");
    assert_eq!(world.called(), ["holder"]);
    let _server = HttpServer::start(&world);
    world.git_args(a.dir(), &["remote", "set-url", "origin", &world.url()]);
    a.alias("holder apply").run().code(0);
    assert_applied(&world, &commit);
}

#[test]
fn the_server_ends_with_its_test() {
    let gone = |pid: u32| !std::path::Path::new(&format!("/proc/{pid}/cmdline")).exists();
    let world = World::new();
    let server = HttpServer::start(&world);
    let pid = server.pid();
    drop(server);
    wait_until("the server to end", || gone(pid));
    let panicked = std::thread::spawn(|| {
        let world = World::new();
        let server = HttpServer::start(&world);
        std::panic::panic_any(server.pid());
    });
    let pid = *panicked.join().expect_err("it panics").downcast::<u32>().expect("its payload");
    wait_until("the server to end", || gone(pid));
}
