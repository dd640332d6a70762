//! Settings (controller contract 23) from the environment, names with `_` between levels and the plain names that deployments use,
//! and from `config.json`.

pub mod broker;
pub mod file;
pub mod mail;

use std::net::IpAddr;
use std::ops::Range;
use std::path::PathBuf;

use anyhow::{Context, Result, anyhow, bail};
use iofog_log_sink::Target;

use crate::http::places::Network;
use crate::store::postgres::Address;

/// Everything that can be set.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Address to listen on (`Server_Host`); absent = all.
    pub host: Option<IpAddr>,
    /// Port of the API (`Server_Port`).
    pub port: u16,
    /// Folder of the embedded database.
    pub data_dir: PathBuf,
    /// Folder of the file with the process's number (`PID_BASE`).
    pub pid_base: PathBuf,
    /// Files to log to (`Service_Logs*`); absent = standard error.
    pub log: Option<Target>,
    /// Who hears of agents made and removed (`Kubelet_Uri`).
    pub kubelet: String,
    /// The PostgreSQL database to use instead (`DB_PROVIDER=postgres`).
    pub database: Option<Address>,
    /// Life of a user's token in ms.
    pub user_token_ms: i64,
    /// Life of an agent's token in ms.
    pub fog_token_ms: i64,
    /// Interval of the agent status job in ms.
    pub status_job_ms: u64,
    /// Missed status intervals before an agent counts as unknown.
    pub status_tolerance: i64,
    /// Silence of a device link after which its agent counts as unknown, in seconds.
    pub lost_after_s: u16,
    /// Public ports that are given out.
    pub public_ports: Range<i64>,
    /// Who opens ports with `proxy: true`; none = nobody.
    pub broker: Option<broker::Broker>,
    /// Connections at one time (`Server_Connections`).
    pub connections: usize,
    /// Connections of one address at one time (`Server_ConnectionsPerAddress`); absent = a quarter of all.
    pub connections_per_address: Option<usize>,
    /// Reverse proxies, whose address has no such bound (`Server_TrustedProxies`, addresses or networks with commas).
    pub trusted_proxies: Vec<Network>,
    /// Bytes for bodies being received and answers waiting to be taken (`Server_BufferMiB`).
    pub buffers: usize,
    /// What makes the API HTTPS; none = plain HTTP, also while `Server_DevMode` is on, which is the default.
    pub certificate: Option<Certificate>,
    /// SSH tunnels to agents (`Tunnel_*`).
    pub tunnel: Tunnels,
    /// The viewer to serve (`ECN_VIEWER_PATH`); none is part of the program.
    pub viewer: Option<Viewer>,
    /// How mail is sent to users (`Email_*`); none = accounts get none.
    pub mail: Option<mail::Mail>,
    /// New accounts are opened by a code that comes by mail (`Email_ActivationEnabled`).
    pub activation: bool,
    /// Where users are sent once their account is open, and where their mail leads them (`Email_HomeUrl`).
    pub home_url: String,
    /// Images of Router and Proxy by fog type 1 and 2, where they differ from the seeds.
    pub system_images: Vec<(String, i64, String)>,
}

/// The certificate of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Certificate {
    /// PEM files (`Server_SslKey`, `Server_SslCert`, `Server_IntermediateCert`).
    Files {
        /// Private key.
        key: PathBuf,
        /// Certificate, and those between it and its authority.
        chain: Vec<PathBuf>,
    },
    /// One of our own, made once, for these host names or addresses (`Server_SslNames`, with commas).
    Own {
        /// Names.
        names: Vec<String>,
    },
}

/// A viewer and where it is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Viewer {
    /// Folder of its `index.html` (`ECN_VIEWER_PATH`).
    pub folder: PathBuf,
    /// Port (`VIEWER_PORT`, `Viewer_Port`).
    pub port: u16,
    /// Where browsers find the API (`VIEWER_URL`, `Viewer_Url`); absent = at the viewer's host name.
    pub url: Option<String>,
}

