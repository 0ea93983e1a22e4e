//! How a command behaves beside others: whether it may ask its user something, whether it takes things
//! down, whether it writes where the commands of other units write too.
//!
//! Where that is not certain from the arguments a command counts as one that asks: it then gets the
//! terminal, at the price of running alone.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;

use super::known::Known;
use super::{ToolRules, words};

/// Whether a command may ask its user something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Asks {
    /// It does not, or does without an answer where there is nobody to ask.
    No,
    /// It is known to.
    Yes,
    /// Nothing is known of it.
    Unknown,
}

impl ToolRules {
    /// Whether a call may ask its user something: for approval, a password, a value.
    ///
    /// ```
    /// use lockstep::process::tools::{Asks, rules_for};
    /// let rules = rules_for("tofu".as_ref(), None, None);
    /// assert_eq!(rules.asks(&["apply".into()]), Asks::Yes);
    /// assert_eq!(rules.asks(&["apply".into(), "-auto-approve".into()]), Asks::No);
    /// assert_eq!(rules_for("deploy.sh".as_ref(), None, None).asks(&[]), Asks::Unknown);
    /// ```
    pub fn asks(&self, args: &[OsString]) -> Asks {
        let known = self.known;
        if known.asks_with.iter().any(|option| words::has_option(args, option))
            || has_letter(args, known.asks_with_letters)
        {
            return Asks::Yes;
        }
        if self.only_reads(args) || known.asks_not.iter().any(|option| words::has_option(args, option)) {
            return Asks::No;
        }
        if known.names.is_empty() {
            return Asks::Unknown;
        }
        if known.asks.contains(&"*") {
            return Asks::Yes;
        }
        if known.reads.is_empty() && known.changes.is_empty() || known.options_anywhere {
            // A tool without subcommands, of which all that asks is known.
            return Asks::No;
        }
        match self.longest(args) {
            Some(_) if known.asks.iter().any(|entry| self.begins_with(args, entry)) => Asks::Yes,
            Some(_) => Asks::No,
            None => Asks::Unknown,
        }
    }

    /// Whether a call takes things down: what needs others is then to go before them.
    pub fn takes_down(&self, args: &[OsString]) -> bool {
        let Known { takes_down, takes_down_with, .. } = self.known;
        takes_down.iter().any(|entry| self.begins_with(args, entry))
            || takes_down_with.iter().any(|option| words::has_option(args, option))
    }

    /// Whether a call writes into the tool's cache of plugins, where one is set up: that breaks if two
    /// do it at the same time.
    pub fn fills_plugin_cache(&self, args: &[OsString]) -> bool {
        self.known.fills_cache.iter().any(|entry| self.begins_with(args, entry))
    }

    fn begins_with(&self, args: &[OsString], entry: &str) -> bool {
        words::begins_with(self.after_options(args), entry)
    }
}

/// Whether one of the letters stands in a group of short options. The letters of a value that is
/// written right behind its option count as well: that errs on the side of asking.
fn has_letter(args: &[OsString], letters: &str) -> bool {
    let group = |arg: &OsString| {
        let bytes = arg.as_bytes();
        bytes.first() == Some(&b'-')
            && bytes.get(1) != Some(&b'-')
            && bytes.iter().skip(1).any(|byte| letters.as_bytes().contains(byte))
    };
    !letters.is_empty() && args.iter().take_while(|arg| *arg != "--").any(group)
}

#[cfg(test)]
mod tests {
    use super::super::rules_for;
    use super::*;

    fn of<T>(line: &str, ask: impl Fn(&ToolRules, &[OsString]) -> T) -> T {
        let mut words = line.split(' ').map(OsString::from);
        let program = words.next().unwrap();
        ask(&rules_for(&program, None, None), &words.collect::<Vec<_>>())
    }

    #[test]
    fn who_asks() {
        for (line, asks) in [
            ("tofu apply", Asks::Yes),
            ("tofu apply plan.out", Asks::Yes),
            ("tofu apply -input=false plan.out", Asks::No),
            ("terraform apply -auto-approve", Asks::No),
            ("terraform apply -auto-approve=false", Asks::Yes),
            ("tofu -chdir=x destroy", Asks::Yes),
            ("tofu plan", Asks::No),
            ("tofu init", Asks::No),
            ("tofu state rm x", Asks::No),
            ("tofu frobnicate", Asks::Unknown),
            ("terragrunt apply", Asks::Yes),
            ("terragrunt run-all apply --non-interactive", Asks::No),
            ("kubectl apply -f x", Asks::No),
            ("kubectl -n web edit deploy", Asks::Yes),
            ("kubectl delete pod --interactive", Asks::Yes),
            ("kubectl get pods", Asks::No),
            ("helm upgrade a b", Asks::No),
            ("helm registry login", Asks::Yes),
            ("ansible-playbook site.yml", Asks::No),
            ("ansible-playbook -bK site.yml", Asks::Yes),
            ("ansible-playbook site.yml --ask-vault-pass", Asks::Yes),
            ("ansible all -m ping", Asks::No),
            ("ansible-galaxy install x", Asks::No),
            ("pulumi up", Asks::Yes),
            ("pulumi up --yes", Asks::No),
            ("pulumi preview", Asks::No),
            ("kustomize build", Asks::No),
            ("deploy.sh now", Asks::Unknown),
        ] {
            assert_eq!(of(line, ToolRules::asks), asks, "{line}");
        }
    }

    #[test]
    fn what_is_configured_to_read_does_not_ask() {
        let reads = ["status".to_owned()];
        let rules = rules_for("deploy.sh".as_ref(), Some(&reads), None);
        assert_eq!(rules.asks(&["status".into()]), Asks::No);
        assert_eq!(rules.asks(&["now".into()]), Asks::Unknown);
    }

    #[test]
    fn what_takes_down() {
        for line in [
            "tofu destroy",
            "terraform apply -destroy -auto-approve",
            "tofu plan -destroy",
            "kubectl -n web delete -f x",
            "helm uninstall web",
            "helm delete web",
            "pulumi destroy --yes",
            "terragrunt run-all destroy",
        ] {
            assert!(of(line, ToolRules::takes_down), "{line}");
        }
        for line in ["tofu apply", "tofu apply -destroy=false", "kubectl apply -f delete", "destroy", "tofu"]
        {
            assert!(!of(line, ToolRules::takes_down), "{line}");
        }
    }

    #[test]
    fn what_fills_the_cache_of_plugins() {
        assert!(of("tofu -chdir=x init -upgrade", ToolRules::fills_plugin_cache));
        assert!(!of("tofu plan", ToolRules::fills_plugin_cache));
        assert!(!of("helm init", ToolRules::fills_plugin_cache));
    }
}
