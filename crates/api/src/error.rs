//! The error body and its classes (spec section 0.4).

use core::fmt;

use serde::{Deserialize, Serialize};

/// JSON body of every error answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// Class name, for example `ValidationError`; kept as text because clients match it as text.
    #[serde(default)]
    pub name: String,
    /// What failed, naming field and rule.
    #[serde(default)]
    pub message: String,
}

/// Error classes that the API names in [`ErrorBody::name`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorClass {
    /// Schema failures and business rules: 400.
    Validation,
    /// Unknown, missing or expired token: 401.
    Authentication,
    /// Refused login: 401.
    InvalidCredentials,
    /// The named thing does not exist: 404.
    NotFound,
    /// A name that must be unique is taken: 409.
    DuplicateProperty,
    /// Upload to an FTP server failed: 500.
    Ftp,
    /// E-mail is not configured: 500.
    EmailActivationSetup,
    /// A value that the schema accepts but that makes no sense: 400.
    InvalidArgument,
    /// More was asked for than is given at a time; later it is: 429.
    TooMany,
    /// The external port broker gave no port; the cause is in the log: 503.
    PortBroker,
    /// The Controller failed; the cause is in its log: 500.
    Internal,
}

impl ErrorClass {
    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Validation => "ValidationError",
            Self::Authentication => "AuthenticationError",
            Self::InvalidCredentials => "InvalidCredentialsError",
            Self::NotFound => "NotFoundError",
            Self::DuplicateProperty => "DuplicatePropertyError",
            Self::Ftp => "FtpError",
            Self::EmailActivationSetup => "EmailActivationSetupError",
            Self::InvalidArgument => "InvalidArgumentError",
            Self::TooMany => "TooManyRequestsError",
            Self::PortBroker => "PortBrokerError",
            Self::Internal => "InternalError",
        }
    }

    /// The status that a route answers unless its table entry says otherwise.
    pub const fn status(self) -> u16 {
        match self {
            Self::Validation | Self::InvalidArgument => 400,
            Self::Authentication | Self::InvalidCredentials => 401,
            Self::NotFound => 404,
            Self::DuplicateProperty => 409,
            Self::TooMany => 429,
            Self::Ftp | Self::EmailActivationSetup | Self::Internal => 500,
            Self::PortBroker => 503,
        }
    }
}

impl fmt::Display for ErrorClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
