//! Modules that are made of several directories.

use super::*;

fn with(build: &str, files: &[(&str, &str)]) -> Sample {
    let sample = sample(files);
    sample.write("modules/alpha/module.toml", build);
    sample
}

fn fails(sample: &Sample) -> (String, String) {
    let error = run(sample).unwrap_err();
    (error.to_string(), error.hint().unwrap_or_default())
}

const BOTH: &str = "[build]\nsources = ['../_shared/tofu', '.']\n";

#[test]
fn files_come_from_all_sources_and_include_each_other() {
    let sample = with(
        BOTH,
        &[
            ("modules/_shared/tofu/providers.tf", "{{ region }}"),
            ("modules/_shared/tofu/module.toml", "not ours = nor read"),
            ("modules/_shared/tofu/sub/part", "{% include '../own' %}"),
            ("modules/alpha/main.tf", "{% include 'sub/part' %}"),
            ("modules/alpha/own", "O"),
        ],
    );
    sample.write("profiles/dev.toml", "[params]\nregion = 'eu'\n");
    run(&sample).unwrap();
    assert_eq!((out(&sample, "providers.tf"), out(&sample, "main.tf")), ("eu".into(), "O".into()));
    assert!(!sample.path(".dist/alpha/dev/module.toml").exists());
    sample.write("modules/_shared/tofu/providers.tf", "\n{{ nope }}");
    let (error, _) = fails(&sample);
    assert!(error.starts_with("modules/_shared/tofu/providers.tf:2: `nope` is undefined"), "{error}");
    assert_eq!(sample.project().modules().unwrap().len(), 1);
}

#[test]
fn one_name_in_two_sources_is_an_error_unless_it_is_said() {
    let files = [("modules/_shared/tofu/a.tf", "shared"), ("modules/alpha/a.tf", "own")];
    let (error, _) = fails(&with(BOTH, &files));
    assert_eq!(
        error,
        "`modules/alpha/a.tf` has the name of `modules/_shared/tofu/a.tf`; list it under `[build] replace` if it takes its place"
    );
    let sample = with(&format!("{BOTH}replace = ['*.tf']\n"), &files);
    run(&sample).unwrap();
    assert_eq!(out(&sample, "a.tf"), "own");
    sample.write(
        "modules/alpha/module.toml",
        "[build]\nsources = ['.', '../_shared/tofu']\nreplace = ['a.tf']\n",
    );
    run(&sample).unwrap();
    assert_eq!(out(&sample, "a.tf"), "shared", "the later one takes the place");
    let (error, hint) = fails(&with(&format!("{BOTH}replace = ['a.tf', 'b.tf']\n"), &files));
    assert_eq!(error, "modules/alpha/module.toml:3: nothing is replaced by `b.tf`");
    assert!(hint.contains("later source"), "{hint}");
}

#[test]
fn a_source_is_a_directory_of_the_project() {
    for (source, why) in [
        ("../../..", "leads out of the project"),
        ("/etc", "is absolute"),
        ("../..", "is the project itself"),
        ("..", "holds the module itself"),
        ("../../.dist/alpha/dev", "lies in the rendered output"),
        ("../../.git", "lies in `.git`"),
        ("../_shraed", "there is no directory `modules/_shraed`"),
        ("../link", "leads out of the project"),
        ("../file", "is no directory"),
        ("./sub", "lies in or around the source `modules/alpha`"),
        ("../alpha", "is the source `modules/alpha`"),
    ] {
        let sample = with(
            &format!("[build]\nsources = ['.', '{source}']\n"),
            &[("modules/alpha/sub/x", ""), ("modules/file", "")],
        );
        std::os::unix::fs::symlink("/etc", sample.path("modules/link")).unwrap();
        let (error, _) = fails(&sample);
        assert!(
            error.contains(why)
                && (error.starts_with("modules/alpha/module.toml:2: ") || error.starts_with("`modules/")),
            "{source}: {error}"
        );
    }
    let sample = with("[build]\nsources = []\n", &[]);
    assert!(fails(&sample).0.contains("has no files"));
}

#[test]
fn links_stay_in_the_project_and_what_git_ignores_is_not_read() {
    let sample = with(
        BOTH,
        &[
            ("modules/_shared/tofu/a", "x"),
            ("modules/_shared/tofu/b.tmp", "x"),
            ("modules/alpha/secret", "S"),
        ],
    );
    git2::Repository::init(sample.path("")).unwrap();
    sample.write(".gitignore", "*.tmp\n");
    run(&sample).unwrap();
    assert!(!sample.path(".dist/alpha/dev/b.tmp").exists());
    std::os::unix::fs::symlink("/etc/passwd", sample.path("modules/_shared/tofu/c")).unwrap();
    assert!(fails(&sample).0.starts_with("`modules/_shared/tofu/c` is a link that leads out"));
}

#[test]
fn what_is_saved_goes_where_it_came_from() {
    let sample = with(
        "[build]\nsources = ['../_shared/tofu', '.']\nstrip = ['.j2']\nrename = { 'x.hcl' = 'y.hcl' }\n",
        &[
            ("modules/_shared/tofu/shared.hcl", "one"),
            ("modules/_shared/tofu/stripped.hcl.j2", "one"),
            ("modules/alpha/x.hcl", "one"),
        ],
    );
    run(&sample).unwrap();
    let saved = |files: &[&str]| {
        let files: Vec<String> = files.iter().map(|file| (*file).to_owned()).collect();
        save(&sample.project(), &UNIT.parse().unwrap(), None, &files)
            .map(|saved| saved.into_iter().map(|one| one.source).collect::<Vec<_>>())
            .map_err(|error| error.to_string())
    };
    for file in ["shared.hcl", "stripped.hcl", "y.hcl", "new.hcl"] {
        sample.write(&format!(".dist/alpha/dev/{file}"), "two");
    }
    assert_eq!(
        saved(&["shared.hcl", "stripped.hcl", "y.hcl", "new.hcl"]).unwrap(),
        [
            "modules/_shared/tofu/shared.hcl",
            "modules/_shared/tofu/stripped.hcl.j2",
            "modules/alpha/x.hcl",
            "modules/alpha/new.hcl"
        ]
    );
    assert_eq!(std::fs::read_to_string(sample.path("modules/_shared/tofu/stripped.hcl.j2")).unwrap(), "two");
    assert_eq!(run(&sample).unwrap().written, 0, "what was saved is what the next build makes");
    sample.write(".dist/alpha/dev/z.j2", "z");
    assert!(saved(&["z.j2"]).unwrap_err().contains("another name"));
}
