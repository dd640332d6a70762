//! Expressions in hosts file entries (controller contract 10.5).

use iofog_api::ApiError;

/// What an address refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// Taken as it is.
    Literal,
    /// `${Agents.<name>}`: that agent's host.
    Agent(String),
    /// `${Apps.<app>.<msvc>.local}`: the host of the agent that runs it.
    Local(String, String),
    /// `${Apps.<app>.<msvc>.public.<port>}`: the host of the public port's entry agent.
    Public(String, String, i64),
}

/// Reads an address.
///
/// # Errors
/// `<expr> is not a valid host template` for an expression of another shape.
pub fn parse(address: &str) -> Result<Address, ApiError> {
    if !address.starts_with("${") {
        return Ok(Address::Literal);
    }
    let wrong = || ApiError::validation(format!("{address} is not a valid host template"));
    let inner =
        address.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')).ok_or_else(wrong)?;
    let parts: Vec<&str> = inner.split('.').collect();
    match parts.as_slice() {
        ["Agents", rest @ ..] if !rest.is_empty() => Ok(Address::Agent(rest.join("."))),
        ["Apps", app, name, "local"] => Ok(Address::Local((*app).to_owned(), (*name).to_owned())),
        ["Apps", app, name, "public", port] => {
            let port = port.parse().map_err(|_| wrong())?;
            Ok(Address::Public((*app).to_owned(), (*name).to_owned(), port))
        }
        _ => Err(wrong()),
    }
}

/// `Could not find <part> host template`.
#[must_use]
pub fn not_found(part: &str) -> ApiError {
    ApiError::validation(format!("Could not find {part} host template"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions() {
        assert_eq!(parse("1.1.1.1").unwrap(), Address::Literal);
        assert_eq!(parse("${Agents.n2}").unwrap(), Address::Agent("n2".into()));
        assert_eq!(parse("${Apps.a.m.local}").unwrap(), Address::Local("a".into(), "m".into()));
        assert_eq!(
            parse("${Apps.a.m.public.80}").unwrap(),
            Address::Public("a".into(), "m".into(), 80)
        );
        for bad in ["${Agents}", "${Apps.a.m}", "${Apps.a.m.public.x}", "${X.y}", "${Agents.n2"] {
            assert_eq!(
                parse(bad).unwrap_err().message,
                format!("{bad} is not a valid host template")
            );
        }
    }
}
