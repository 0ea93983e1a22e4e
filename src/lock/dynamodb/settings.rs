//! Which table, in which region, at which address, with which profile: what lockstep.toml says, else
//! the environment that the run was given. Nothing is asked; only AWS's own configuration files are read.

use std::path::{Path, PathBuf};

use crate::env::Environment;
use crate::lock::LockError;
use crate::project::{DynamodbLockConfig, EndpointUrl};

/// The project's own word.
const PROJECT: &str = "lockstep.toml";

/// What is known before AWS is asked.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) table: String,
    /// What says the region, and from where.
    pub(super) region: Option<(String, &'static str)>,
    pub(super) endpoint: Option<String>,
    /// A profile that somebody named, and where.
    pub(super) profile: Option<String>,
    pub(super) profile_from: &'static str,
    /// `config` and `credentials` of AWS, where they exist.
    pub(super) config_file: Option<PathBuf>,
    pub(super) credentials_file: Option<PathBuf>,
    pub(super) keys: Option<Keys>,
    /// Of the variables for keys one is set and the other is not: these two.
    pub(super) half_keys: Option<(&'static str, &'static str)>,
    pub(super) web_identity: Option<WebIdentity>,
    /// The environment names a container's credentials.
    pub(super) container: bool,
    /// Nobody has forbidden to ask the machine's metadata service.
    pub(super) instance: bool,
    pub(super) fips: bool,
    pub(super) dual_stack: bool,
    pub(super) proxy: Option<Proxy>,
}

/// Credentials of the environment. No `Debug`: it would show them.
#[derive(Clone)]
pub(super) struct Keys {
    pub(super) id: String,
    pub(super) secret: String,
    pub(super) token: Option<String>,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys(..)")
    }
}

/// A token that stands for a role.
#[derive(Clone, Debug)]
pub(super) struct WebIdentity {
    pub(super) token_file: PathBuf,
    pub(super) role: String,
    pub(super) session: String,
}

/// The proxy that https goes through. No `Debug`: its URL may hold a password.
#[derive(Clone)]
pub(super) struct Proxy {
    pub(super) url: String,
    pub(super) except: Option<String>,
}

impl std::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Proxy(..)")
    }
}

impl Settings {
    /// Gathers what is known.
    ///
    /// # Errors
    /// [`LockError::Config`] where no table is named.
    pub(super) fn new(config: &DynamodbLockConfig, env: &Environment) -> Result<Self, LockError> {
        let table = config.table.as_ref().ok_or_else(|| {
            LockError::Config(
                "lock backend `dynamodb` needs the name of its table: set `table` under [lock.dynamodb] in lockstep.toml".to_owned(),
            )
        })?;
        let said = |name: &'static str| env.var(name).map(|value| (value.to_owned(), name));
        let either = |a: &str, b: &str| env.var(a).or_else(|| env.var(b)).map(str::to_owned);
        let endpoint = match &config.endpoint_url {
            Some(url) => Some(url.clone()),
            None => said("AWS_ENDPOINT_URL_DYNAMODB")
                .or_else(|| said("AWS_ENDPOINT_URL"))
                .map(|(url, name)| {
                    EndpointUrl::try_from(url)
                        .map_err(|why| LockError::Config(format!("{name} of the environment: {why}")))
                })
                .transpose()?,
        };
        let region = config.region.as_ref().map(|region| (region.as_str().to_owned(), PROJECT));
        let [id, secret] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];
        let half_keys = match (env.var(id), env.var(secret)) {
            (Some(_), None) => Some((id, secret)),
            (None, Some(_)) => Some((secret, id)),
            _ => None,
        };
        let keys = match (env.var(id), env.var(secret)) {
            (Some(id), Some(secret)) => {
                let token = env.var("AWS_SESSION_TOKEN").map(str::to_owned);
                Some(Keys { id: id.to_owned(), secret: secret.to_owned(), token })
            }
            _ => None,
        };
        let web_identity = match (env.var("AWS_WEB_IDENTITY_TOKEN_FILE"), env.var("AWS_ROLE_ARN")) {
            (Some(file), Some(role)) => Some(WebIdentity {
                token_file: env.cwd().join(file),
                role: role.to_owned(),
                session: env.var("AWS_ROLE_SESSION_NAME").unwrap_or("lockstep").to_owned(),
            }),
            _ => None,
        };
        let is_true = |name: &str| env.var(name).is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let proxy = either("HTTPS_PROXY", "https_proxy")
            .map(|url| Proxy { url, except: either("NO_PROXY", "no_proxy") });
        Ok(Self {
            table: table.as_str().to_owned(),
            region: region.or_else(|| said("AWS_REGION")).or_else(|| said("AWS_DEFAULT_REGION")),
            endpoint: endpoint.map(|url| url.as_str().to_owned()),
            profile: config.profile.clone().or_else(|| env.var("AWS_PROFILE").map(str::to_owned)),
            profile_from: if config.profile.is_some() { PROJECT } else { "AWS_PROFILE" },
            config_file: file(env, "AWS_CONFIG_FILE", ".aws/config"),
            credentials_file: file(env, "AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials"),
            keys,
            half_keys,
            web_identity,
            container: ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"]
                .iter()
                .any(|name| env.var(name).is_some()),
            instance: !is_true("AWS_EC2_METADATA_DISABLED"),
            fips: is_true("AWS_USE_FIPS_ENDPOINT"),
            dual_stack: is_true("AWS_USE_DUALSTACK_ENDPOINT"),
            proxy,
        })
    }

    /// The profile that gives the credentials and that the AWS command line does not know by itself.
    pub(super) fn project_profile(&self) -> Option<&str> {
        self.profile.as_deref().filter(|_| self.keys.is_none() && self.profile_from == PROJECT)
    }

    /// Profile, region and address, as far as somebody named them, as the AWS command line takes them.
    pub(super) fn options(&self) -> Vec<(&'static str, String)> {
        let all = [
            ("--profile", self.profile.clone()),
            ("--region", self.region.as_ref().map(|(name, _)| name.clone())),
            ("--endpoint-url", self.endpoint.clone()),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }

    /// The places in which credentials are looked for, in order, for people.
    pub(super) fn places(&self) -> String {
        let profile = self.profile.as_deref().unwrap_or("default");
        let mut places =
            vec!["the environment".to_owned(), format!("profile `{}`", crate::lock::escape(profile))];
        let others = [
            (self.web_identity.is_some(), "the web identity token"),
            (self.container, "the container"),
            (self.instance, "the instance metadata"),
        ];
        places.extend(others.into_iter().filter(|(looked, _)| *looked).map(|(_, place)| place.to_owned()));
        places.join(", ")
    }
}

