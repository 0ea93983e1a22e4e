//! `lockstep affected`: which units differ from an earlier commit, exactly, and nothing is run for it.

use std::os::unix::fs::symlink;

use crate::harness::{Checkout, World, snap};

/// Two modules and two profiles above a base; `alpha` includes a partial, `gamma` has what only a run
/// knows, of which every part would leave a mark.
const PROJECT: &[(&str, &str)] = &[
    ("lockstep.toml", "[data.net]\ncommand = [\"touch\", \"MARK\"]\n"),
    (".gitignore", "/.dist/\nignored\n"),
    ("profiles/base.toml", "abstract = true\n[params]\nregion = \"eu\"\nzone = \"a\"\n"),
    ("profiles/dev.toml", "extends = [\"base\"]\n"),
    ("profiles/prod.toml", "extends = [\"base\"]\n[params]\nregion = \"us\"\n"),
    ("modules/_partials/head", "# head\n"),
    ("modules/alpha/main.tf", "{% include \"_partials/head\" %}{{ region }}\n"),
    ("modules/beta/main.tf", "{{ region }}\n"),
    ("modules/beta/run.sh", "true\n"),
    (
        "modules/gamma/main.tf",
        "{{ secret(command=[\"touch\", \"MARK\"]) }} {{ data.net.ids }} {{ env(\"X\") }} {{ git.commit }}\n",
    ),
    ("shared/motd", "hello\n"),
];

fn world() -> World {
    World::with_project(PROJECT)
}

/// What is affected now, seen from the last commit, one a line.
#[track_caller]
fn affected(a: &Checkout<'_>) -> String {
    let out = a.lockstep("affected --base HEAD").run();
    out.code(0).says("compared with HEAD (");
    assert!(!a.has("MARK") && !a.has(".dist"), "nothing is run or written");
    out.stdout()
}

/// What is affected by a change that is then undone, alone and with reasons.
#[track_caller]
fn after(a: &Checkout<'_>, change: impl FnOnce()) -> String {
    change();
    let why = a.lockstep("affected --base HEAD --why").run();
    why.code(0);
    let names: String =
        why.stdout().lines().filter(|line| !line.starts_with(' ')).map(|line| format!("{line}\n")).collect();
    assert_eq!(affected(a), names);
    a.git("reset -q --hard");
    a.git("clean -qfdx");
    why.stdout()
}

#[test]
fn only_what_would_be_written_counts() {
    let world = world();
    let a = world.clone("a");
    assert_eq!(affected(&a), "");
    let base = |text: &str| a.write("profiles/base.toml", text);
    let comment = "# about\nabstract = true\n\n[params]\nzone = 'a' # here\nregion = 'eu'\n";
    assert_eq!(after(&a, || base(comment)), "");
    let unused = "abstract = true\n[params]\nregion = \"eu\"\nzone = \"b\"\n";
    assert_eq!(after(&a, || base(unused)), "", "nothing uses it");
    assert_eq!(
        after(&a, || base("abstract = true\n[params]\nregion = \"eu-2\"\n")),
        "alpha/dev\n  main.tf: profiles/base.toml\nbeta/dev\n  main.tf: profiles/base.toml\n",
        "prod says it anew"
    );
    assert_eq!(
        after(&a, || a
            .write("modules/alpha/main.tf", "{# c #}{% include \"_partials/head\" %}{{ region }}\n")),
        ""
    );
    assert_eq!(
        after(&a, || a.write("lockstep.toml", "# c\n[data.net]\ncommand = [\"touch\", \"MARK\"]\n")),
        ""
    );
    assert_eq!(after(&a, || a.write("README.md", "x")), "");
    assert_eq!(after(&a, || a.write("workflows/go.toml", "steps = [\"build\"]\n")), "");
}

