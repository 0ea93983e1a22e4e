//! The way to AWS: runtime, credentials and client, made when a run first asks and not before.
//!
//! Nothing here repeats a request: the SDK's own retries are off, for whoever repeats a write must know
//! that it may have been done. Every wait has an end. A program which has a runtime itself may call from
//! within it.

use std::future::Future;
use std::pin::pin;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region, SharedHttpClient};
use aws_smithy_http_client::{Builder, Connector, proxy::ProxyConfig, tls};
use tokio::runtime::Runtime;

use super::credentials::{self, Chain};
use super::profiles;
use super::settings::Settings;
use super::trouble;
use crate::env::Clock;
use crate::lock::{DynamoError, LockError};
use crate::process::Interrupts;

const CONNECT: Duration = Duration::from_secs(3);
const ATTEMPT: Duration = Duration::from_secs(5);
/// For all places of the chain together, the machine's metadata service included.
const CREDENTIALS: Duration = Duration::from_secs(10);
/// A connection that has rested so long is not used again: while a tool ran, somebody on the way may
/// have closed it without a word.
const IDLE: Duration = Duration::from_secs(15);
/// How soon a request to end is noticed.
const TICK: Duration = Duration::from_millis(50);
/// Credentials are renewed so long before they end.
const MARGIN: i64 = 60;

/// A way to one table.
pub(super) struct Session {
    runtime: Option<Runtime>,
    http: SharedHttpClient,
    chain: Chain,
    region: Region,
    settings: Settings,
    /// The client, and until when its credentials are good, in seconds since the epoch.
    client: Mutex<Option<(Client, Option<i64>)>>,
}

