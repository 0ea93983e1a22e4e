//! What git-check's refusals say, and that their cures can be pasted.

use super::*;

#[test]
fn ten_names_then_a_count() {
    let names: Vec<Vec<u8>> = (0..12).map(|n| format!("f{n}\n").into_bytes()).collect();
    let refusal = CheckRefusal::Untracked { files: FileList::new(&names), rendered: None };
    let text = refusal.to_string();
    assert!(text.starts_with("12 files not tracked by git:\n    f0\\n\n    f1\\n\n"), "{text}");
    assert!(text.ends_with("\n    f9\\n\n    and 2 more"), "{text}");
    let one = CheckRefusal::Staged { files: FileList::new(&names[..1]) };
    assert_eq!(one.to_string(), "1 file staged and not committed:\n    f0\\n");
}

#[test]
fn cures_can_be_pasted() {
    let branch = "x;rm -rf $HOME'".to_owned();
    let cure = CheckRefusal::NoUpstream { branch, remote: "origin".into() }.cure();
    assert_eq!(cure, r"git push -u origin 'x;rm -rf $HOME'\'''");
    let cure = CheckRefusal::NoUpstream { branch: "-f".into(), remote: "origin".into() }.cure();
    assert_eq!(cure, "git push -u -- origin -f");
    let cure = CheckRefusal::Unfinished { operation: "rebase", conflicts: FileList::new(&[]) }.cure();
    assert_eq!(cure, "git rebase --continue (or git rebase --abort)");
}