#[test]
fn a_shared_file_affects_the_units_that_it_reaches() {
    let world = world();
    let a = world.clone("a");
    let partial = "modules/_partials/head";
    assert_eq!(
        after(&a, || a.write(partial, "# other\n")),
        format!("alpha/dev\n  main.tf: {partial}\nalpha/prod\n  main.tf: {partial}\n")
    );
    assert_eq!(after(&a, || a.write("modules/_partials/new", "x\n")), "");
    a.write("modules/alpha/module.toml", "[build]\nsources = [\".\", \"../../lib\"]\nstrip = [\".j2\"]\n");
    a.write("modules/beta/file.txt", "{{ file('shared/motd') if fileexists('shared/motd') else 'none' }}");
    a.write("lib/vars.tf.j2", "one\n");
    a.commit("Share more");
    assert_eq!(
        after(&a, || a.write("lib/vars.tf.j2", "two\n")),
        "alpha/dev\n  vars.tf: lib/vars.tf.j2\nalpha/prod\n  vars.tf: lib/vars.tf.j2\n"
    );
    let motd = "beta/dev\n  file.txt: shared/motd\nbeta/prod\n  file.txt: shared/motd\n";
    assert_eq!(after(&a, || a.write("shared/motd", "bye\n")), motd);
    assert_eq!(after(&a, || drop(a.git("rm -q shared/motd"))), motd);
}

#[test]
fn files_of_a_module_come_go_and_change_their_mode() {
    let world = world();
    let a = world.clone("a");
    let each = |lines: &str| format!("beta/dev\n{lines}beta/prod\n{lines}");
    let script = "modules/beta/run.sh";
    assert_eq!(
        after(&a, || drop(a.git("update-index --chmod=+x modules/beta/run.sh"))),
        "",
        "what is staged and not in the working tree is not built"
    );
    let mode = || {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(a.path(script), std::fs::Permissions::from_mode(0o755)).unwrap();
    };
    assert_eq!(after(&a, mode), each("  run.sh (mode): modules/beta/run.sh\n"));
    assert_eq!(
        after(&a, || drop(a.git("mv modules/beta/run.sh modules/beta/go.sh"))),
        each("  go.sh (new): modules/beta/go.sh\n  run.sh (removed): modules/beta/run.sh\n")
    );
    assert_eq!(
        after(&a, || a.write("modules/beta/extra", "x")),
        each("  extra (new): modules/beta/extra\n"),
        "untracked"
    );
    assert_eq!(after(&a, || a.write("modules/beta/ignored", "x")), "");
    assert_eq!(
        after(&a, || drop(a.git("rm -qr modules/beta"))),
        "beta/dev  deleted\n  modules/beta/main.tf\n  modules/beta/run.sh\n\
         beta/prod  deleted\n  modules/beta/main.tf\n  modules/beta/run.sh\n"
    );
    assert_eq!(
        after(&a, || a.write("profiles/test.toml", "extends = [\"dev\"]\n")),
        "alpha/test  new\n  profiles/test.toml\nbeta/test  new\n  profiles/test.toml\n\
         gamma/test  new\n  profiles/test.toml\n"
    );
    assert_eq!(
        after(&a, || a.write("modules/beta/module.toml", "profiles = [\"dev\"]\n")),
        "beta/prod  deleted\n  modules/beta/module.toml\n"
    );
    assert_eq!(
        after(&a, || a.write("modules/beta/module.toml", "[env]\nA = \"1\"\n[exec]\nunset = [\"B\"]\n")),
        each("  [env]: modules/beta/module.toml\n  [exec]: modules/beta/module.toml\n")
    );
    assert_eq!(
        after(&a, || a.write("modules/beta/module.toml", "needs = [\"alpha\"]\n")),
        each("  needs: modules/beta/module.toml\n")
    );
    assert_eq!(
        after(&a, || a.write("modules/beta/module.toml", "[outputs]\ncommand = [\"./outputs\"]\n")),
        each("  [exec]: modules/beta/module.toml\n")
    );
}

