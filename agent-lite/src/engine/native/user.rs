//! Which user a container starts as: the image's word, looked up in the image's own files.

/// Numbers of a user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Identity {
    /// User.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Further groups.
    pub groups: Vec<u32>,
    /// Home folder, where one is told.
    pub home: Option<String>,
}

/// A user that the image does not know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("image has no {kind} '{name}'")]
pub(super) struct Unknown {
    kind: &'static str,
    name: String,
}

// === impl Identity ===

impl Identity {
    /// Reads `user`, `user:group`, `uid` or `uid:gid`; empty is root. `passwd` and `group` are texts of the image.
    ///
    /// # Errors
    /// When a name is not found. Numbers need no entry.
    pub(super) fn resolve(user: &str, passwd: &str, group: &str) -> Result<Self, Unknown> {
        let (user, wanted_group) = match user.split_once(':') {
            Some((user, group)) => (user, Some(group).filter(|group| !group.is_empty())),
            None => (user, None),
        };
        let user = if user.is_empty() { "0" } else { user };
        let number = user.parse::<u32>().ok();
        let entry = passwd.lines().map(fields).find(|line| {
            line.first() == Some(&user) || number.is_some() && parse(line, 2) == number
        });
        let mut identity = match (&entry, number) {
            (Some(line), _) => Self {
                uid: parse(line, 2).unwrap_or_default(),
                gid: parse(line, 3).unwrap_or_default(),
                groups: Vec::new(),
                home: line
                    .get(5)
                    .map(|home| (*home).to_owned())
                    .filter(|home| home.starts_with('/')),
            },
            (None, Some(uid)) => Self { uid, ..Self::default() },
            (None, None) => return Err(Unknown { kind: "user", name: user.to_owned() }),
        };
        if let Some(wanted) = wanted_group {
            let found = group.lines().map(fields).find(|line| line.first() == Some(&wanted));
            let found = found.and_then(|line| parse(&line, 2)).or_else(|| wanted.parse().ok());
            identity.gid =
                found.ok_or_else(|| Unknown { kind: "group", name: wanted.to_owned() })?;
        } else if let Some(name) = entry.as_ref().and_then(|line| line.first()) {
            let member = |line: &Vec<&str>| {
                line.get(3).is_some_and(|all| all.split(',').any(|one| one == *name))
            };
            let groups =
                group.lines().map(fields).filter(member).filter_map(|line| parse(&line, 2));
            identity.groups = groups.filter(|gid| *gid != identity.gid).take(64).collect();
        }
        Ok(identity)
    }
}

fn fields(line: &str) -> Vec<&str> {
    line.split(':').collect()
}

fn parse(fields: &[&str], at: usize) -> Option<u32> {
    fields.get(at)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001::/home/app:/bin/sh\nodd";
    const GROUP: &str = "root:x:0:\nstaff:x:50:other,app\nwheel:x:10:app\n";

    #[test]
    fn users_are_found_by_name_and_number() {
        let resolve = |user| Identity::resolve(user, PASSWD, GROUP);
        assert_eq!(resolve("").unwrap().uid, 0);
        let app = resolve("app").unwrap();
        assert_eq!(
            (app.uid, app.gid, app.groups, app.home.as_deref()),
            (1000, 1001, vec![50, 10], Some("/home/app"))
        );
        assert_eq!(resolve("1000").unwrap().gid, 1001);
        assert_eq!((resolve("app:staff").unwrap().gid, resolve("app:7").unwrap().gid), (50, 7));
        assert_eq!(resolve("4711").unwrap(), Identity { uid: 4711, ..Identity::default() });
        assert_eq!(resolve("nobody").unwrap_err().to_string(), "image has no user 'nobody'");
        assert!(resolve("app:none").is_err());
        assert_eq!(Identity::resolve("", "", "").unwrap(), Identity::default());
    }
}