/// What tunnels are opened with. Password and key go to agents only.
#[derive(Clone)]
#[allow(missing_docs, reason = "fields of the contract, section 16")]
pub struct Tunnels {
    pub username: Option<String>,
    pub password: Option<String>,
    pub host: Option<String>,
    pub rsa_key: Option<String>,
    pub local_port: i64,
    pub ports: Range<i64>,
}

impl std::fmt::Debug for Tunnels {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tunnels").field("host", &self.host).finish_non_exhaustive()
    }
}

/// Life of a provisioning key in ms.
pub const PROVISION_KEY_MS: i64 = 20 * 60 * 1000;

impl Settings {
    /// Reads the settings; `get` gives the value of an environment variable.
    ///
    /// # Errors
    /// Naming the variable whose value makes no sense.
    pub fn read(get: impl Fn(&str) -> Option<String>, data_dir: Option<PathBuf>) -> Result<Self> {
        let data_dir = Self::data_dir(data_dir);
        let number = |name: &str, default: i64| -> Result<i64> {
            get(name).map_or(Ok(default), |text| {
                text.parse().with_context(|| format!("{name}: {text} is no number"))
            })
        };
        let host = get("Server_Host")
            .map(|text| text.parse().with_context(|| format!("Server_Host: {text} is no address")))
            .transpose()?;
        let port = number("Server_Port", 51_121)?;
        let positive = |name: &str, default: i64| match number(name, default)? {
            // More than a century ends nothing any more, and sums of times stay small.
            value @ 1..=4_000_000_000 => Ok(value),
            value => Err(anyhow!("{name}: {value} is not from 1 to 4000000000")),
        };
        let seconds = |name, default| Ok::<_, anyhow::Error>(positive(name, default)? * 1000);
        let range = get("PUBLIC_PORTS_RANGE").or_else(|| get("PublicPorts_Range"));
        let images = ["Router", "Proxy", "PortRouter"]
            .iter()
            .flat_map(|name| [1, 2].map(|fog_type| ((*name).to_owned(), fog_type)));
        Ok(Self {
            database: database(&get)?,
            viewer: viewer(&get)?,
            broker: broker::read(&get)?,
            mail: mail::read(&get)?,
            activation: flag(&get, "Email_ActivationEnabled", false)?,
            home_url: home_url(&get)?,
            connections: usize::try_from(number("Server_Connections", 30_000)?.max(1))
                .context("Server_Connections: is too large")?,
            connections_per_address: match number("Server_ConnectionsPerAddress", 0)? {
                0 => None,
                share => Some(
                    usize::try_from(share)
                        .context("Server_ConnectionsPerAddress: must not be negative")?,
                ),
            },
            trusted_proxies: trusted_proxies(get("Server_TrustedProxies").as_deref())?,
            buffers: usize::try_from(number("Server_BufferMiB", 64)?)
                .ok()
                .filter(|mebibytes| (8..=4095).contains(mebibytes))
                .context("Server_BufferMiB: must be 8 to 4095")?
                * 1024
                * 1024,
            certificate: certificate(&get)?,
            tunnel: Tunnels {
                username: get("Tunnel_Username"),
                password: get("Tunnel_Password"),
                host: get("Tunnel_Host"),
                rsa_key: get("Tunnel_RsaKey"),
                local_port: number("Tunnel_Lport", 22)?,
                ports: parse_range(
                    "Tunnel_PortRange",
                    get("Tunnel_PortRange").as_deref().unwrap_or("2000-10000"),
                )?,
            },
            host,
            port: u16::try_from(port).with_context(|| format!("Server_Port: {port} is no port"))?,
            pid_base: get("PID_BASE").map_or_else(|| data_dir.clone(), PathBuf::from),
            log: log(&get, &number)?,
            kubelet: get("Kubelet_Uri").unwrap_or_else(|| "http://localhost:1234".to_owned()),
            data_dir,
            user_token_ms: seconds("Settings_UserTokenExpirationIntervalSeconds", 3600)?,
            fog_token_ms: seconds("Settings_FogTokenExpirationIntervalSeconds", 3600)?,
            status_job_ms: u64::try_from(seconds("Settings_FogStatusUpdateIntervalSeconds", 30)?)
                .context("Settings_FogStatusUpdateIntervalSeconds: must not be negative")?
                .max(1000),
            status_tolerance: positive("Settings_FogStatusUpdateTolerance", 3)?,
            lost_after_s: u16::try_from(number(
                "Settings_LinkLostAfterSeconds",
                iofog_link::LOST_AFTER_S.into(),
            )?)
            .ok()
            .filter(|seconds| (30..=3600).contains(seconds))
            .context("Settings_LinkLostAfterSeconds: must be 30 to 3600")?,
            public_ports: parse_range(
                "PUBLIC_PORTS_RANGE",
                range.as_deref().unwrap_or("6000-7000"),
            )?,
            system_images: images
                .filter_map(|(name, fog_type)| {
                    let image = get(&format!("SystemImages_{name}_{fog_type}"))?;
                    Some((name, fog_type, image))
                })
                .collect(),
        })
    }
}

