//! Certificates, keys and users on disk.
#![allow(dead_code, clippy::unwrap_used, reason = "test support: each file uses its part")]

use std::path::PathBuf;

use iofog_router::config::Mode;
use iofog_router::identity::hash_password;
use iofog_router::{RouterConfig, RouterHandle, RuntimeOptions, start};
use iofog_tls::{Authority, Identity};

/// Certificates on disk, as a router reads them; gone with the test.
pub(crate) struct Files {
    pub(crate) directory: PathBuf,
    pub(crate) authority: Authority,
}

impl Files {
    pub(crate) fn new(test: &str) -> Self {
        let directory =
            std::env::temp_dir().join(format!("router-tls-{test}-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let files = Self { directory, authority: Authority::new("authority").unwrap() };
        std::fs::write(files.path("ca"), files.authority.certificate()).unwrap();
        files.issue("server");
        files.issue("client");
        let users = format!("ann:{}\n", hash_password("sesame", [1; 16]));
        std::fs::write(files.path("users"), users).unwrap();
        files
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.directory.join(name).display().to_string()
    }

    /// A new certificate of that name, in place of an older one.
    pub(crate) fn issue(&self, name: &str) {
        let issued = self.authority.issue(name, &["localhost", "127.0.0.1"]).unwrap();
        std::fs::write(self.path(&format!("{name}.crt")), issued.certificate).unwrap();
        std::fs::write(self.path(&format!("{name}.key")), issued.key).unwrap();
    }

    /// The profile entities `server` and `client` in the text syntax.
    pub(crate) fn profiles(&self) -> String {
        ["server", "client"]
            .map(|name| {
                format!(
                    "sslProfile {{\n name: {name}\n certFile: {}\n privateKeyFile: {}\n \
                     caCertFile: {}\n uidFormat: n\n}}\n",
                    self.path(&format!("{name}.crt")),
                    self.path(&format!("{name}.key")),
                    self.path("ca"),
                )
            })
            .concat()
    }

    /// A configuration: a router, both profiles, and further entities.
    pub(crate) fn config(&self, mode: Mode, id: &str, more: &str) -> RouterConfig {
        let text = format!(
            "router {{\n mode: {}\n id: {id}\n saslUsersFile: {}\n}}\n{}{more}",
            mode.as_str(),
            self.path("users"),
            self.profiles()
        );
        RouterConfig::from_text(&text).unwrap()
    }

    pub(crate) async fn router(&self, mode: Mode, id: &str, more: &str) -> RouterHandle {
        start(self.config(mode, id, more), RuntimeOptions::default()).await.unwrap()
    }

    pub(crate) fn identity(&self, name: &str) -> Identity {
        let path = |kind: &str| self.directory.join(format!("{name}.{kind}"));
        Identity::from_files(&path("crt"), &path("key")).unwrap()
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}
