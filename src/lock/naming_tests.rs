//! Which keys a unit has, in every scope, with and without a former place.

use proptest::prelude::*;

use super::*;
use crate::project::{FormerConfig, FormerGitConfig};

fn unit(text: &str) -> UnitId {
    text.parse().unwrap()
}

fn texts(keys: &KeySet) -> Vec<&str> {
    keys.iter().map(LockKey::as_str).collect()
}

fn config(scope: Scope, project: Option<&str>) -> LockConfig {
    LockConfig { scope, project: project.map(|name| Name::new(name).unwrap()), ..LockConfig::default() }
}

#[test]
fn each_scope_has_a_lock_of_its_own_and_watches_the_rest() {
    for (scope, take) in
        [(Scope::Unit, "alpha/prod"), (Scope::Profile, "@all/prod"), (Scope::Module, "alpha/@all")]
    {
        let keys = Naming::of(&config(scope, None)).unit(&unit("alpha/prod"), []);
        assert_eq!(texts(&keys.take), [take]);
        let mut watch = vec!["@all/@all", "@all/prod", "alpha/@all", "alpha/prod"];
        watch.retain(|key| *key != take);
        assert_eq!((texts(&keys.watch), keys.carry.is_empty()), (watch, true));
    }
}

#[test]
fn further_keys_are_taken_along_and_belong_to_the_project() {
    let further = ["shared-vpc", "net/prod"].map(|key| FurtherKey::new(key.into()).unwrap());
    let keys = Naming::of(&config(Scope::Unit, Some("infra"))).unit(&unit("alpha/prod"), &further);
    assert_eq!(texts(&keys.take), ["infra:alpha/prod", "infra:net/prod", "infra:shared-vpc"]);
    assert!(keys.watch.iter().all(|key| key.project() == Some("infra")));
}

#[test]
fn a_freeze_of_another_unit_that_is_taken_along_holds_whatever_its_extent() {
    let further = ["vpc", "net/prod"].map(|key| FurtherKey::new(key.into()).unwrap());
    let keys = Naming::default().unit(&unit("alpha/dev"), &further);
    assert_eq!(texts(&keys.take), ["alpha/dev", "net/prod", "vpc"]);
    assert_eq!(texts(&keys.watch), ["@all/@all", "@all/dev", "@all/prod", "alpha/@all", "net/@all"]);
}

#[test]
fn while_locks_move_both_are_taken_and_the_new_goes_on_from_the_former() {
    let former =
        |former: FormerConfig| LockConfig { former: Some(former), ..config(Scope::Profile, Some("infra")) };
    let vpc = [FurtherKey::new("vpc".into()).unwrap()];
    let of = |config: &LockConfig| Naming::of(config).unit(&unit("alpha/prod"), &vpc);
    // Only the names differ: all is in one place.
    let keys = of(&former(FormerConfig::default()));
    assert_eq!(texts(&keys.take), ["alpha/prod", "infra:@all/prod", "infra:vpc", "vpc"]);
    let carry: Vec<_> = keys.carry.iter().map(|(now, was)| (now.as_str(), was.as_str())).collect();
    assert_eq!(carry, [("infra:@all/prod", "alpha/prod"), ("infra:vpc", "vpc")]);
    assert_eq!(keys.watch.iter().count(), 6);
    // Another prefix as well.
    let git = FormerGitConfig { prefix: "refs/old/locks".into(), remote: None };
    let keys = of(&former(FormerConfig { git, ..FormerConfig::default() }));
    assert_eq!(texts(&keys.take), ["@former:alpha/prod", "@former:vpc", "infra:@all/prod", "infra:vpc"]);
    // A key that both have is one key.
    let moved = LockConfig { project: None, ..former(FormerConfig::default()) };
    assert_eq!(texts(&of(&moved).take), ["@all/prod", "alpha/prod", "vpc"]);
    // Nothing has moved.
    let same = LockConfig { former: Some(FormerConfig::default()), ..LockConfig::default() };
    assert_eq!(Naming::of(&same), Naming::default());
}

#[test]
fn a_freeze_of_a_unit_alone_needs_no_fence_only_where_units_are_locked() {
    let extent = |text: &str| text.parse::<Extent>().unwrap();
    let unit_scope = Naming::default();
    assert!(unit_scope.frozen_is_taken(&extent("alpha/prod")));
    for many in ["prod", "alpha/@all", "@all/@all"] {
        assert!(!unit_scope.frozen_is_taken(&extent(many)));
    }
    assert!(!Naming::of(&config(Scope::Profile, None)).frozen_is_taken(&extent("alpha/prod")));
    let both = LockConfig { former: Some(FormerConfig::default()), ..config(Scope::Module, None) };
    assert!(!Naming::of(&both).frozen_is_taken(&extent("alpha/prod")));
    assert_eq!(texts(&Naming::of(&both).frozen(&extent("prod"))), ["@all/prod"]);
}