impl Settings {
    /// The folder: as given, else `IOFOG_DATA_DIR`, else the packages' own.
    #[must_use]
    pub fn data_dir(given: Option<PathBuf>) -> PathBuf {
        given
            .or_else(|| std::env::var_os("IOFOG_DATA_DIR").map(PathBuf::from))
            .unwrap_or_else(|| PathBuf::from("/var/lib/iofog-controller"))
    }

    /// The settings of this process: environment over file over defaults.
    ///
    /// # Errors
    /// When the file cannot be read, or naming the setting whose value makes no sense.
    pub fn load(data_dir: Option<PathBuf>) -> Result<Self> {
        let data_dir = Self::data_dir(data_dir);
        let document = file::read(&file::path(&data_dir))?;
        let get = |name: &str| {
            std::env::var(name).ok().or_else(|| file::get(&document, name).map(file::text))
        };
        Self::read(get, Some(data_dir))
    }

    /// Connections that one address may have at one time.
    #[must_use]
    pub fn share(&self) -> usize {
        self.connections_per_address.unwrap_or(self.connections / 4).max(1)
    }

    /// Folder of image snapshots.
    #[must_use]
    pub fn snapshots(&self) -> PathBuf {
        self.data_dir.join("snapshots")
    }
}

/// Only deployments that name a folder log to files: containers and services take standard error.
fn log(
    get: &impl Fn(&str) -> Option<String>,
    number: &impl Fn(&str, i64) -> Result<i64>,
) -> Result<Option<Target>> {
    let Some(directory) = get("Service_LogsDirectory").filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let size = number("Service_LogsFileSize", 10_485_760)?;
    let count = number("Service_LogsFileCount", 10)?;
    Ok(Some(Target::RotatingFile {
        directory: PathBuf::from(directory),
        stem: "iofog-controller".to_owned(),
        limit_bytes: u64::try_from(size).context("Service_LogsFileSize: must not be negative")?,
        count: u32::try_from(count.max(1)).context("Service_LogsFileCount: is too large")?,
    }))
}

fn trusted_proxies(text: Option<&str>) -> Result<Vec<Network>> {
    let parts = text.unwrap_or_default().split(',').map(str::trim).filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let invalid = || anyhow!("Server_TrustedProxies: {part} is no address or network");
            part.parse().map_err(|()| invalid())
        })
        .collect()
}

/// Deployments set the port also where there is nothing to serve on it.
fn viewer(get: &impl Fn(&str) -> Option<String>) -> Result<Option<Viewer>> {
    let text =
        |names: &[&str]| names.iter().find_map(|name| get(name).filter(|value| !value.is_empty()));
    let Some(folder) = text(&["ECN_VIEWER_PATH"]) else { return Ok(None) };
    let port = text(&["VIEWER_PORT", "Viewer_Port"]).unwrap_or_else(|| "80".to_owned());
    Ok(Some(Viewer {
        folder: PathBuf::from(folder),
        port: port.parse().with_context(|| format!("VIEWER_PORT: {port} is no port"))?,
        url: text(&["VIEWER_URL", "Viewer_Url"]),
    }))
}

