//! The table of settings: one row per element of `config.xml` (agent contract 4.2).

use super::Paths;

/// A setting; the order is that of the written file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "each row is described by its element name in the table below")]
pub enum Setting {
    Token,
    Uuid,
    ControllerUrl,
    ControllerCert,
    NetworkInterface,
    DockerUrl,
    DiskLimit,
    DiskDirectory,
    MemoryLimit,
    CpuLimit,
    LogLimit,
    LogDirectory,
    LogFileCount,
    LogLevel,
    StatusFrequency,
    ChangeFrequency,
    DiagnosticsFrequency,
    ScanFrequency,
    Isolated,
    Gps,
    GpsCoordinates,
    FogType,
    SecureMode,
    DevMode,
    RouterHost,
    RouterPort,
    PruningFrequency,
    DiskThreshold,
    UpgradeFrequency,
    TimeZone,
    BindAddress,
    ContainerNetwork,
    MessageQuota,
}

/// Names of one setting on each surface.
struct Row {
    setting: Setting,
    element: &'static str,
    cli: Option<&'static str>,
    json: Option<&'static str>,
    local_api: Option<&'static str>,
    default: &'static str,
}

const fn row(
    setting: Setting,
    element: &'static str,
    cli: Option<&'static str>,
    json: Option<&'static str>,
    local_api: Option<&'static str>,
    default: &'static str,
) -> Row {
    Row { setting, element, cli, json, local_api, default }
}

#[rustfmt::skip]
const TABLE: [Row; 33] = [
    row(Setting::Token, "access_token", None, None, None, ""),
    row(Setting::Uuid, "iofog_uuid", None, None, None, ""),
    row(Setting::ControllerUrl, "controller_url", Some("a"), None, Some("controller-url"), "http://localhost:54421/api/v3/"),
    row(Setting::ControllerCert, "controller_cert", Some("ac"), None, Some("cert-directory"), "cert.crt"),
    row(Setting::NetworkInterface, "network_interface", Some("n"), Some("networkInterface"), Some("network-adapter"), "dynamic"),
    row(Setting::DockerUrl, "docker_url", Some("c"), Some("dockerUrl"), Some("docker-url"), "unix:///var/run/docker.sock"),
    row(Setting::DiskLimit, "disk_consumption_limit", Some("d"), Some("diskLimit"), Some("disk-limit"), "10"),
    row(Setting::DiskDirectory, "disk_directory", Some("dl"), Some("diskDirectory"), Some("disk-directory"), ""),
    row(Setting::MemoryLimit, "memory_consumption_limit", Some("m"), Some("memoryLimit"), Some("memory-limit"), "4096"),
    row(Setting::CpuLimit, "processor_consumption_limit", Some("p"), Some("cpuLimit"), Some("cpu-limit"), "80"),
    row(Setting::LogLimit, "log_disk_consumption_limit", Some("l"), Some("logLimit"), Some("logs-limit"), "10"),
    row(Setting::LogDirectory, "log_disk_directory", Some("ld"), Some("logDirectory"), Some("logs-directory"), ""),
    row(Setting::LogFileCount, "log_file_count", Some("lc"), Some("logFileCount"), Some("logs-count"), "10"),
    row(Setting::LogLevel, "log_level", Some("ll"), Some("logLevel"), Some("logs-level"), "INFO"),
    row(Setting::StatusFrequency, "status_update_freq", Some("sf"), Some("statusFrequency"), Some("status-frequency"), "30"),
    row(Setting::ChangeFrequency, "get_changes_freq", Some("cf"), Some("changeFrequency"), Some("changes-frequency"), "60"),
    row(Setting::DiagnosticsFrequency, "post_diagnostics_freq", Some("df"), None, Some("diagnostics-frequency"), "10"),
    row(Setting::ScanFrequency, "scan_devices_freq", Some("sd"), Some("deviceScanFrequency"), Some("device-scan-frequency"), "60"),
    row(Setting::Isolated, "isolated_docker_container", Some("idc"), Some("watchdogEnabled"), Some("isolated"), "off"),
    row(Setting::Gps, "gps", Some("gps"), Some("gpsMode"), Some("gps"), "auto"),
    row(Setting::GpsCoordinates, "gps_coordinates", None, None, None, ""),
    row(Setting::FogType, "fog_type", Some("ft"), None, Some("fog-type"), "auto"),
    row(Setting::SecureMode, "secure_mode", Some("sec"), None, None, "off"),
    row(Setting::DevMode, "dev_mode", Some("dev"), None, Some("developer-mode"), "off"),
    row(Setting::RouterHost, "router_host", None, None, None, ""),
    row(Setting::RouterPort, "router_port", None, None, None, "0"),
    row(Setting::PruningFrequency, "docker_pruning_freq", Some("pf"), Some("dockerPruningFrequency"), None, "1"),
    row(Setting::DiskThreshold, "available_disk_threshold", Some("dt"), Some("availableDiskThreshold"), None, "20"),
    row(Setting::UpgradeFrequency, "upgrade_scan_frequency", Some("uf"), Some("readyToUpgradeScanFrequency"), None, "24"),
    row(Setting::TimeZone, "time_zone", Some("tz"), Some("timeZone"), Some("time-zone"), ""),
    row(Setting::BindAddress, "bind_address", None, None, None, ""),
    row(Setting::ContainerNetwork, "container_network", None, None, None, ""),
    row(Setting::MessageQuota, "message_quota", None, None, None, "16"),
];

// === impl Setting ===

impl Setting {
    /// Every setting in file order.
    pub const ALL: [Self; 33] = {
        let mut all = [Self::Token; 33];
        let mut at = 0;
        while at < all.len() {
            all[at] = TABLE[at].setting;
            at += 1;
        }
        all
    };

    /// Position in file order.
    pub(super) fn index(self) -> usize {
        TABLE.iter().position(|row| row.setting == self).unwrap_or_default()
    }

    fn row(self) -> &'static Row {
        &TABLE[self.index()]
    }

    /// XML element name.
    pub fn element(self) -> &'static str {
        self.row().element
    }

    /// Option of `config`, without the dash.
    pub fn cli(self) -> Option<&'static str> {
        self.row().cli
    }

    /// Key in the Controller's agent configuration.
    pub fn json(self) -> Option<&'static str> {
        self.row().json
    }

    /// The setting of an option such as `-cf`; our own elements also by element name.
    pub fn by_cli(option: &str) -> Option<Self> {
        let name = option.strip_prefix('-')?;
        let own = |row: &Row| {
            matches!(row.setting, Self::BindAddress | Self::ContainerNetwork | Self::MessageQuota)
        };
        TABLE
            .iter()
            .find(|row| {
                row.cli == Some(name) || own(row) && name.strip_prefix('-') == Some(row.element)
            })
            .map(|row| row.setting)
    }

    /// The setting of a key of `POST /v2/config`.
    pub fn by_local_api(name: &str) -> Option<Self> {
        TABLE.iter().find(|row| row.local_api == Some(name)).map(|row| row.setting)
    }

    /// The setting of an XML element.
    pub fn by_element(name: &str) -> Option<Self> {
        TABLE.iter().find(|row| row.element == name).map(|row| row.setting)
    }

    /// Built-in default; folders depend on where the Agent lives.
    pub(super) fn default_value(self, paths: &Paths) -> String {
        match self {
            Self::DiskDirectory => format!("{}/", paths.library.display()),
            Self::LogDirectory => format!("{}/", paths.log.display()),
            Self::ControllerCert => paths.config.join("cert.crt").display().to_string(),
            _ => self.row().default.to_owned(),
        }
    }
}
