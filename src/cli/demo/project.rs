//! The project that the demo works on: one module, one profile, as small as it can be.

use super::Tool;

/// Files of the project, with whether they are executable.
pub(super) fn files(tool: &Tool) -> Vec<(&'static str, String, bool)> {
    let mut files = vec![
        ("lockstep.toml", "requires = \">=0.1\"\n".to_owned(), false),
        (".gitignore", "/.dist/\n".to_owned(), false),
        ("profiles/prod.toml", profile("hello", true), false),
    ];
    match tool {
        Tool::Tofu(_) => files.push(("modules/alpha/main.tf", MAIN_TF.to_owned(), false)),
        Tool::Plain => files.push(("modules/alpha/apply", APPLY.to_owned(), true)),
    }
    files
}

/// `profiles/prod.toml`
pub(super) fn profile(greeting: &str, healthy: bool) -> String {
    format!("[params]\ngreeting = \"{greeting}\"\nhealthy = {healthy}\n")
}

/// State lies beside the clones, as a remote backend would: nothing of value is in `.dist`.
const MAIN_TF: &str = r#"terraform {
  backend "local" {
    path = "{{ root }}/../state/{{ module }}-{{ profile }}.tfstate"
  }
}

resource "terraform_data" "greeting" {
  input            = {{ greeting | tohcl }}
  triggers_replace = {{ greeting | tohcl }}

  provisioner "local-exec" {
    command = "test {{ healthy }} = true"
  }
}
"#;

const APPLY: &str = r#"#!/bin/sh
set -eu
mkdir -p {{ root }}/../state
echo "setting the greeting to '{{ greeting }}'"
test {{ healthy }} = true || { echo "the greeting is broken" >&2; exit 1; }
echo '{{ greeting }}' > {{ root }}/../state/greeting
"#;
