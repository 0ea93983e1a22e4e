//! What a configuration of OpenTofu or Terraform names of the files around it: the sources of local
//! modules, and paths in strings. Nothing is evaluated: a string that begins with `./`, `../` or
//! `${path.module}` is a path as far as it is literal, whatever function or provider reads it.

use std::str::FromStr as _;

use hcl_edit::expr::{Expression, FuncCall, Traversal, TraversalOperator};
use hcl_edit::structure::{Block, Body, Structure};
use hcl_edit::template::{Element, StringTemplate, Template};
use hcl_edit::visit::{Visit, visit_block, visit_expr, visit_func_call, visit_structure};
use serde_json::Value;

/// The functions that read what their first argument names, and those that only complete a path.
const READERS: [&str; 13] = [
    "file",
    "fileexists",
    "fileset",
    "filebase64",
    "filebase64sha256",
    "filebase64sha512",
    "filemd5",
    "filesha1",
    "filesha256",
    "filesha512",
    "templatefile",
    "abspath",
    "pathexpand",
];

/// Larger or deeper files are not parsed: the parser recurses.
const MOST_BYTES: usize = 4 << 20;
const DEEPEST: usize = 64;

/// What a relative path begins at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Base {
    /// The directory of the module that names it.
    Module,
    /// The directory that the tool runs in.
    Unit,
}

/// What one file names.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct References {
    /// The sources of local modules, relative to the module that names them.
    pub(super) modules: Vec<String>,
    /// Files, or directories of which everything may be read.
    pub(super) paths: Vec<(Base, String)>,
    /// What may name more, and cannot be known without a run.
    pub(super) unknown: Option<String>,
}

/// Whether the tool reads a file of this name as configuration.
pub(super) fn is_configuration(name: &str) -> bool {
    let name = name.strip_suffix(".json").unwrap_or(name);
    !name.starts_with('.') && (name.ends_with(".tf") || name.ends_with(".tofu"))
}

/// What a configuration file names.
pub(super) fn references(name: &str, bytes: &[u8]) -> References {
    let mut found = References::default();
    let text = std::str::from_utf8(bytes);
    if text.is_ok_and(|text| !["./", "path.", "file", "module"].iter().any(|hint| text.contains(hint))) {
        return found;
    }
    let text = text.ok().filter(|text| text.len() <= MOST_BYTES && is_shallow(text));
    let is_read = text.is_some_and(|text| match name.ends_with(".json") {
        true => serde_json::from_str::<Value>(text).is_ok_and(|value| found.json(&value)),
        false => Body::from_str(text).is_ok_and(|body| {
            found.visit_body(&body);
            true
        }),
    });
    if !is_read {
        found.unknown = Some("it cannot be parsed".to_owned());
    }
    found
}

/// Whether a text nests so little that a parser that recurses can read it.
fn is_shallow(text: &str) -> bool {
    let (mut depth, mut repeated) = (0_usize, 0_usize);
    text.bytes().all(|byte| {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b'!' | b'-' | b'?' => repeated += 1,
            // A chain of operators ends with its line, mostly; what does not counts as deep.
            b'\n' => repeated = 0,
            _ => {}
        }
        depth <= DEEPEST && repeated <= 4 * DEEPEST
    })
}

fn is_local(path: &str) -> bool {
    path.starts_with("./") || path.starts_with("../") || path == "." || path == ".."
}

