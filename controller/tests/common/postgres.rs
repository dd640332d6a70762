//! A database of a test's own on the PostgreSQL server that `IOFOG_TEST_POSTGRES` names (`host:port:user`).

use std::sync::atomic::{AtomicU32, Ordering};

use postgres::{Client, Config, NoTls};

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A database; dropped with the value.
pub struct Database {
    host: String,
    port: u16,
    user: String,
    name: String,
}

impl Database {
    /// A new one; none when there is no server.
    pub fn create() -> Option<Self> {
        let server = std::env::var("IOFOG_TEST_POSTGRES").ok()?;
        let (host, rest) = server.split_once(':').expect("host:port:user");
        let (port, user) = rest.split_once(':').expect("host:port:user");
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let database = Self {
            host: host.to_owned(),
            port: port.parse().unwrap(),
            user: user.to_owned(),
            name: format!("test_{}_{number}", std::process::id()),
        };
        database.maintain(&format!("CREATE DATABASE {}", database.name)).unwrap();
        Some(database)
    }

    /// The variables that lead a Controller here.
    pub fn environment(&self) -> [(&'static str, String); 5] {
        [
            ("DB_PROVIDER", "postgres".to_owned()),
            ("DB_HOST", self.host.clone()),
            ("DB_PORT", self.port.to_string()),
            ("DB_USER", self.user.clone()),
            ("DB_NAME", self.name.clone()),
        ]
    }

    pub fn client(&self) -> Client {
        self.connect(&self.name).unwrap()
    }

    /// Ends every connection that others have to the database.
    pub fn cut(&self) {
        let sql = format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'",
            self.name
        );
        self.maintain(&sql).unwrap();
    }

    fn maintain(&self, sql: &str) -> Result<(), postgres::Error> {
        self.connect("postgres")?.batch_execute(sql)
    }

    fn connect(&self, name: &str) -> Result<Client, postgres::Error> {
        Config::new().host(&self.host).port(self.port).user(&self.user).dbname(name).connect(NoTls)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let _ = self.maintain(&format!("DROP DATABASE {} WITH (FORCE)", self.name));
    }
}