#[test]
fn a_key_is_the_users_own_unless_it_says_otherwise() {
    let named = Naming::of(&config(Scope::Unit, Some("infra")));
    for (text, key) in [
        ("alpha/prod", "infra:alpha/prod"),
        ("web:alpha/prod", "web:alpha/prod"),
        (":alpha/prod", "alpha/prod"),
    ] {
        assert_eq!(named.key(text).unwrap().as_str(), key);
    }
    assert_eq!(Naming::default().key("alpha/prod").unwrap().as_str(), "alpha/prod");
    assert!(named.key("@former:alpha/prod").is_err(), "there is no former place");
    let git = FormerGitConfig { prefix: "refs/old/locks".into(), remote: None };
    let former = Some(FormerConfig { git, ..FormerConfig::default() });
    let moved = Naming::of(&LockConfig { former, ..LockConfig::default() });
    assert!(moved.key("@former:alpha/prod").unwrap().is_former());
    assert_eq!((named.short("infra:vpc"), named.short("web:vpc")), ("vpc", "web:vpc"));
    let own = |text: &str| named.owns(&LockKey::new(text).unwrap());
    assert!(own("infra:vpc") && !own("vpc") && !own("web:vpc") && !own("@former:infra:vpc"));
}

#[test]
fn extents_print_as_they_are_read() {
    for text in ["prod", "alpha/prod", "alpha/@all"] {
        assert_eq!(text.parse::<Extent>().unwrap().to_string(), text);
    }
    assert_eq!("@all/prod".parse::<Extent>().unwrap().to_string(), "prod");
    assert_eq!("@all/@all".parse::<Extent>().unwrap().to_string(), "--all");
    for bad in ["", "a/b/c", "*/prod", "@all", "../x", "a/", "-x"] {
        assert!(bad.parse::<Extent>().is_err(), "{bad}");
    }
}

proptest! {
    /// Two runs exclude each other exactly where their scope says so, and every freeze that covers a
    /// unit is among what its runs look at.
    #[test]
    fn scopes_exclude_what_they_say(
        a in "[ab]/[pq]", b in "[ab]/[pq]", scope in prop_oneof![
            Just(Scope::Unit), Just(Scope::Profile), Just(Scope::Module)
        ],
        extent in "([ab]|@all)/([pq]|@all)",
    ) {
        let naming = Naming::of(&config(scope, None));
        let (x, y) = (unit(&a), unit(&b));
        let (kx, ky) = (naming.unit(&x, []), naming.unit(&y, []));
        let same = match scope {
            Scope::Unit => x == y,
            Scope::Profile => x.profile == y.profile,
            Scope::Module => x.module == y.module,
        };
        prop_assert_eq!(kx.take.iter().any(|key| ky.take.contains(key)), same);
        let extent: Extent = extent.parse().unwrap();
        let covers = extent.module.as_ref().is_none_or(|m| *m == x.module)
            && extent.profile.as_ref().is_none_or(|p| *p == x.profile);
        let frozen = naming.frozen(&extent);
        let looked_at = kx.take.and(&kx.watch);
        prop_assert_eq!(frozen.iter().all(|key| looked_at.contains(key)), covers);
        // What is frozen overlaps what the runs take: such a lock is moved by the freeze.
        prop_assert_eq!(frozen.iter().any(|f| kx.take.iter().any(|t| f.overlaps(t))), match scope {
            Scope::Unit => covers,
            Scope::Profile => extent.profile.as_ref().is_none_or(|p| *p == x.profile),
            Scope::Module => extent.module.as_ref().is_none_or(|m| *m == x.module),
        });
    }
}

#[test]
fn the_keys_of_two_units_are_taken_together_and_none_of_them_is_only_watched() {
    let naming = Naming::default();
    let shared: FurtherKey = "alpha/prod".to_owned().try_into().unwrap();
    let alpha = naming.unit(&"alpha/prod".parse().unwrap(), []);
    let beta = naming.unit(&"beta/prod".parse().unwrap(), [&shared]);
    for both in [alpha.and(&beta), beta.and(&alpha), UnitKeys::default().and(&beta).and(&alpha)] {
        let take: Vec<&str> = both.take.iter().map(LockKey::as_str).collect();
        assert_eq!(take, ["alpha/prod", "beta/prod"]);
        assert!(both.watch.iter().all(|key| !both.take.contains(key)));
        assert!(both.watch.contains(&LockKey::new("@all/prod").unwrap()));
    }
    assert_eq!(alpha.and(&alpha), alpha);
}
