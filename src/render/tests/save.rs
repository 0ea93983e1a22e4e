//! What comes back from the rendered directory into the module, and what never does.

use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::*;

fn saved(sample: &Sample, files: &[&str]) -> Result<Vec<bool>, String> {
    let files: Vec<String> = files.iter().map(|file| (*file).to_owned()).collect();
    match save(&sample.project(), &UNIT.parse().unwrap(), None, &files) {
        Ok(saved) => Ok(saved.into_iter().map(|one| one.written).collect()),
        Err(error) => Err(error.to_string()),
    }
}

#[test]
fn what_a_tool_wrote_comes_back_and_can_be_renewed() {
    let sample = sample(&[("modules/alpha/main.tf", "{{ profile }}")]);
    run(&sample).unwrap();
    sample.write(".dist/alpha/dev/.terraform.lock.hcl", "one\n");
    sample.write(".dist/alpha/dev/sub/x", "x");
    assert_eq!(saved(&sample, &[SAVED_BY_DEFAULT, "sub/x"]), Ok(vec![true, true]));
    let source = sample.path("modules/alpha/.terraform.lock.hcl");
    assert_eq!(std::fs::read_to_string(&source).unwrap(), "one\n");
    assert_eq!(std::fs::read_to_string(sample.path("modules/alpha/sub/x")).unwrap(), "x");
    assert_eq!(run(&sample).unwrap().written, 0);
    assert_eq!(saved(&sample, &[SAVED_BY_DEFAULT]), Ok(vec![false]));
    // From now on it is copied by each build; the tool renews it in place.
    std::fs::set_permissions(&source, std::fs::Permissions::from_mode(0o640)).unwrap();
    run(&sample).unwrap();
    sample.write(".dist/alpha/dev/.terraform.lock.hcl", "two\n");
    assert!(matches!(run(&sample), Err(RenderError::Edited { .. })));
    assert_eq!(saved(&sample, &[SAVED_BY_DEFAULT]), Ok(vec![true]));
    assert_eq!(source.metadata().unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(run(&sample).unwrap().written, 0);
}

#[test]
fn what_is_generated_or_reached_by_a_link_stays() {
    let sample = sample(&[
        ("modules/alpha/main.tf", "{{ profile }}"),
        ("modules/alpha/copied", "one"),
        (
            "modules/alpha/module.toml",
            "[build]\nraw = [\"raw\"]\n[[build.file]]\npath = \"a.json\"\nvalue = 1\n",
        ),
        ("outside", "S"),
    ]);
    assert!(saved(&sample, &["x"]).unwrap_err().contains("nothing was rendered"));
    run(&sample).unwrap();
    let dist = sample.path(".dist/alpha/dev");
    symlink(sample.path("outside"), dist.join("link")).unwrap();
    symlink(sample.path(""), dist.join("up")).unwrap();
    sample.write(".dist/alpha/dev/main.tf", "edited");
    sample.write(".dist/alpha/dev/a.json", "2");
    sample.write(".dist/alpha/dev/template", "{{ x }}");
    sample.write(".dist/alpha/dev/raw", "{{ x }}");
    sample.write(".dist/alpha/dev/module.toml", "");
    sample.write(".dist/alpha/dev/fine", "fine");
    for (file, why) in [
        ("main.tf", "generated"),
        ("a.json", "generated"),
        ("link", "links are not followed"),
        ("up/outside", "links are not followed"),
        ("../dev/fine", "not a path below"),
        ("/etc/passwd", "not a path below"),
        ("missing", "no such file"),
        ("template", "`[build] raw`"),
        ("module.toml", "lockstep's own"),
    ] {
        let error = saved(&sample, &["fine", file]).unwrap_err();
        assert!(error.contains(why), "{file}: {error}");
        assert!(!sample.path("modules/alpha/fine").exists(), "all are checked before one is written");
    }
    sample.write(".dist/alpha/dev/copied", "two");
    sample.write("modules/alpha/copied", "three");
    assert!(saved(&sample, &["copied"]).unwrap_err().contains("has changed since the last build"));
    assert_eq!(saved(&sample, &["raw", "fine"]), Ok(vec![true, true]));
    sample.write(".dist/alpha/dev/b", "b");
    symlink(sample.path("outside"), sample.path("modules/alpha/b")).unwrap();
    assert!(saved(&sample, &["b"]).unwrap_err().contains("something else has this name"));
    assert_eq!(std::fs::read_to_string(sample.path("outside")).unwrap(), "S");
}

#[test]
fn a_name_that_would_be_taken_for_a_template_is_refused() {
    let sample = sample(&[("modules/alpha/module.toml", "[build]\nraw = [\"raw-*\"]\n")]);
    run(&sample).unwrap();
    let names = ["{{ module }}.x", "sub/{% x %}", "raw-{{ x }}"];
    for name in names {
        sample.write(&format!(".dist/alpha/dev/{name}"), "x");
    }
    for name in &names[..2] {
        let error = saved(&sample, &[name]).unwrap_err();
        assert!(error.contains("its name for a template") && error.contains("`[build] raw`"), "{error}");
    }
    assert_eq!(saved(&sample, &names[2..]), Ok(vec![true]));
}