#[test]
fn a_chain_of_profiles_is_followed_on_both_sides() {
    let world = world();
    let a = world.clone("a");
    a.write("profiles/eu.toml", "abstract = true\nextends = [\"base\"]\n[params]\nregion = \"eu-9\"\n");
    a.commit("Another layer");
    let change = || a.write("profiles/dev.toml", "extends = [\"eu\"]\n");
    let because = "  main.tf: profiles/dev.toml\n";
    assert_eq!(after(&a, change), format!("alpha/dev\n{because}beta/dev\n{because}"));
    assert_eq!(after(&a, || a.write("profiles/eu.toml", "abstract = true\n")), "", "nobody extends it yet");
    let both = || {
        a.write("profiles/dev.toml", "extends = [\"north\"]\n");
        a.write("profiles/north.toml", "abstract = true\nextends = [\"base\"]\n");
    };
    assert_eq!(after(&a, both), "", "another way to the same");
}

#[test]
fn what_only_a_run_knows_is_compared_by_its_definition() {
    let world = world();
    let a = world.clone("a");
    let gamma = |text: &str| a.write("modules/gamma/main.tf", text);
    let each = |because: &str| format!("gamma/dev\n  main.tf: {because}\ngamma/prod\n  main.tf: {because}\n");
    let now = a.read("modules/gamma/main.tf");
    for (from, to) in [("\"X\"", "\"Y\""), ("\"MARK\"", "\"MORK\""), ("ids", "names"), ("commit", "branch")] {
        assert_eq!(after(&a, || gamma(&now.replace(from, to))), each("modules/gamma/main.tf"), "{from}");
    }
    assert_eq!(
        after(&a, || a.write("lockstep.toml", "[data.net]\ncommand = [\"touch\", \"{{ region }}\"]\n")),
        each("lockstep.toml")
    );
    // Where such a value decides, everything that goes in counts: the other branch may be taken.
    gamma("{% if env(\"STAGE\", \"\") == \"live\" %}{{ zone }}{% endif %}\n");
    a.commit("Decide");
    let zone = || a.write("profiles/base.toml", "abstract = true\n[params]\nregion = \"eu\"\nzone = \"b\"\n");
    let unknown = "  what only a run knows: profiles/base.toml\n";
    assert_eq!(after(&a, zone), format!("gamma/dev\n{unknown}gamma/prod\n{unknown}"));
    let comment = || a.write("profiles/dev.toml", "# c\nextends = [\"base\"]\n");
    assert_eq!(after(&a, comment), "");
    // Data of a form that is not known can be gone through only in a run.
    gamma("{% for id in data.net.ids %}{{ id }}{{ zone }}{% endfor %}\n");
    a.commit("Go through data");
    assert_eq!(after(&a, zone), format!("gamma/dev\n{unknown}gamma/prod\n{unknown}"));
    assert_eq!(after(&a, comment), "");
}

#[test]
fn what_is_broken_is_named_and_the_rest_is_told() {
    let world = world();
    let a = world.clone("a");
    a.write("modules/beta/main.tf", "{{ nope }}\n");
    a.write("modules/alpha/main.tf", "other\n");
    let out = a.lockstep("affected --base HEAD").run();
    out.code(78).prints("alpha/dev\nalpha/prod\n");
    snap!(out);
    a.commit("Break it");
    assert_eq!(affected(&a), "", "as broken as it was");
    a.write("modules/beta/main.tf", "fine\n");
    let out = a.lockstep("affected --base HEAD --why").run();
    out.code(0);
    snap!("affected_was_broken", out);
    a.commit("Mend it");
    a.write("profiles/dev.toml", "extends = [\"gone\"]\n");
    let out = a.lockstep("affected --base HEAD").run();
    out.code(78).prints("").says("profiles/dev.toml:1: `extends` names `gone`");
    assert_eq!(out.stderr().matches("`gone`").count(), 1, "told once\n{out}");
}