/// HTTPS is for those who turn the development mode off and say with which certificate.
fn certificate(get: &impl Fn(&str) -> Option<String>) -> Result<Option<Certificate>> {
    let text = |name: &str| get(name).filter(|value| !value.is_empty());
    if flag(get, "Server_DevMode", true)? {
        return Ok(None);
    }
    let path = |name| text(name).map(PathBuf::from);
    match (path("Server_SslKey"), path("Server_SslCert"), text("Server_SslNames")) {
        (Some(key), Some(own), None) => {
            let chain = [Some(own), path("Server_IntermediateCert")].into_iter().flatten();
            Ok(Some(Certificate::Files { key, chain: chain.collect() }))
        }
        (None, None, Some(names)) => {
            let names = names.split(',').map(|name| name.trim().to_owned()).collect();
            Ok(Some(Certificate::Own { names }))
        }
        (None, None, None) => Ok(None),
        (Some(_), Some(_), Some(_)) => bail!("Server_SslNames: there is a certificate already"),
        _ => bail!("Server_SslKey, Server_SslCert: only both together make HTTPS"),
    }
}

fn flag(get: &impl Fn(&str) -> Option<String>, name: &str, default: bool) -> Result<bool> {
    match get(name).filter(|value| !value.is_empty()).as_deref() {
        None => Ok(default),
        Some("true" | "1") => Ok(true),
        Some("false" | "0") => Ok(false),
        Some(other) => bail!("{name}: {other} is neither true nor false"),
    }
}

/// It becomes a header and a part of a mail.
fn home_url(get: &impl Fn(&str) -> Option<String>) -> Result<String> {
    let url = get("Email_HomeUrl").unwrap_or_default();
    let fits = url.is_empty() || url.starts_with("http://") || url.starts_with("https://");
    if !fits || !url.chars().all(|letter| letter.is_ascii_graphic()) {
        bail!("Email_HomeUrl: {url} is no address of a page");
    }
    Ok(url)
}

/// `DB_*`. Deployments set all of them, often to nothing, also where there is no database (kubernetes contract).
fn database(get: &impl Fn(&str) -> Option<String>) -> Result<Option<Address>> {
    let text =
        |names: &[&str]| names.iter().find_map(|name| get(name).filter(|value| !value.is_empty()));
    match text(&["DB_PROVIDER", "Database_Provider"]).as_deref() {
        None | Some("sqlite") => return Ok(None),
        Some("postgres" | "postgresql") => {}
        Some("mysql") => bail!("DB_PROVIDER: mysql is not supported: use postgres or sqlite"),
        Some(other) => bail!("DB_PROVIDER: {other} is not supported: use postgres or sqlite"),
    }
    let needed = |names: &[&str]| {
        text(names).with_context(|| format!("{}: is needed with DB_PROVIDER=postgres", names[0]))
    };
    let port = text(&["DB_PORT"]).unwrap_or_else(|| "5432".to_owned());
    Ok(Some(Address {
        host: needed(&["DB_HOST"])?,
        port: port.parse().with_context(|| format!("DB_PORT: {port} is no port"))?,
        // The Operator says one, iofogctl the other.
        user: needed(&["DB_USERNAME", "DB_USER"])?,
        password: text(&["DB_PASSWORD"]).unwrap_or_default(),
        name: text(&["DB_NAME"]).unwrap_or_else(|| "iofogcontroller".to_owned()),
        authority: text(&["DB_SSL_CA"]).map(PathBuf::from),
    }))
}

