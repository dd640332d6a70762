//! What tells this device from others of its kind.

use std::path::{Path, PathBuf};

use crate::domain::enrolment::{DeviceSource, device_id};

/// The device's id from `source`; `root` stands for `/`.
///
/// # Errors
/// Saying what is missing.
pub fn identify(root: &Path, source: &DeviceSource) -> Result<String, String> {
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path);
        let text = text.map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        let line = text.lines().next().unwrap_or_default();
        device_id(line).ok_or_else(|| format!("{} names no device", path.display()))
    };
    match source {
        DeviceSource::Mac(Some(name)) => {
            read(root.join("sys/class/net").join(name).join("address"))
        }
        DeviceSource::Mac(None) => hardware_address(&root.join("sys/class/net"))
            .ok_or_else(|| "no interface has a hardware address of its own".to_owned()),
        DeviceSource::Serial => read(root.join("proc/device-tree/serial-number")),
        DeviceSource::MachineId => read(root.join("etc/machine-id")),
        DeviceSource::File(path) => read(root.join(path.trim_start_matches('/'))),
    }
}

/// Of the interfaces of hardware, by name, the first whose address was not made up at start.
fn hardware_address(folder: &Path) -> Option<String> {
    let entries = std::fs::read_dir(folder).ok()?;
    let mut all: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    all.sort();
    let text = |path: PathBuf| std::fs::read_to_string(path).ok();
    let own = |path: &PathBuf| {
        let kind = text(path.join("addr_assign_type"));
        path.join("device").exists() && kind.is_none_or(|kind| kind.trim() == "0")
    };
    all.into_iter().filter(own).find_map(|path| device_id(&text(path.join("address"))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_source_is_read_where_it_stands() {
        let root = std::env::temp_dir().join(format!("iofog-device-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&root);
        let write = |path: &str, text: &str| {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        let mac = DeviceSource::Mac(None);
        assert!(identify(&root, &mac).is_err());
        write("sys/class/net/br0/address", "02:00:00:00:00:01\n");
        write("sys/class/net/eth0/address", "02:00:00:00:00:02\n");
        write("sys/class/net/eth0/device/vendor", "");
        write("sys/class/net/eth0/addr_assign_type", "1\n");
        assert!(identify(&root, &mac).is_err(), "neither a bridge nor a random address");
        write("sys/class/net/eth1/address", "02:00:00:00:00:03\n");
        write("sys/class/net/eth1/device/vendor", "");
        write("sys/class/net/eth1/addr_assign_type", "0\n");
        write("proc/device-tree/serial-number", "10000000ab\0");
        write("etc/machine-id", "0123456789abcdef0123456789abcdef\n");
        write("etc/asset", "ASSET 17\nmore\n");
        write("etc/blank", "\n");
        for (source, id) in [
            (mac, Some("020000000003")),
            (DeviceSource::Mac(Some("br0".into())), Some("020000000001")),
            (DeviceSource::Serial, Some("10000000ab")),
            (DeviceSource::MachineId, Some("0123456789abcdef0123456789abcdef")),
            (DeviceSource::File("/etc/asset".into()), Some("asset17")),
            (DeviceSource::File("/etc/blank".into()), None),
            (DeviceSource::File("/etc/nothing".into()), None),
        ] {
            assert_eq!(identify(&root, &source).ok().as_deref(), id, "{source:?}");
        }
        let _ = std::fs::remove_dir_all(root);
    }
}
