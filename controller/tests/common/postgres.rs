//! A database of a test's own on the PostgreSQL server that `IOFOG_TEST_POSTGRES` names (`host:port:user`).

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
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

    /// A new one on a server of the test's own.
    fn on(port: u16) -> Self {
        let database = Self {
            host: "127.0.0.1".to_owned(),
            port,
            user: "postgres".to_owned(),
            name: "test".to_owned(),
        };
        database.maintain("CREATE DATABASE test").unwrap();
        database
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

/// A server of the test's own, which it may stop; gone with the value.
pub struct Server {
    programs: PathBuf,
    folder: PathBuf,
    port: u16,
}

impl Server {
    /// A new one; none when the programs are missing or may not be run as another user.
    pub fn start() -> Option<Self> {
        let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?.filter_map(Result::ok);
        let programs = versions.map(|entry| entry.path().join("bin"));
        let programs = programs.filter(|folder| folder.join("initdb").exists()).max()?;
        let folder =
            std::env::temp_dir().join(format!("iofog-own-postgres-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        // Asked from the system, so that it is free a moment later too.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = Self { programs, folder, port };
        let owned = Command::new("chown").arg("postgres").arg(&server.folder).status();
        let made = owned.is_ok_and(|status| status.success())
            && server.run("initdb", &["--auth=trust", "--username=postgres"]);
        if !made {
            return None;
        }
        server.resume();
        Some(server)
    }

    /// A database on it.
    pub fn database(&self) -> Database {
        Database::on(self.port)
    }

    /// `fast` takes leave of the clients, `immediate` does not.
    pub fn stop(&self, how: &str) {
        assert!(self.run("pg_ctl", &["stop", "--wait", "--mode", how]), "the server does not stop");
    }

    pub fn resume(&self) {
        let options = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories={}",
            self.port,
            self.folder.display()
        );
        let log = self.folder.join("log").display().to_string();
        let started = self.run("pg_ctl", &["start", "--wait", "-o", &options, "-l", &log]);
        assert!(started, "the server does not start");
    }

    /// A program of the server's, on its data, as a user that it accepts: it refuses root.
    fn run(&self, program: &str, arguments: &[&str]) -> bool {
        let data = self.folder.join("data");
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--"]).arg(self.programs.join(program)).args(arguments);
        command.arg("-D").arg(data).current_dir(Path::new("/"));
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.run("pg_ctl", &["stop", "--mode", "immediate"]);
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
