//! Files into which a secret went: for their owner alone, and never shown.

use std::os::unix::fs::PermissionsExt as _;

use super::*;

fn secrets(files: &[(&str, &str)]) -> Sample {
    let sample = sample(files);
    sample.write("lockstep.toml", "sensitive = [\"tokens\"]\n[params]\ntokens = [\"hunter3\"]\n");
    sample.write(
        "profiles/dev.toml",
        "sensitive = [\"db.password\"]\n[params]\nurl = \"pg://{{ db.password }}@h\"\nalias = \"{{ url | upper }}\"\n\
         [params.db]\nhost = \"h\"\npassword = \"hunter2\"\n",
    );
    sample
}

fn mode(sample: &Sample, path: &str) -> u32 {
    sample.path(".dist/alpha/dev").join(path).metadata().unwrap().permissions().mode() & 0o777
}

#[test]
fn a_file_with_a_secret_is_for_its_owner_alone_however_the_secret_came_in() {
    let sample = secrets(&[
        ("modules/alpha/plain", "{{ db.host }} {{ profile }}"),
        ("modules/alpha/direct", "{{ db.password }}"),
        ("modules/alpha/after", "{{ db.host }}"),
        ("modules/alpha/again", "{{ db.password | length }}"),
        ("modules/alpha/derived", "{{ alias }}"),
        ("modules/alpha/memo", "{{ alias }}"),
        ("modules/alpha/whole", "{{ db | tojson }}"),
        ("modules/alpha/list", "{% for t in tokens %}{{ t }}{% endfor %}"),
        ("modules/alpha/condition", "{% if tokens[0] == 'x' %}y{% endif %}"),
        (
            "modules/alpha/module.toml",
            "[[build.file]]\npath = \"a.json\"\nfrom = \"db\"\n[[build.file]]\npath = \"b.json\"\nvalue = [1]\n\
             [[build.file]]\npath = \"c.json\"\nvalue = \"{{ url }}\"\n",
        ),
    ]);
    let script = sample.path("modules/alpha/again");
    std::fs::set_permissions(script, std::fs::Permissions::from_mode(0o755)).unwrap();
    run(&sample).unwrap();
    for path in ["direct", "derived", "memo", "whole", "list", "condition", "a.json", "c.json"] {
        assert_eq!(mode(&sample, path), 0o600, "{path}");
    }
    assert_eq!(mode(&sample, "again"), 0o700);
    for path in ["plain", "after", "b.json"] {
        assert_ne!(mode(&sample, path) & 0o044, 0, "{path}");
    }
    assert_eq!(run(&sample).unwrap().written, 0);
    sample.write(
        "profiles/dev.toml",
        "[params]\nalias = 1\nurl = 2\n[params.db]\nhost = \"h\"\npassword = \"x\"\n",
    );
    run(&sample).unwrap();
    assert_ne!(mode(&sample, "direct") & 0o044, 0, "what is a secret no longer is no longer hidden");
}

#[test]
fn a_secret_is_in_no_difference_and_no_name() {
    let sample =
        secrets(&[("modules/alpha/a", "{{ db.password }}\n"), ("modules/alpha/b", "{{ db.host }}\n")]);
    let shown = |sample: &Sample| -> String {
        let changes = with_request(sample, false, preview).unwrap();
        changes.iter().map(|change| unified(change, "d", DiffStyle::default())).collect()
    };
    let first = shown(&sample);
    assert!(first.contains("Files /dev/null and b/d/a with sensitive parameters differ\n"), "{first}");
    assert!(first.contains("+h\n") && !first.contains("hunter"), "{first}");
    run(&sample).unwrap();
    sample.write("profiles/dev.toml", "[params]\n[params.db]\nhost = \"h\"\npassword = \"open\"\n");
    let changed = shown(&sample);
    assert!(changed.contains("Files a/d/a and b/d/a with sensitive parameters differ\n"), "{changed}");
    assert!(!changed.contains("hunter"), "the secret that it was is one still");
    let named = secrets(&[("modules/alpha/{{ db.password }}/x", "")]);
    let error = run(&named).unwrap_err().to_string();
    assert!(error.contains("sensitive") && !error.contains("hunter"), "{error}");
    let error = with_request(&secrets(&[("modules/alpha/a", "{{ url }}")]), false, |r| content(r, "a"));
    assert!(matches!(error, Err(RenderError::Sensitive { .. })));
}

