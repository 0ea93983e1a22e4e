//! What keeps AWS from doing what the DynamoDB lock backend asks. Each says what the user can do.
//!
//! No text in here holds a secret: of what AWS says about a signature only its code is kept, for the
//! words repeat what was signed. Every text from elsewhere is escaped and bounded.

use std::fmt::Write as _;

/// What the place of every such backend begins with.
pub(super) const PLACE: &str = "DynamoDB table ";

/// Why AWS does not serve the lock backend. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DynamoError {
    /// Nobody says which region the table is in.
    #[error("the AWS region of lock table `{table}` is not known")]
    NoRegion {
        /// The table.
        table: String,
    },
    /// What the environment or a profile gives as region is none.
    #[error("`{region}` is not the name of an AWS region (from {from})")]
    BadRegion {
        /// What was found, escaped.
        region: String,
        /// Where.
        from: &'static str,
    },
    /// Nobody says with which credentials.
    #[error("there are no AWS credentials for lock table `{table}`: looked in {looked_in}")]
    NoCredentials {
        /// The table.
        table: String,
        /// The places that were looked in.
        looked_in: String,
    },
    /// A profile is named that does not exist.
    #[error("there is no profile `{profile}` (from {from}) in AWS's files `config` and `credentials`")]
    NoProfile {
        /// The profile, escaped.
        profile: String,
        /// Who names it.
        from: &'static str,
    },
    /// One of AWS's own files cannot be read.
    #[error("AWS's configuration cannot be read: {message}")]
    BadFile {
        /// File, line and what is wrong.
        message: String,
    },
    /// A profile assumes a role with the credentials of one that is not there, or of itself.
    #[error("profile `{profile}` cannot give credentials: {why}")]
    BadSource {
        /// The profile, escaped.
        profile: String,
        /// Which one leads nowhere.
        why: String,
    },
    /// Half a pair of keys.
    #[error("`{there}` is set and `{missing}` is not")]
    HalfKeys {
        /// The variable that is set.
        there: &'static str,
        /// The other one.
        missing: &'static str,
    },
    /// A profile wants something of the AWS configuration that this program does not do itself.
    #[error("profile `{profile}` gets its credentials by single sign-on, which lockstep does not do itself")]
    SingleSignOn {
        /// The profile.
        profile: String,
    },
    /// This machine trusts nobody, so no connection can be made.
    #[error("there are no root certificates on this machine to know AWS by")]
    NoRoots,
    /// A place that should give credentials failed.
    #[error("AWS credentials could not be had: {message}")]
    CredentialsFailed {
        /// What was said, cleaned.
        message: String,
        /// The profile that lockstep.toml names, if the credentials should come from it.
        profile: Option<String>,
    },
    /// AWS does not accept the credentials.
    #[error("AWS does not accept the credentials ({code})")]
    BadCredentials {
        /// AWS's code for it.
        code: String,
        /// The profile that lockstep.toml names, if the credentials are its.
        profile: Option<String>,
    },
    /// The table is not there.
    #[error("there is no DynamoDB table `{table}` in {region}")]
    NoTable {
        /// The table.
        table: String,
        /// The region.
        region: String,
    },
    /// The table has another key.
    #[error("DynamoDB table `{table}` has another key than the string `LockID` alone")]
    OtherKey {
        /// The table.
        table: String,
    },
    /// The credentials may not do it.
    #[error("AWS does not allow `{action}` on lock table `{table}`: {message}")]
    AccessDenied {
        /// The permission that is needed.
        action: &'static str,
        /// The table.
        table: String,
        /// What was said, cleaned.
        message: String,
    },
    /// Too many requests for what the table is provisioned for.
    #[error("DynamoDB table `{table}` answers too many requests at once ({code})")]
    Throttled {
        /// The table.
        table: String,
        /// AWS's code for it.
        code: String,
    },
    /// More keys at once than one transaction takes.
    #[error("{count} locks were to be taken together, and DynamoDB takes at most {limit} in one transaction")]
    TooManyKeys {
        /// How many.
        count: usize,
        /// The limit.
        limit: usize,
    },
    /// Something else was refused.
    #[error("{action} on lock table `{table}` was refused ({code}): {message}")]
    Rejected {
        /// What was asked for.
        action: &'static str,
        /// The table.
        table: String,
        /// AWS's code for it, or the HTTP status.
        code: String,
        /// What was said, cleaned.
        message: String,
    },
    /// A request to end came while AWS was asked.
    #[error("interrupted while lock table `{table}` was asked")]
    Interrupted {
        /// The table.
        table: String,
    },
}

