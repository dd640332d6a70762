//! Texts of `status`, `info`, `version` and the usage (agent contract 11.2 to 11.4).

use crate::config::{Config, Setting};
use crate::field_agent::{FieldAgent, VERSION};

pub(super) type Lines = Vec<(&'static str, String)>;

/// What `help` prints.
pub(super) const USAGE: &str = "Usage: iofog-agent [OPTIONS] COMMAND [arg...]

Option           GNU long option         Meaning
======           ===============         =======
-h, -?           --help                  Show this message
-v               --version               Display the software version

Command          Arguments               Meaning
=======          =========               =======
help                                     Show this message
version                                  Display the software version
status                                   Display current status information
info                                     Display the current configuration
provision        <provisioning key>      Attach this node to its Controller
deprovision                              Detach this node from its Controller
switch           <dev|prod|def>          Switch between configuration profiles
prune                                    Remove unused images of this Agent
explain          <microservice> [-o json]
                                         Why a microservice does not run or receive
config           [option] [value]        Change settings, several at once
                 defaults                Reset the settings
                 -d <#GB limit>          Disk limit
                 -dl <dir>               Disk directory
                 -m <#MB limit>          Memory limit
                 -p <#cpu % limit>       CPU limit
                 -a <uri>                Controller URL
                 -ac <filepath>          Controller certificate
                 -c <uri>                Container engine URL
                 -n <network adapter>    Network interface
                 -l <#GB limit>          Log disk limit
                 -ld <dir>               Log directory
                 -lc <#log files>        Log file count
                 -ll <log level>         Log level
                 -sf <#seconds>          Status update frequency
                 -cf <#seconds>          Get changes frequency
                 -df <#seconds>          Post diagnostics frequency
                 -sd <#seconds>          Scan devices frequency
                 -uf <#hours>            Upgrade scan frequency
                 -dt <#percentage>       Available disk threshold
                 -pf <#hours>            Pruning frequency
                 -idc <on/off>           Isolated containers mode
                 -gps <auto/off/lat,lon> Position
                 -ft <auto/intel_amd/arm> Fog type
                 -sec <on/off>           Secure mode
                 -dev <on/off>           Developer's mode
                 -tz <time zone>         Time zone
                 --bind_address <ip>     Address of Local API, Router and published ports
                 --container_network <n> Engine network of the containers
                 --message_quota <#MiB>  Messages that may wait for their receivers";

/// What `start` and `stop` print: only the service manager can do it.
pub(super) const SERVICE_HINT: &str =
    "Please use the service manager, such as: service iofog-agent start|stop";

/// `version`: the first line is what installers compare.
pub(super) fn version() -> String {
    format!(
        "ioFog {VERSION} \nCopyright (c) the Eclipse ioFog community and contributors\n\
         Eclipse ioFog is provided under the Apache License 2.0\nhttps://www.apache.org/licenses/LICENSE-2.0"
    )
}

/// Label and value pairs, one per line, labels padded to `width`.
pub(super) fn padded(lines: &Lines, width: usize, separator: &str) -> String {
    let lines: Vec<String> =
        lines.iter().map(|(label, value)| format!("{label:<width$}{separator}{value}")).collect();
    lines.join("\n")
}

/// The key of a label in the JSON forms.
pub(super) fn key(label: &str) -> String {
    let plain = match label {
        "GPS coordinates(lat,lon)" => "gps-coordinates",
        "Developer's Mode" => "developer-mode",
        other => other,
    };
    plain.to_ascii_lowercase().replace(' ', "-")
}

/// Lines of `status`.
pub(super) fn status(agent: &FieldAgent) -> Lines {
    let usage = agent.usage();
    let (processed, _) = agent.context().published();
    let free_share =
        if usage.disk_total == 0 { 0.0 } else { ratio(usage.disk_free, usage.disk_total) * 100.0 };
    vec![
        ("ioFog daemon", "RUNNING".to_owned()),
        ("Memory Usage", format!("about {:.2} MiB", mib(usage.memory))),
        ("Disk Usage", size(agent.message_bytes())),
        ("CPU Usage", format!("about {:.2} %", usage.cpu)),
        ("Running Microservices", agent.processes().running().to_string()),
        ("Connection to Controller", agent.link().as_str().to_owned()),
        ("Messages Processed", format!("about {}", grouped(processed))),
        ("System Time", super::local_time::now()),
        ("System Available Disk", format!("{:.2} MB ({free_share:.2} %)", mb(usage.disk_free))),
        ("System Available Memory", format!("{:.2} MB", mb(usage.memory_free))),
        ("System Total CPU", format!("{:.2} %", usage.system_cpu)),
    ]
}

/// Lines of `info`.
pub(super) fn info(agent: &FieldAgent) -> Lines {
    let config = agent.config();
    let interface = agent.interface();
    let get = |setting| config.get(setting).to_owned();
    let name = if interface.name.is_empty() { "not found" } else { &interface.name };
    let uuid = if config.is_provisioned() {
        config.uuid().to_string()
    } else {
        "not provisioned".to_owned()
    };
    vec![
        ("Iofog UUID", uuid),
        ("IP Address", interface.address.map(|address| address.to_string()).unwrap_or_default()),
        ("Network Interface", format!("{name}({})", get(Setting::NetworkInterface))),
        ("Secure Mode", get(Setting::SecureMode)),
        ("ioFog Controller", get(Setting::ControllerUrl)),
        ("ioFog Certificate", get(Setting::ControllerCert)),
        ("Docker URL", get(Setting::DockerUrl)),
        ("Message Storage Limit", format!("{:.2} GiB", config.decimal(Setting::DiskLimit))),
        ("Message Storage Directory", get(Setting::DiskDirectory)),
        ("Memory RAM Limit", format!("{:.2} MiB", config.decimal(Setting::MemoryLimit))),
        ("CPU Usage Limit", format!("{:.2}%", config.decimal(Setting::CpuLimit))),
        ("Log Disk Limit", format!("{:.2} GiB", config.decimal(Setting::LogLimit))),
        ("Log File Directory", get(Setting::LogDirectory)),
        ("Log Rolling File Count", get(Setting::LogFileCount)),
        ("Log Level", get(Setting::LogLevel)),
        ("Status Update Frequency", get(Setting::StatusFrequency)),
        ("Get Changes Frequency", get(Setting::ChangeFrequency)),
        ("Scan Devices Frequency", get(Setting::ScanFrequency)),
        ("Post Diagnostics Frequency", get(Setting::DiagnosticsFrequency)),
        ("Isolated Docker Containers Mode", get(Setting::Isolated)),
        ("GPS mode", get(Setting::Gps)),
        ("GPS coordinates(lat,lon)", get(Setting::GpsCoordinates)),
        ("Fog type", fog_type(&config)),
        ("Docker Pruning Frequency", get(Setting::PruningFrequency)),
        ("Available Disk Threshold", get(Setting::DiskThreshold)),
        ("Ready To Upgrade Scan Frequency", get(Setting::UpgradeFrequency)),
        ("Developer's Mode", get(Setting::DevMode)),
        ("Time Zone", get(Setting::TimeZone)),
    ]
}

fn fog_type(config: &Config) -> String {
    config.get(Setting::FogType).to_owned()
}

/// Thousands separated by commas.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let lead = digits.len() % 3;
    let mut text = digits[..lead].to_owned();
    for chunk in digits.as_bytes()[lead..].chunks(3) {
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(std::str::from_utf8(chunk).unwrap_or_default());
    }
    text
}

