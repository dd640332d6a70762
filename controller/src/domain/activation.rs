//! Mail about accounts (controller contract 3): what it says, and how long what it brings is good for.

/// Letters of an activation code.
pub const CODE_LENGTH: usize = 16;
/// Life of an activation code in ms.
pub const CODE_MS: i64 = 3 * 24 * 3600 * 1000;
/// Letters of a temporary password. The contract's has two that cannot be guessed, which anyone could try out after asking for one.
pub const PASSWORD_LENGTH: usize = 12;
/// Life of a temporary password in ms.
pub const PASSWORD_MS: i64 = 24 * 3600 * 1000;

/// An account gets no further mail of the same kind within this time in ms.
pub const RECENT_MS: i64 = 60 * 1000;

/// Characters of a name that a mail shows.
const LONGEST_NAME: usize = 60;

/// A mail to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// Subject.
    pub subject: &'static str,
    /// Plain text.
    pub text: String,
}

/// Brings an activation code. `home` is `Email:HomeUrl`.
#[must_use]
pub fn activation(home: &str, code: &str) -> Letter {
    let link = match home.trim_end_matches('/') {
        "" => String::new(),
        home => format!("Open {home}/#/activation?code={code} or use the code yourself. "),
    };
    Letter {
        subject: "Activate Your Account",
        text: format!(
            "Welcome to ioFog.\n\nYour activation code is {code}\n\n{link}The code is good for three days.\n\n\
             If you have not signed up, do nothing: the account stays closed.\n"
        ),
    }
}

/// A name as mail shows it: on one line and short, as anybody may give an account with another's address any name.
fn shown(first: &str, last: &str) -> String {
    let words = first.split_whitespace().chain(last.split_whitespace());
    let name = words.collect::<Vec<_>>().join(" ");
    name.chars().filter(|letter| !letter.is_control()).take(LONGEST_NAME).collect()
}

/// Brings a temporary password.
#[must_use]
pub fn password_reset(first: &str, last: &str, home: &str, password: &str) -> Letter {
    let name = shown(first, last);
    let place = if home.is_empty() { String::new() } else { format!(" at {home}") };
    Letter {
        subject: "Password Reset Request",
        text: format!(
            "Hello {name},\n\nsomebody asked for a new password for your account. This temporary one works for a day, \
             beside your own:\n\n{password}\n\nLog in with it{place} and set a new password. If it was not you, do nothing: \
             your own password still works.\n"
        ),
    }
}

/// Tells that a password has changed.
#[must_use]
pub fn password_changed(first: &str, last: &str) -> Letter {
    let name = shown(first, last);
    Letter {
        subject: "Password Change Notification",
        text: format!(
            "Hello {name},\n\nthe password of your account has been changed, and all its sessions have ended. If it was not \
             you, ask for a new password at once.\n"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_hold_what_they_bring() {
        let letter = activation("https://ecn.example.org/", "CODE");
        assert!(letter.text.contains("https://ecn.example.org/#/activation?code=CODE"));
        assert!(activation("", "CODE").text.contains("code is CODE"));
        assert!(password_reset("Ada", "L", "", "s3cret").text.contains("\ns3cret\n"));
    }

    #[test]
    fn a_name_is_not_a_letter_of_its_own() {
        let name = format!("Ada\r\n\r\n\u{7}{}", "x".repeat(1000));
        let text = password_changed(&name, "L").text;
        assert!(
            text.starts_with(&format!("Hello Ada {},\n", "x".repeat(LONGEST_NAME - 4))),
            "{text}"
        );
    }
}
