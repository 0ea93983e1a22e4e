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
