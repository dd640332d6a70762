//! The Controller's base URL, split for connecting.

use super::ControllerError;

/// Host, port and path prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BaseUrl {
    /// By https.
    pub(super) secure: bool,
    pub(super) host: String,
    pub(super) port: u16,
    /// Starts and ends with `/`.
    pub(super) prefix: String,
}

impl BaseUrl {
    pub(super) fn parse(text: &str) -> Result<Self, ControllerError> {
        let refuse = |why: &str| Err(ControllerError::Url(format!("'{text}' {why}")));
        let Some((scheme, rest)) = text.split_once("://") else { return refuse("has no scheme") };
        let secure = match scheme {
            "http" => false,
            "https" => true,
            _ => return refuse("is neither http nor https"),
        };
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => match port.parse() {
                Ok(port) => (host, port),
                Err(_) => return refuse("has no valid port"),
            },
            _ => (authority, if secure { 443 } else { 80 }),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            return refuse("has no host");
        }
        let path = path.trim_end_matches('/');
        let prefix = if path.is_empty() { "/".to_owned() } else { format!("/{path}/") };
        Ok(Self { secure, host: host.to_owned(), port, prefix })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_split_or_refused() {
        let good = |text: &str, host: &str, port, prefix: &str| {
            let secure = text.starts_with("https");
            let expected = BaseUrl { secure, host: host.into(), port, prefix: prefix.into() };
            assert_eq!(BaseUrl::parse(text).unwrap(), expected);
        };
        good("http://h:51121/api/v3/", "h", 51121, "/api/v3/");
        good("http://h/api/v3", "h", 80, "/api/v3/");
        good("http://[::1]:81", "::1", 81, "/");
        good("http://[::1]/x", "::1", 80, "/x/");
        good("https://h/api/v3", "h", 443, "/api/v3/");
        for bad in ["h:51121/api", "ftp://h", "http://:80/", "http://h:x/"] {
            assert!(matches!(BaseUrl::parse(bad), Err(ControllerError::Url(_))), "{bad}");
        }
    }
}