/// One of AWS's files, if it is there.
fn file(env: &Environment, variable: &str, usual: &str) -> Option<PathBuf> {
    let home = || env.var_os("HOME").map(|home| Path::new(home).join(usual));
    let path = env.var_os(variable).filter(|value| !value.is_empty()).map(|value| env.cwd().join(value));
    path.or_else(home).filter(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(vars: &[(&str, &str)], text: &str) -> Result<Settings, LockError> {
        let config: DynamodbLockConfig = toml::from_str(text).unwrap();
        Settings::new(&config, &Environment::new("/nowhere", vars.iter().copied()))
    }

    #[test]
    fn the_configuration_comes_before_the_environment() {
        let vars = [("AWS_REGION", "a"), ("AWS_DEFAULT_REGION", "b"), ("AWS_PROFILE", "p")];
        let of = |vars: &[_], text| settings(vars, text).unwrap();
        let all = of(&vars, "table = 'locks'\nregion = 'eu-west-1'\nprofile = 'q'");
        assert_eq!(all.region, Some(("eu-west-1".into(), "lockstep.toml")));
        assert_eq!(all.profile.as_deref(), Some("q"));
        assert_eq!(of(&vars, "table = 'locks'").region, Some(("a".into(), "AWS_REGION")));
        assert_eq!(of(&vars[1..], "table = 'locks'").region, Some(("b".into(), "AWS_DEFAULT_REGION")));
        assert_eq!(of(&[], "table = 'locks'").region, None);
        assert!(
            matches!(settings(&[], ""), Err(LockError::Config(text)) if text.contains("[lock.dynamodb]"))
        );
    }

    #[test]
    fn an_address_of_the_environment_is_checked_as_one_of_the_configuration() {
        let good = [("AWS_ENDPOINT_URL", "http://a"), ("AWS_ENDPOINT_URL_DYNAMODB", "http://b:1")];
        let of = |vars: &[_], text| settings(vars, text).map(|settings| settings.endpoint);
        assert_eq!(of(&good, "table = 'locks'").unwrap().as_deref(), Some("http://b:1"));
        assert_eq!(of(&good[..1], "table = 'locks'").unwrap().as_deref(), Some("http://a"));
        let text = "table = 'locks'\nendpoint_url = 'https://c'";
        assert_eq!(of(&good, text).unwrap().as_deref(), Some("https://c"));
        let error = of(&[("AWS_ENDPOINT_URL", "http://u:hunter2@a")], "table = 'locks'").unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
        let error = of(&[good[0], ("AWS_ENDPOINT_URL_DYNAMODB", "nowhere")], "table = 'locks'").unwrap_err();
        assert!(error.to_string().starts_with("AWS_ENDPOINT_URL_DYNAMODB of the environment"), "{error}");
    }

    #[test]
    fn half_of_a_pair_of_keys_is_none_and_nothing_shows_the_other() {
        let half = [("AWS_ACCESS_KEY_ID", "AKIA")];
        assert!(settings(&half, "table = 'locks'").unwrap().keys.is_none());
        let whole = [
            ("AWS_ACCESS_KEY_ID", "AKIA"),
            ("AWS_SECRET_ACCESS_KEY", "hunter2"),
            ("HTTPS_PROXY", "http://u:hunter2@p"),
        ];
        let shown = format!("{:?}", settings(&whole, "table = 'locks'").unwrap());
        assert!(shown.contains("Keys(..)") && !shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn the_places_that_are_looked_in_are_named() {
        let told = |vars: &[_]| settings(vars, "table = 'locks'").unwrap().places();
        assert_eq!(told(&[("AWS_EC2_METADATA_DISABLED", "true")]), "the environment, profile `default`");
        let ci = [("AWS_WEB_IDENTITY_TOKEN_FILE", "t"), ("AWS_ROLE_ARN", "r")];
        assert!(told(&ci).ends_with("the web identity token, the instance metadata"));
    }
}
