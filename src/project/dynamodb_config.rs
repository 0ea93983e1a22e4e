//! `[lock.dynamodb]`: where the DynamoDB lock backend keeps its records. What cannot be right is
//! refused when the file is read, with its line, and before anything is asked.

use schemars::JsonSchema;
use serde::Deserialize;

/// `[lock.dynamodb]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DynamodbLockConfig {
    /// The table. It is never made by lockstep.
    pub table: Option<TableName>,
    /// The region; without it what the environment or the profile says.
    pub region: Option<RegionName>,
    /// Where requests go instead of the region's own endpoint.
    #[serde(deserialize_with = "of_project")]
    pub endpoint_url: Option<EndpointUrl>,
    /// The profile of the AWS configuration files; without it `AWS_PROFILE`, else `default`.
    pub profile: Option<String>,
}

/// Why a value under `[lock.dynamodb]` cannot be right. Never quotes the value: it may hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DynamodbValueError(&'static str);

macro_rules! checked_text {
    ($(#[$doc:meta])* $name:ident, $check:path) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
        #[serde(try_from = "String")]
        pub struct $name(String);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = DynamodbValueError;
            fn try_from(text: String) -> Result<Self, DynamodbValueError> {
                $check(&text).map_err(DynamodbValueError)?;
                Ok(Self(text))
            }
        }
    };
}

checked_text!(
    /// The name of a table: 3 to 255 letters, digits, `-`, `_` and `.`.
    TableName,
    table
);
checked_text!(
    /// The name of a region, such as `eu-west-1`.
    RegionName,
    region
);
checked_text!(
    /// An `http` or `https` URL of a host, perhaps with a port and a path, and nothing else.
    EndpointUrl,
    endpoint
);

fn table(text: &str) -> Result<(), &'static str> {
    let good = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    if (3..=255).contains(&text.len()) && text.bytes().all(good) {
        Ok(())
    } else {
        Err("this is not the name of a table: 3 to 255 letters, digits, `-`, `_` and `.`")
    }
}

fn region(text: &str) -> Result<(), &'static str> {
    let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if (1..=40).contains(&text.len()) && !text.starts_with('-') && text.bytes().all(good) {
        Ok(())
    } else {
        Err("this is not the name of a region, such as `eu-west-1`")
    }
}

/// What everybody has who has the repository: requests in the clear do not leave the machine. The user's own
/// environment may name any address.
fn of_project<'de, D: serde::Deserializer<'de>>(text: D) -> Result<Option<EndpointUrl>, D::Error> {
    let url = EndpointUrl::deserialize(text)?;
    match url.as_str().starts_with("http://") && !is_loopback(url.as_str()) {
        true => Err(serde::de::Error::custom(
            "`endpoint_url` must be https, or http on this machine; elsewhere, set AWS_ENDPOINT_URL_DYNAMODB in the environment",
        )),
        false => Ok(Some(url)),
    }
}

fn is_loopback(url: &str) -> bool {
    let authority = url.trim_start_matches("http://").split('/').next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(inner) => inner.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    let is_name = host == "localhost" || host.ends_with(".localhost");
    is_name || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// It becomes the address of signed requests.
fn endpoint(text: &str) -> Result<(), &'static str> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let rest = rest.ok_or("`endpoint_url` must begin with `https://` or `http://`")?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    if authority.contains('@') {
        return Err("`endpoint_url` must not hold a user name or password");
    }
    let (host, port) = match authority.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
        Some((inner, after)) if inner.parse::<std::net::Ipv6Addr>().is_ok() => {
            (inner, after.strip_prefix(':'))
        }
        Some(_) => return Err("`endpoint_url` names no host"),
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    let in_host = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':');
    if host.is_empty() || !host.bytes().all(in_host) {
        return Err("`endpoint_url` names no host");
    }
    if port.is_some_and(|port| port.parse::<u16>().is_err()) {
        return Err("the port of `endpoint_url` is not a number up to 65535");
    }
    let in_path = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'/' | b'~');
    if path.bytes().all(in_path) {
        Ok(())
    } else {
        Err("`endpoint_url` may hold a path after the host, and nothing else")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_can_be_an_endpoint() {
        for good in [
            "https://dynamodb.eu-west-1.amazonaws.com",
            "http://127.0.0.1:8000",
            "http://localhost:8000/",
            "http://[::1]:8000",
            "https://vpce-0a_1.example/path/x~y",
        ] {
            assert_eq!(endpoint(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "localhost:8000",
            "ftp://x",
            "HTTP://x",
            "http://",
            "http:///x",
            "http://:80",
            "http://user:hunter2@host",
            "http://host:",
            "http://host:99999",
            "http://host:80:80",
            "http://[::g]",
            "http://[::1",
            "http://host?x=hunter2",
            "http://host/#x",
            "http://ho st",
            "http://host/\u{1b}",
            "https://höst",
        ] {
            let why = endpoint(bad).expect_err(bad);
            assert!(!why.contains("hunter2"), "{why}");
        }
    }

    #[test]
    fn requests_in_the_clear_stay_on_the_machine() {
        let read = |url: &str| toml::from_str::<DynamodbLockConfig>(&format!("endpoint_url = '{url}'"));
        for good in [
            "https://x",
            "http://127.0.0.1:8000",
            "http://localhost/",
            "http://[::1]:1",
            "http://a.localhost",
        ] {
            assert_eq!(read(good).unwrap().endpoint_url.unwrap().as_str(), good);
        }
        for bad in [
            "http://x",
            "http://127.0.0.1.evil.example",
            "http://localhost.evil",
            "http://10.0.0.1",
            "http://[fe80::1]",
        ] {
            assert!(read(bad).unwrap_err().message().contains("must be https"), "{bad}");
        }
    }

    #[test]
    fn what_can_be_a_table_or_a_region() {
        assert!(TableName::try_from("terraform-locks_2.x".to_owned()).is_ok());
        for bad in ["", "ab", "a b c", "arn:aws:dynamodb:eu-west-1:1:table/x", "ä-ö"] {
            assert!(TableName::try_from(bad.to_owned()).is_err(), "{bad}");
        }
        assert!(RegionName::try_from("eu-west-1".to_owned()).is_ok());
        for bad in ["", "-x", "eu-west-1.evil.example", "EU-WEST-1", "eu west", "x/y", "x@y"] {
            assert!(RegionName::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_endpoint_holds_what_could_be_a_secret(text in "\\PC{0,40}") {
            if endpoint(&text).is_ok() {
                prop_assert!(!text.contains(['@', '?', '#', '\\', ' ', '%']), "{}", text);
            }
        }
    }
}