/// `path.module` and the like.
fn base_of(expression: &Expression) -> Option<Base> {
    let Expression::Traversal(traversal) = expression else { return None };
    let Traversal { expr: Expression::Variable(root), operators, .. } = traversal.as_ref() else {
        return None;
    };
    match (root.as_str(), operators.as_slice()) {
        ("path", [only]) => match only.value() {
            TraversalOperator::GetAttr(name) => match name.as_str() {
                "module" => Some(Base::Module),
                "root" | "cwd" => Some(Base::Unit),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

impl References {
    fn cannot_know(&mut self, what: &str) {
        self.unknown.get_or_insert_with(|| what.to_owned());
    }

    /// A string without expressions.
    fn text(&mut self, text: &str) {
        if is_local(text) {
            self.paths.push((Base::Unit, text.to_owned()));
        }
    }

    /// A string with expressions: the path that it names, up to the first part that only a run knows.
    fn template(&mut self, template: &Template) {
        let mut elements = template.iter().peekable();
        let base = match elements.peek() {
            Some(Element::Interpolation(first)) => base_of(&first.expr),
            Some(Element::Literal(text)) if is_local(text.as_str()) => Some(Base::Unit),
            _ => None,
        };
        if matches!((base, elements.peek()), (Some(_), Some(Element::Interpolation(_)))) {
            elements.next();
        }
        if let Some(base) = base {
            let mut path = ".".to_owned();
            if let Some(Element::Literal(_)) = template.iter().next() {
                path.clear();
            }
            while let Some(Element::Literal(text)) = elements.peek() {
                path.push_str(text.as_str());
                elements.next();
            }
            if elements.peek().is_some() {
                path.truncate(path.rfind('/').unwrap_or(0));
            }
            self.paths.push((base, path));
        }
        for element in elements {
            self.visit_element(element);
        }
    }

    /// Where a module comes from.
    fn source(&mut self, source: &Expression) {
        let before = self.paths.len();
        match source {
            Expression::String(text) if is_local(text.as_str()) => {
                self.modules.push(text.as_str().to_owned())
            }
            Expression::String(_) => {}
            Expression::StringTemplate(template) if matches!(template.iter().next(), Some(Element::Literal(text)) if !is_local(text.as_str())) =>
                {}
            other => {
                self.visit_expr(other);
                self.paths.truncate(before);
                self.cannot_know("the `source` of a module is computed");
            }
        }
    }

    fn json(&mut self, value: &Value) -> bool {
        let Value::Object(blocks) = value else { return false };
        for (name, value) in blocks {
            match name.as_str() {
                "module" => self.json_modules(value),
                _ => self.json_strings(value),
            }
        }
        true
    }

    fn json_modules(&mut self, value: &Value) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.json_modules(item)),
            Value::Object(labels) => labels.values().for_each(|module| self.json_module(module)),
            _ => {}
        }
    }

    fn json_module(&mut self, module: &Value) {
        match module {
            Value::Array(items) => items.iter().for_each(|item| self.json_module(item)),
            Value::Object(entries) => entries.iter().for_each(|(key, value)| match (key.as_str(), value) {
                ("source", Value::String(source)) if source.contains("${") => {
                    self.cannot_know("the `source` of a module is computed");
                }
                ("source", Value::String(source)) if is_local(source) => self.modules.push(source.clone()),
                ("source", _) => {}
                _ => self.json_strings(value),
            }),
            _ => {}
        }
    }

    fn json_strings(&mut self, value: &Value) {
        match value {
            Value::String(text) if text.contains("${") || text.contains("%{") => {
                match Template::from_str(text) {
                    Ok(template) => self.template(&template),
                    Err(_) => self.cannot_know("an expression in it cannot be parsed"),
                }
            }
            Value::String(text) => self.text(text),
            Value::Array(items) => items.iter().for_each(|item| self.json_strings(item)),
            Value::Object(entries) => entries.values().for_each(|value| self.json_strings(value)),
            _ => {}
        }
    }
}

impl Visit for References {
    fn visit_block(&mut self, block: &Block) {
        if block.ident.as_str() != "module" {
            return visit_block(self, block);
        }
        for structure in block.body.iter() {
            match structure {
                Structure::Attribute(attribute) if attribute.key.as_str() == "source" => {
                    self.source(&attribute.value);
                }
                other => visit_structure(self, other),
            }
        }
    }

    fn visit_expr(&mut self, expression: &Expression) {
        match expression {
            Expression::String(text) => self.text(text.as_str()),
            Expression::Traversal(_) if base_of(expression).is_some() => {
                self.paths.extend(base_of(expression).map(|base| (base, ".".to_owned())));
            }
            other => visit_expr(self, other),
        }
    }

    fn visit_string_template(&mut self, template: &StringTemplate) {
        self.template(template);
    }

    fn visit_func_call(&mut self, call: &FuncCall) {
        let before = self.paths.len();
        visit_func_call(self, call);
        let name = call.name.name.as_str();
        let Some(first) = call.args.iter().next().filter(|_| READERS.contains(&name)) else { return };
        let is_known = match first {
            Expression::String(_) => true,
            // One that begins literally and is not taken as a path lies beside the configuration.
            Expression::StringTemplate(template) => {
                self.paths.len() > before || matches!(template.iter().next(), Some(Element::Literal(_)))
            }
            // It is one of these itself, and was judged by its own argument.
            Expression::FuncCall(inner) => READERS.contains(&inner.name.name.as_str()),
            other => base_of(other).is_some(),
        };
        if !is_known {
            self.cannot_know(&format!("the argument of `{name}` is computed"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_and_literal_paths_are_named() {
        let found = references(
            "main.tf",
            br#"
module "vpc" { source = "../../../tofu/vpc" }
module "far" { source = "git::https://example.org/${var.x}.git" }
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}
locals {
  a = templatefile("${path.module}/a.tpl", { x = var.x })
  b = jsondecode(file("${path.module}/env/${var.env}.json"))
  c = fileset(path.module, "*.json")
  d = file("beside.txt")
  e = file("beside/${var.env}")
  f = "../../../shared/${var.x}/y"
  g = file(pathexpand("~/.ssh/id.pub"))
}
"#,
        );
        assert_eq!(found.modules, ["../../../tofu/vpc"]);
        let paths: Vec<_> = found.paths.iter().map(|(base, path)| (*base, path.as_str())).collect();
        assert_eq!(
            paths,
            [
                (Base::Module, "./a.tpl"),
                (Base::Module, "./env"),
                (Base::Module, "."),
                (Base::Unit, "../../../shared"),
            ]
        );
        assert_eq!(found.unknown, None);
    }

    #[test]
    fn what_only_a_run_knows_is_said() {
        for (text, why) in [
            ("locals { a = file(var.x) }", "the argument of `file` is computed"),
            (
                "locals { a = file(join(\"/\", [path.module, \"../x\"])) }",
                "the argument of `file` is computed",
            ),
            ("module \"a\" { source = \"../${var.x}\" }", "the `source` of a module is computed"),
            ("module \"a\" { source = var.x }", "the `source` of a module is computed"),
            ("module {{", "it cannot be parsed"),
        ] {
            assert_eq!(references("a.tf", text.as_bytes()).unknown.as_deref(), Some(why), "{text}");
        }
        let deep = format!("locals {{ a = \"./\"\n b = {}1{} }}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(references("a.tf", deep.as_bytes()).unknown.is_some());
    }

    #[test]
    fn json_is_read_as_well() {
        let found = references(
            "a.tf.json",
            br#"{"module": {"v": [{"source": "../v", "x": "${file(\"${path.module}/../y\")}"}]}}"#,
        );
        assert_eq!(found.modules, ["../v"]);
        assert_eq!(found.paths, [(Base::Module, "./../y".to_owned())]);
    }
}