/// MiB, or GiB from one on.
fn size(bytes: u64) -> String {
    let mib = mib(bytes);
    if mib >= 1024.0 {
        format!("about {:.2} GiB", mib / 1024.0)
    } else {
        format!("about {mib:.2} MiB")
    }
}

fn ratio(part: u64, whole: u64) -> f64 {
    mb(part) / mb(whole).max(f64::MIN_POSITIVE)
}

fn mb(bytes: u64) -> f64 {
    f64::from(u32::try_from(bytes / 10_000).unwrap_or(u32::MAX)) / 100.0
}

fn mib(bytes: u64) -> f64 {
    f64::from(u32::try_from(bytes / 1024).unwrap_or(u32::MAX)) / 1024.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_the_contract_shows() {
        assert_eq!(
            (grouped(7).as_str(), grouped(1_234_567).as_str(), grouped(123).as_str()),
            ("7", "1,234,567", "123")
        );
    }

    #[test]
    fn version_has_four_lines_and_a_trailing_blank() {
        let text = version();
        assert_eq!(text.lines().count(), 4);
        assert_eq!(text.lines().next(), Some("ioFog 3.1.0 "));
    }

    #[test]
    fn sizes_change_their_unit_at_one_gib() {
        assert_eq!(size(5 << 20), "about 5.00 MiB");
        assert_eq!(size(3 << 29), "about 1.50 GiB");
    }

    #[test]
    fn labels_become_keys() {
        assert_eq!(key("ioFog daemon"), "iofog-daemon");
        assert_eq!(key("GPS coordinates(lat,lon)"), "gps-coordinates");
        assert_eq!(padded(&vec![("A", "1".into())], 4, ": "), "A   : 1");
    }
}
