//! Which file a call saves its plan in, and which saved plan a call applies.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use super::ToolRules;
use super::grammar::Reading;

impl ToolRules {
    /// The file in which a call saves what it would do, relative to where it runs.
    pub fn saves_plan(&self, args: &[OsString]) -> Option<PathBuf> {
        let plans = self.tool.plans.as_ref()?;
        self.read(args, |reading, ways| {
            let saves = ways?.iter().any(|way| way.first() == Some(&plans.save.as_str()));
            let file = reading.value(&plans.option).filter(|_| saves)?;
            Some(place(reading, OsStr::from_bytes(file)))
        })
    }

    /// The files that a call may apply as a saved plan, relative to where it runs: more than one if its
    /// arguments can be read in several ways.
    pub fn applies_plan(&self, args: &[OsString]) -> Vec<PathBuf> {
        let Some(plans) = &self.tool.plans else { return Vec::new() };
        self.read(args, |reading, ways| {
            let ways = ways.unwrap_or_default();
            let files = ways.iter().filter(|way| way.first() == Some(&plans.apply.as_str()));
            let mut files: Vec<PathBuf> =
                files.filter_map(|way| Some(place(reading, OsStr::new(way.get(1)?)))).collect();
            // A name that is no text is no word, and a plan all the same.
            let applies =
                args.first().is_some_and(|first| first == plans.apply.as_str()) || !files.is_empty();
            let odd = args.iter().filter(|arg| applies && arg.to_str().is_none());
            files.extend(odd.map(|arg| place(reading, arg)));
            files.sort();
            files.dedup();
            files
        })
    }
}

/// A file as the tool sees it, which may be told to go elsewhere first.
fn place(reading: &Reading<'_>, file: &OsStr) -> PathBuf {
    super::moves::start(reading).join(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn saved_plans_are_found_however_they_are_written() {
        let rules = ToolRules::of("tofu".as_ref(), None);
        for line in ["plan -out=p", "plan -out p", "plan --out=p", "plan -var x=1 -destroy --out p"] {
            assert_eq!(rules.saves_plan(&words(line)), Some("p".into()), "{line}");
        }
        assert_eq!(rules.saves_plan(&words("-chdir=x plan -out=p")), Some("x/p".into()));
        for line in ["plan", "apply -out=p", "show p"] {
            assert_eq!(rules.saves_plan(&words(line)), None, "{line}");
        }
        for line in ["apply p", "apply -lock-timeout 3s p", "apply -auto-approve p"] {
            assert_eq!(rules.applies_plan(&words(line)), [PathBuf::from("p")], "{line}");
        }
        for line in ["apply", "show p", "plan -out=p", "apply -var x=1"] {
            assert_eq!(rules.applies_plan(&words(line)), [] as [PathBuf; 0], "{line}");
        }
        assert!(ToolRules::of("kubectl".as_ref(), None).applies_plan(&words("apply p")).is_empty());
        use std::os::unix::ffi::OsStringExt as _;
        let odd = OsString::from_vec(b"p\xff".to_vec());
        assert_eq!(rules.applies_plan(&["apply".into(), odd.clone()]), [PathBuf::from(odd.clone())]);
        assert!(rules.applies_plan(&["show".into(), odd]).is_empty());
    }
}