impl Session {
    /// Makes it. Reads AWS's configuration files and asks nobody.
    ///
    /// # Errors
    /// [`DynamoError::NoRegion`], [`DynamoError::BadRegion`], [`DynamoError::NoRoots`], or what is wrong with
    /// AWS's own configuration;
    /// [`LockError::Io`] without a runtime.
    pub(super) fn new(settings: &Settings) -> Result<Self, LockError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|source| LockError::Io { what: "start what speaks to AWS".into(), source })?;
        enter(&runtime, profiles::check(settings))?;
        let http = http_client(settings)?;
        let conf = credentials::provider_config(&http);
        let (region, from) = match settings.region.clone() {
            Some(said) => said,
            None => enter(&runtime, credentials::region_of_profile(settings, &conf))
                .map(|region| (region, "the profile"))
                .ok_or_else(|| DynamoError::NoRegion { table: settings.table.clone() })?,
        };
        // It becomes part of an address.
        if crate::project::RegionName::try_from(region.clone()).is_err() {
            return Err(DynamoError::BadRegion { region: crate::lock::escape(&region), from }.into());
        }
        let region = Region::new(region);
        let chain = credentials::chain(settings, &conf.with_region(Some(region.clone())));
        let settings = settings.clone();
        Ok(Self { runtime: Some(runtime), http, chain, region, settings, client: Mutex::new(None) })
    }

    /// The region's name.
    pub(super) fn region(&self) -> &str {
        self.region.as_ref()
    }

    /// Waits for an answer, or for a request to end that comes meanwhile. Without `interrupts` only
    /// for the answer: what becomes of a write must be known.
    ///
    /// # Errors
    /// [`DynamoError::Interrupted`]
    pub(super) fn wait<T: Send>(
        &self,
        interrupts: Option<&Interrupts>,
        answer: impl Future<Output = T> + Send,
    ) -> Result<T, DynamoError> {
        let interrupted = || DynamoError::Interrupted { table: self.settings.table.clone() };
        // Who was asked to end before settles his lock now.
        let interrupts = interrupts.filter(|interrupts| interrupts.requested().is_none());
        let runtime = self.runtime.as_ref().ok_or_else(interrupted)?;
        enter(runtime, async {
            let mut answer = pin!(answer);
            loop {
                match (tokio::time::timeout(TICK, &mut answer).await, interrupts) {
                    (Ok(answer), _) => return Ok(answer),
                    (Err(_), Some(interrupts)) if interrupts.requested().is_some() => {
                        return Err(interrupted());
                    }
                    (Err(_), _) => {}
                }
            }
        })
    }

    /// A client with credentials that are good for now.
    ///
    /// # Errors
    /// Why there are no credentials.
    pub(super) fn client(&self, interrupts: &Interrupts) -> Result<Client, DynamoError> {
        let mut known = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Clock::System.now().as_second();
        if let Some((client, until)) = &*known
            && until.is_none_or(|until| now + MARGIN < until)
        {
            return Ok(client.clone());
        }
        let asked = async { tokio::time::timeout(CREDENTIALS, self.chain.credentials()).await };
        let credentials = match self.wait(Some(interrupts), asked)? {
            Ok(Ok(credentials)) => credentials,
            Ok(Err(error)) => return Err(self.no_credentials(&error)),
            Err(_) => {
                let message = format!("no answer within {} seconds", CREDENTIALS.as_secs());
                let profile = self.settings.project_profile().map(str::to_owned);
                return Err(DynamoError::CredentialsFailed { message, profile });
            }
        };
        let seconds = |time: std::time::SystemTime| {
            time.duration_since(UNIX_EPOCH).ok().and_then(|span| i64::try_from(span.as_secs()).ok())
        };
        let until = credentials.expiry().and_then(seconds);
        let client = self.connect(credentials);
        *known = Some((client.clone(), until));
        Ok(client)
    }

    fn connect(&self, credentials: Credentials) -> Client {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT)
            .read_timeout(ATTEMPT)
            .operation_attempt_timeout(ATTEMPT)
            .operation_timeout(ATTEMPT)
            .build();
        let mut config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(self.region.clone())
            .credentials_provider(credentials)
            .http_client(self.http.clone())
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts)
            .use_fips(self.settings.fips)
            .use_dual_stack(self.settings.dual_stack);
        config.set_endpoint_url(self.settings.endpoint.clone());
        Client::from_conf(config.build())
    }

    fn no_credentials(&self, error: &CredentialsError) -> DynamoError {
        let profile = self.settings.profile.as_deref().unwrap_or("default");
        // What a program for credentials wrote is its user's business.
        let message = trouble::chain(error);
        let message = message.split(" Stderr:").next().unwrap_or_default().to_owned();
        match error {
            CredentialsError::CredentialsNotLoaded(_) => DynamoError::NoCredentials {
                table: self.settings.table.clone(),
                looked_in: self.settings.places(),
            },
            _ if message.contains("feature(s) enabled: sso") || message.contains("credentials-login") => {
                DynamoError::SingleSignOn { profile: crate::lock::escape(profile) }
            }
            _ => {
                let profile = self.settings.project_profile().map(str::to_owned);
                DynamoError::CredentialsFailed { message, profile }
            }
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // Waiting for its end is forbidden where another runtime runs.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Whether there are root certificates, as the SDK will look for them: it panics where there are none.
fn has_roots() -> bool {
    !rustls_native_certs::load_native_certs().certs.is_empty()
}

/// Runs a future to its end: on this thread, or where that belongs to another runtime, which would
/// forbid it, on one of its own.
fn enter<T: Send>(runtime: &Runtime, future: impl Future<Output = T> + Send) -> T {
    if tokio::runtime::Handle::try_current().is_err() {
        return runtime.block_on(future);
    }
    std::thread::scope(|scope| {
        let entered = scope.spawn(|| runtime.block_on(future));
        entered.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// rustls with ring; through the proxy for https, if there is one.
fn http_client(settings: &Settings) -> Result<SharedHttpClient, LockError> {
    let plain = settings.endpoint.as_ref().is_some_and(|url| url.starts_with("http://"));
    // With keys at hand nobody is asked for credentials either: no certificate will be looked at.
    if plain && (settings.keys.is_some() || !has_roots()) {
        return Ok(Builder::new().pool_idle_timeout(IDLE).build_http());
    }
    if !has_roots() {
        return Err(DynamoError::NoRoots.into());
    }
    let ring = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring);
    let Some(proxy) = &settings.proxy else {
        return Ok(Builder::new().pool_idle_timeout(IDLE).tls_provider(ring).build_https());
    };
    let mut through = ProxyConfig::https(proxy.url.as_str())
        .map_err(|_| LockError::Config("HTTPS_PROXY is not the URL of a proxy".to_owned()))?;
    if let Some(except) = &proxy.except {
        through = through.no_proxy(except);
    }
    Ok(Builder::new().pool_idle_timeout(IDLE).build_with_connector_fn(move |settings, components| {
        let mut connector = Connector::builder().proxy_config(through.clone());
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(components.and_then(|components| components.sleep_impl()));
        connector.tls_provider(ring.clone()).build()
    }))
}