#[test]
fn the_manifest_tells_nothing_of_a_secret_and_still_knows_what_was_edited() {
    let sample = secrets(&[("modules/alpha/a", "{{ db.password }}"), ("modules/alpha/b", "{{ db.host }}\n")]);
    run(&sample).unwrap();
    let manifest = || std::fs::read_to_string(sample.path(".dist/.lockstep/alpha/dev.json")).unwrap();
    assert!(!manifest().contains(&manifest::digest(b"hunter2")), "a guess could be proved");
    assert!(manifest().contains("hmac-sha256:") && manifest().contains(&manifest::digest(b"h\n")));
    assert_eq!(run(&sample).unwrap().written, 0, "unchanged files are known");
    sample.write(".dist/alpha/dev/a", "edited");
    assert!(matches!(run(&sample), Err(RenderError::Edited { files, .. }) if files == ["a"]));
    with_request(&sample, true, build).unwrap();
    // It changes, and later goes, without being taken for somebody's edit.
    let rest = "[params]\nurl = 1\nalias = 2\n[params.db]\nhost = \"h\"\n";
    sample
        .write("profiles/dev.toml", format!("sensitive = [\"db.password\"]\n{rest}password = \"hunter4\"\n"));
    assert_eq!(run(&sample).unwrap().written, 1);
    std::fs::remove_file(sample.path("modules/alpha/a")).unwrap();
    assert_eq!(run(&sample).unwrap().removed, 1);
}

#[test]
fn manifests_of_before_are_understood_and_renewed() {
    let sample = secrets(&[("modules/alpha/a", "{{ db.password }}")]);
    run(&sample).unwrap();
    let old = serde_json::json!({"version": 1, "files": {"a": [manifest::digest(b"hunter2")]}}).to_string();
    sample.write(".dist/.lockstep/alpha/dev.json", old);
    run(&sample).unwrap();
    let renewed = std::fs::read_to_string(sample.path(".dist/.lockstep/alpha/dev.json")).unwrap();
    assert!(renewed.contains("hmac-sha256:") && !renewed.contains(&manifest::digest(b"hunter2")));
}

#[test]
fn a_lost_key_loses_no_edit() {
    let sample = secrets(&[("modules/alpha/a", "{{ db.password }}")]);
    run(&sample).unwrap();
    std::fs::remove_file(sample.path(".dist/.lockstep/render.key")).unwrap();
    assert_eq!(run(&sample).unwrap().written, 0, "the content is what it should be");
    std::fs::remove_file(sample.path(".dist/.lockstep/render.key")).unwrap();
    sample.write(".dist/alpha/dev/a", "edited");
    assert!(matches!(run(&sample), Err(RenderError::Edited { .. })));
}

#[test]
fn what_the_manifest_knows_for_secret_is_shown_in_no_difference_whatever_its_mode() {
    let shown = |sample: &Sample| -> String {
        let changes = with_request(sample, false, preview).unwrap();
        changes.iter().map(|change| unified(change, "d", DiffStyle::default())).collect()
    };
    for with_key in [true, false] {
        for gone in [true, false] {
            let sample = secrets(&[("modules/alpha/a", "{{ db.password }}\n")]);
            run(&sample).unwrap();
            let file = sample.path(".dist/alpha/dev/a");
            std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o644)).unwrap();
            if !with_key {
                std::fs::remove_file(sample.path(".dist/.lockstep/render.key")).unwrap();
                let manifest = r#"{"version": 1, "files": {"a": []}}"#;
                sample.write(".dist/.lockstep/alpha/dev.json", manifest);
            }
            if gone {
                std::fs::remove_file(sample.path("modules/alpha/a")).unwrap();
            } else {
                sample.write("modules/alpha/a", "plain\n");
            }
            let text = shown(&sample);
            assert!(text.contains("with sensitive parameters differ") && !text.contains("hunter"), "{text}");
        }
    }
}
