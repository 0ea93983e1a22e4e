//! What is wrong with AWS's own configuration, found before anybody is asked: the SDK passes over a profile
//! that does not exist, and reads no region from a file that it cannot parse.
//!
//! Only what will be used is held against the user. Who has keys in the environment needs no profile, and
//! in CI a token or the container may stand for the one that lockstep.toml names.

use aws_config::profile::{Profile, ProfileSet};

use super::credentials::profile_files;
use super::settings::Settings;
use super::trouble;
use crate::lock::DynamoError;
use crate::lock::record::escape;

/// Refuses half a pair of keys, files that cannot be read, and profiles that lead nowhere.
///
/// # Errors
/// What is wrong.
pub(super) async fn check(settings: &Settings) -> Result<(), DynamoError> {
    if let Some((there, missing)) = settings.half_keys {
        return Err(DynamoError::HalfKeys { there, missing });
    }
    let wants_region = settings.region.is_none();
    if settings.keys.is_some() && !wants_region {
        return Ok(());
    }
    let profiles = match profile_files(settings) {
        None => None,
        // The files alone are named; nothing of the environment is read.
        Some(files) => {
            let read =
                aws_config::profile::load(&Default::default(), &Default::default(), &files, None).await;
            Some(read.map_err(|error| DynamoError::BadFile { message: trouble::chain(&error) })?)
        }
    };
    let Some(name) = settings.profile.as_deref().filter(|name| *name != "default") else {
        return profiles.map_or(Ok(()), |profiles| check_sources(&profiles, "default", settings));
    };
    if profiles.as_ref().is_none_or(|profiles| profiles.get_profile(name).is_none()) {
        let elsewhere = settings.keys.is_some() || settings.web_identity.is_some() || settings.container;
        if wants_region || !elsewhere {
            return Err(DynamoError::NoProfile { profile: escape(name), from: settings.profile_from });
        }
    }
    profiles.map_or(Ok(()), |profiles| check_sources(&profiles, name, settings))
}

/// Follows the profiles from which a role is assumed.
fn check_sources(profiles: &ProfileSet, name: &str, settings: &Settings) -> Result<(), DynamoError> {
    if settings.keys.is_some() {
        return Ok(());
    }
    let bad = |why| Err(DynamoError::BadSource { profile: escape(name), why });
    let mut way = vec![name];
    let mut next = profiles.get_profile(name);
    while let Some(source) = next.and_then(source_of) {
        let Some(profile) = profiles.get_profile(source) else {
            let last = escape(way.last().copied().unwrap_or(name));
            return bad(format!(
                "`source_profile` of `{last}` names `{}`, which does not exist",
                escape(source)
            ));
        };
        let own = way.last() == Some(&source);
        // A profile may assume a role with keys of its own.
        if own && profile.get("aws_access_key_id").is_some() {
            return Ok(());
        }
        let again = way.contains(&source);
        way.push(source);
        if again {
            let way = way.into_iter().map(escape).collect::<Vec<_>>().join(" -> ");
            return bad(format!("`source_profile` leads in a circle: {way}"));
        }
        next = Some(profile);
    }
    Ok(())
}

fn source_of(profile: &Profile) -> Option<&str> {
    profile.get("role_arn").and_then(|_| profile.get("source_profile"))
}