#[test]
fn programs_get_json_and_a_matrix() {
    let world = world();
    let a = world.clone("a");
    let matrix = || a.lockstep("-q affected --base HEAD --format github-matrix").run();
    matrix().code(0).prints("{\"include\":[]}\n").never_says("compared");
    a.git("rm -qr modules/beta");
    a.write("modules/alpha/main.tf", "other\n");
    a.write("modules/alpha/module.toml", "profiles = [\"prod\"]\n[env]\nA = \"1\"\n");
    matrix()
        .code(0)
        .prints("{\"include\":[{\"module\":\"alpha\",\"profile\":\"prod\",\"unit\":\"alpha/prod\"}]}\n");
    let out = a.lockstep("affected --base HEAD --format json").run();
    out.code(0);
    snap!(out);
}

#[test]
fn units_can_be_named() {
    let world = world();
    let a = world.clone("a");
    a.write("profiles/base.toml", "abstract = true\n[params]\nregion = \"x\"\n");
    a.git("rm -qr modules/gamma");
    let of = |words: &str| a.lockstep("affected --base HEAD").words(words).run();
    of("").code(0).prints("alpha/dev\nbeta/dev\ngamma/dev  deleted\ngamma/prod  deleted\n");
    of("beta/dev").code(0).prints("beta/dev\n");
    of("beta/prod").code(0).prints("");
    of("*/dev --dependants").code(0).prints("alpha/dev\nbeta/dev\n");
    of("alpha,beta/dev gamma/prod").code(0).prints("alpha/dev\nbeta/dev\ngamma/prod  deleted\n");
    of("alhpa/dev").code(64).prints("").says("did you mean `alpha`?");
    of("alpha").code(64).says("MODULE/PROFILE");
    of("nope-*/dev").code(64).says("selects no module");
}

#[test]
fn nothing_is_read_through_a_former_link_out_of_the_project() {
    let world = world();
    let a = world.clone("a");
    let secret = world.path("home/secret.toml");
    std::fs::write(&secret, "[params]\nregion = \"hunter2\"\n").expect("the world is writable");
    std::fs::remove_file(a.path("profiles/dev.toml")).expect("it was there");
    symlink(&secret, a.path("profiles/dev.toml")).expect("the world is writable");
    symlink(&secret, a.path("modules/beta/link")).expect("the world is writable");
    a.commit("Lead out");
    a.git("rm -q modules/beta/link profiles/dev.toml");
    a.write("profiles/dev.toml", "extends = [\"base\"]\n");
    let out = a.lockstep("affected --base HEAD --why").run();
    out.code(0);
    assert!(!out.to_string().contains("hunter2"), "{out}");
    snap!(out);
}

#[test]
fn links_inside_and_submodules() {
    let world = world();
    let a = world.clone("a");
    symlink("run.sh", a.path("modules/beta/alias.sh")).expect("the world is writable");
    world.git_args(a.dir(), &["submodule", "add", "-q", &world.url(), "modules/sub"]);
    a.commit("Link and embed");
    let alias = "  alias.sh: modules/beta/run.sh\n  run.sh: modules/beta/run.sh\n";
    assert_eq!(
        after(&a, || a.write("modules/beta/run.sh", "false\n")),
        format!("beta/dev\n{alias}beta/prod\n{alias}")
    );
    a.write("modules/sub/extra", "x\n");
    let out = a.lockstep("affected --base HEAD --why").run();
    out.code(0).prints(
        "sub/dev\n  could not be rendered before: cannot read `modules/sub/module.toml`: it lies in a submodule \
         that has changed\n  modules/sub\nsub/prod\n  could not be rendered before: cannot read \
         `modules/sub/module.toml`: it lies in a submodule that has changed\n  modules/sub\n",
    );
}

