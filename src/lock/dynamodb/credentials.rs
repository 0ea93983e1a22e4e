//! Where AWS credentials come from: AWS's usual order, without single sign-on.
//!
//! The environment, the profile (also one that assumes a role or asks a program), a web identity token,
//! the container, and last, within a second, the machine's metadata service. A place that has nothing to
//! say is passed over; one that fails ends the search. Only of the last that is the same: nobody has said
//! that there is such a service, and networks answer in its place as they like.

use std::time::Duration;

use aws_config::ecs::EcsCredentialsProvider;
use aws_config::imds::{self, credentials::ImdsCredentialsProvider};
use aws_config::meta::credentials::CredentialsProviderChain;
use aws_config::meta::region::ProvideRegion as _;
use aws_config::profile::{ProfileFileCredentialsProvider, ProfileFileRegionProvider};
use aws_config::provider_config::ProviderConfig;
use aws_config::web_identity_token::{StaticConfiguration, WebIdentityTokenCredentialsProvider};
use aws_credential_types::provider::error::CredentialsError;
use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
use aws_sdk_dynamodb::config::{Credentials, ProvideCredentials as _, SharedHttpClient};

use super::settings::Settings;

/// The places, in order.
pub(super) struct Chain {
    named: CredentialsProviderChain,
    instance: Option<ImdsCredentialsProvider>,
}

impl Chain {
    /// Credentials of the first place that has some.
    pub(super) async fn credentials(&self) -> Result<Credentials, CredentialsError> {
        match (self.named.provide_credentials().await, &self.instance) {
            (Err(nothing @ CredentialsError::CredentialsNotLoaded(_)), Some(instance)) => {
                let asked = tokio::time::timeout(2 * INSTANCE, instance.provide_credentials()).await;
                asked.ok().and_then(Result::ok).ok_or(nothing)
            }
            (found, _) => found,
        }
    }
}

/// Where there is no metadata service nobody answers at all.
const INSTANCE: Duration = Duration::from_secs(1);

/// What all places share.
pub(super) fn provider_config(http: &SharedHttpClient) -> ProviderConfig {
    ProviderConfig::without_region().with_http_client(http.clone())
}

/// The region that the profile names.
pub(super) async fn region_of_profile(settings: &Settings, conf: &ProviderConfig) -> Option<String> {
    let files = profile_files(settings)?;
    let provider = ProfileFileRegionProvider::builder().configure(conf).profile_files(files);
    let provider = provider.profile_name(profile(settings)).build();
    provider.region().await.map(|region| region.to_string())
}

/// The places in which credentials are looked for.
pub(super) fn chain(settings: &Settings, conf: &ProviderConfig) -> Chain {
    if let Some(keys) = &settings.keys {
        let credentials =
            Credentials::new(keys.id.clone(), keys.secret.clone(), keys.token.clone(), None, "environment");
        let named = CredentialsProviderChain::first_try("environment", credentials);
        return Chain { named, instance: None };
    }
    // Without files of its own the provider would look for them in another environment than ours.
    let files = profile_files(settings).unwrap_or_else(|| {
        EnvConfigFiles::builder().with_contents(EnvConfigFileKind::Config, String::new()).build()
    });
    let profile = ProfileFileCredentialsProvider::builder()
        .configure(conf)
        .with_custom_provider("Ec2InstanceMetadata", instance(conf))
        .profile_name(profile(settings))
        .profile_files(files);
    let mut chain = CredentialsProviderChain::first_try("profile", profile.build());
    if let Some(identity) = &settings.web_identity {
        let provider = WebIdentityTokenCredentialsProvider::builder().configure(conf);
        let provider = provider.static_configuration(StaticConfiguration {
            web_identity_token_file: identity.token_file.clone(),
            role_arn: identity.role.clone(),
            session_name: identity.session.clone(),
        });
        chain = chain.or_else("web identity", provider.build());
    }
    if settings.container {
        chain = chain.or_else("container", EcsCredentialsProvider::builder().configure(conf).build());
    }
    Chain { named: chain, instance: settings.instance.then(|| instance(conf)) }
}

/// The machine's metadata service, asked once and briefly.
fn instance(conf: &ProviderConfig) -> ImdsCredentialsProvider {
    let client = imds::Client::builder()
        .configure(conf)
        .max_attempts(1)
        .connect_timeout(INSTANCE)
        .read_timeout(INSTANCE)
        .operation_timeout(INSTANCE)
        .build();
    ImdsCredentialsProvider::builder().configure(conf).imds_client(client).build()
}

fn profile(settings: &Settings) -> String {
    settings.profile.clone().unwrap_or_else(|| "default".to_owned())
}

/// AWS's files; none if there is not one.
pub(super) fn profile_files(settings: &Settings) -> Option<EnvConfigFiles> {
    let files = [
        (EnvConfigFileKind::Config, &settings.config_file),
        (EnvConfigFileKind::Credentials, &settings.credentials_file),
    ];
    let there: Vec<_> = files.into_iter().filter_map(|(kind, path)| Some((kind, path.as_ref()?))).collect();
    if there.is_empty() {
        return None;
    }
    let with =
        |files: aws_runtime::env_config::file::Builder,
         (kind, path): (EnvConfigFileKind, &std::path::PathBuf)| { files.with_file(kind, path) };
    Some(there.into_iter().fold(EnvConfigFiles::builder(), with).build())
}