/// `6000-7000` means 6000 to 6999.
fn parse_range(name: &str, text: &str) -> Result<Range<i64>> {
    let parsed = text
        .split_once('-')
        .and_then(|(first, end)| Some(first.trim().parse().ok()?..end.trim().parse().ok()?));
    match parsed {
        Some(range) if 0 < range.start && range.start < range.end && range.end <= 65_536 => {
            Ok(range)
        }
        _ => bail!("{name}: {text} is no range like 6000-7000"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Settings> {
        let get = |name: &str| {
            pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        };
        Settings::read(get, None)
    }

    #[test]
    fn defaults_and_names() {
        let settings = read(&[("PUBLIC_PORTS_RANGE", "7000-7002")]).unwrap();
        assert_eq!((settings.port, &settings.public_ports), (51_121, &(7000..7002)));
        assert_eq!((settings.connections, settings.share()), (30_000, 7500));
        let few = [("Server_Connections", "2"), ("Server_TrustedProxies", "10.0.0.0/8, ::1")];
        let settings = read(&few).unwrap();
        assert_eq!((settings.share(), settings.trusted_proxies.len()), (1, 2));
        let settings = read(&[("SystemImages_Router_2", "r:2")]).unwrap();
        assert_eq!(settings.system_images, [("Router".to_owned(), 2, "r:2".to_owned())]);
    }

    #[test]
    fn a_database_by_either_name_of_its_user() {
        for user in ["DB_USERNAME", "DB_USER"] {
            let pairs =
                [("DB_PROVIDER", "postgres"), ("DB_HOST", "db"), (user, "u"), ("DB_PORT", "1")];
            let database = read(&pairs).unwrap().database.unwrap();
            assert_eq!(format!("{database:?}"), "postgres://u@db:1/iofogcontroller");
        }
        let empty = [("DB_PROVIDER", ""), ("DB_HOST", ""), ("DB_PORT", "0")];
        assert_eq!(read(&empty).unwrap().database, None);
        let error = read(&[("DB_PROVIDER", "postgres")]).unwrap_err().to_string();
        assert_eq!(error, "DB_HOST: is needed with DB_PROVIDER=postgres");
    }

    #[test]
    fn https_only_without_development_mode() {
        let pair = [("Server_SslKey", "k"), ("Server_SslCert", "c")];
        assert_eq!(read(&pair).unwrap().certificate, None);
        let off = [pair[0], pair[1], ("Server_DevMode", "false")];
        let files = Certificate::Files { key: "k".into(), chain: vec!["c".into()] };
        assert_eq!(read(&off).unwrap().certificate, Some(files));
        assert!(read(&off[1..]).is_err());
        let own = [("Server_DevMode", "false"), ("Server_SslNames", "a, b")];
        let names = vec!["a".to_owned(), "b".to_owned()];
        assert_eq!(read(&own).unwrap().certificate, Some(Certificate::Own { names }));
    }

    #[test]
    fn a_viewer_is_served_where_there_is_one() {
        assert_eq!(read(&[("VIEWER_PORT", "8008")]).unwrap().viewer, None);
        let folder = ("ECN_VIEWER_PATH", "/v");
        let viewer = read(&[folder, ("Viewer_Port", "8008"), ("VIEWER_URL", "")]).unwrap().viewer;
        assert_eq!(viewer, Some(Viewer { folder: "/v".into(), port: 8008, url: None }));
        assert_eq!(read(&[folder]).unwrap().viewer.unwrap().port, 80);
        let error = read(&[folder, ("VIEWER_PORT", "x")]).unwrap_err().to_string();
        assert_eq!(error, "VIEWER_PORT: x is no port");
    }

    #[test]
    fn nonsense_is_refused_by_name() {
        for (name, value) in [
            ("Server_DevMode", "maybe"),
            ("Tunnel_PortRange", "1"),
            ("Settings_UserTokenExpirationIntervalSeconds", "0"),
            ("Settings_FogTokenExpirationIntervalSeconds", "-1"),
            ("Settings_FogStatusUpdateIntervalSeconds", "9223372036854775807"),
            ("Settings_FogStatusUpdateTolerance", "0"),
            ("Server_BufferMiB", "7"),
            ("Server_ConnectionsPerAddress", "-1"),
            ("Server_TrustedProxies", "10.0.0.0/8, nginx"),
            ("Server_Port", "x"),
            ("Server_Port", "70000"),
            ("PUBLIC_PORTS_RANGE", "7-6"),
            ("DB_PROVIDER", "mysql"),
        ] {
            let error = read(&[(name, value)]).unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
        }
    }
}