#[test]
fn the_base_is_the_upstream_the_target_or_what_is_named() {
    let world = world();
    let a = world.clone("a");
    a.git("checkout -q -b side");
    a.commit_file("modules/beta/main.tf", "side\n");
    let b = world.clone("b");
    b.publish("modules/alpha/main.tf", "meanwhile on main\n");
    a.git("fetch -q");
    let out = a.lockstep("affected").run();
    out.code(0).prints("beta/dev\nbeta/prod\n").says("compared with origin/HEAD (where HEAD's history parts");
    a.git("checkout -q --detach");
    let ci = a.lockstep("affected").env("CI", "true").env("GITHUB_ACTIONS", "true");
    ci.env("GITHUB_BASE_REF", "main")
        .run()
        .code(0)
        .prints("beta/dev\nbeta/prod\n")
        .says("with origin/main (");
    b.lockstep("affected").run().code(0).prints("");
    b.lockstep("affected").env("CI", "true").run().code(0).prints("alpha/dev\nalpha/prod\n").says("HEAD^");
    let out = b.lockstep("affected --base nope").run();
    out.code(64).prints("").says("there is no commit `nope` in this clone");
    b.lockstep("affected --base=--output=x").run().code(64);
    let out = b.lockstep("affected").env("GITLAB_CI", "1").env("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "next");
    out.run().code(64).says("hint: git fetch origin +refs/heads/next:refs/remotes/origin/next");
}

#[test]
fn a_clone_that_is_too_shallow_says_what_to_type() {
    let world = world();
    let a = world.clone("a");
    a.publish("modules/beta/main.tf", "two\n");
    a.publish("modules/beta/main.tf", "three\n");
    world.git_args(&world.path(""), &["clone", "-q", "--depth=1", &world.url(), "shallow"]);
    let shallow = Checkout::at(&world, "shallow");
    let out = shallow.lockstep("affected").env("CI", "true").run();
    out.code(78).says("this clone is shallow").says("hint: git fetch --unshallow");
    shallow.git("fetch -q --unshallow");
    shallow.lockstep("affected --base HEAD~2").run().code(0).prints("beta/dev\nbeta/prod\n");
}

#[test]
fn a_project_below_the_top_and_no_repository() {
    let world = world();
    let a = world.clone("a");
    let parts = ["lockstep.toml", "profiles", "modules", "shared"];
    std::fs::create_dir_all(a.path("in fra/x")).expect("the world is writable");
    for part in parts {
        world.git_args(a.dir(), &["mv", part, "in fra/x/"]);
    }
    a.commit("Move it");
    a.write("in fra/x/modules/beta/main.tf", "x\n");
    a.write("modules/beta/main.tf", "not the project's\n");
    let out = a.lockstep("affected --base HEAD --why").cwd("in fra/x/modules").run();
    out.code(0)
        .prints("beta/dev\n  main.tf: modules/beta/main.tf\nbeta/prod\n  main.tf: modules/beta/main.tf\n");
    let empty = world.path("home");
    std::fs::write(empty.join("lockstep.toml"), "").expect("the world is writable");
    world.program("lockstep", &empty).words("affected").run().code(78).says("is not in a git repository");
}

#[test]
fn repositories_that_only_git_can_read() {
    for option in ["--object-format=sha256", "--ref-format=reftable"] {
        let world = World::bare();
        if !world.can_init(option) {
            continue;
        }
        world.git_args(&world.path(""), &["init", "-q", option, "a"]);
        let a = Checkout::at(&world, "a");
        for (path, text) in PROJECT {
            a.write(path, text);
        }
        a.lockstep("affected").run().code(0).says("no commit yet");
        a.commit("The project");
        a.write("modules/beta/run.sh", "false\n");
        assert_eq!(affected(&a), "beta/dev\nbeta/prod\n", "{option}");
    }
}

#[test]
fn the_history_of_a_merge_and_one_that_is_not_finished() {
    let world = world();
    let a = world.clone("a");
    a.git("checkout -q -b side");
    a.commit_file("modules/beta/main.tf", "side\n");
    a.git("checkout -q main");
    a.commit_file("modules/beta/main.tf", "main\n");
    a.lockstep("affected --base side~1").run().code(0).prints("beta/dev\nbeta/prod\n");
    world.program("git", a.dir()).words("merge -q side").run().code(1);
    let out = a.lockstep("affected --base HEAD --why").run();
    let file = "  main.tf: modules/beta/main.tf\n";
    out.code(0).prints(&format!("beta/dev\n{file}beta/prod\n{file}"));
}