impl DynamoError {
    /// What gets the user further; a command to copy where there is one.
    pub fn cure(&self) -> Option<String> {
        Some(match self {
            Self::NoRegion { .. } | Self::BadRegion { .. } => {
                "set `region` under [lock.dynamodb] in lockstep.toml, or: export AWS_REGION=eu-west-1".into()
            }
            Self::NoCredentials { .. } => {
                "name a profile (export AWS_PROFILE=NAME), or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; to see what there is: aws configure list".into()
            }
            Self::SingleSignOn { profile } => format!(
                "let the AWS command line do it: eval \"$(aws configure export-credentials --profile {} --format env)\"",
                plain(profile)
            ),
            Self::NoRoots => {
                "install the system's package `ca-certificates`, or: export SSL_CERT_FILE=/path/to/ca-bundle.crt".into()
            }
            Self::NoProfile { .. } => "see which there are: aws configure list-profiles".into(),
            Self::BadFile { .. } => "mend the line that it names".into(),
            Self::BadSource { .. } => "mend `source_profile` in AWS's file `config`".into(),
            Self::HalfKeys { there, missing } => {
                format!("set {missing} too, or, to use a profile instead: unset {there}")
            }
            Self::CredentialsFailed { profile, .. } => {
                format!("see what the AWS command line says: {}", identity(profile.as_deref()))
            }
            Self::BadCredentials { code, profile } if code.contains("Expired") => format!(
                "get new ones as you got these, then run the same again; to see whose they are: {}",
                identity(profile.as_deref())
            ),
            Self::BadCredentials { profile, .. } => format!(
                "see whose they are, and whether this machine's clock is right: {}",
                identity(profile.as_deref())
            ),
            Self::NoTable { table, region } => {
                let mut command = format!("aws dynamodb create-table --region {region} --table-name {table}");
                // Writing to a String cannot fail.
                let _ = write!(
                    command,
                    " --billing-mode PAY_PER_REQUEST --key-schema AttributeName=LockID,KeyType=HASH --attribute-definitions AttributeName=LockID,AttributeType=S"
                );
                format!("if region and name are right, make it: {command}")
            }
            Self::OtherKey { .. } => {
                "name a table whose only key is the string `LockID`, such as one for Terraform's locks: see docs/locks.md".into()
            }
            Self::AccessDenied { action, .. } => {
                format!("give the role or user `{action}` on the table: the whole policy is in docs/locks.md")
            }
            Self::Throttled { .. } => {
                "run the same again; if it stays so, give the table more capacity or on-demand billing".into()
            }
            Self::TooManyKeys { .. } => "take fewer units at once".into(),
            Self::Rejected { .. } => "see whether `endpoint_url`, `region` and `table` under [lock.dynamodb] belong together".into(),
            Self::Interrupted { .. } => return None,
        })
    }
}

/// The command that tells whose credentials are used.
fn identity(profile: Option<&str>) -> String {
    let option = profile.map_or_else(String::new, |name| format!(" --profile {}", plain(name)));
    format!("aws sts get-caller-identity{option}")
}

/// A word for a command line as it stands, or a word that says what belongs there.
fn plain(word: &str) -> &str {
    let good = |c: char| c.is_ascii_alphanumeric() || "-_./@".contains(c);
    if !word.is_empty() && !word.starts_with('-') && word.chars().all(good) { word } else { "PROFILE" }
}
