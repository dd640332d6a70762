//! Configuration: defaults, rules, files.

use super::*;

fn folder() -> std::path::PathBuf {
    let folder = std::env::temp_dir().join(format!(
        "iofog-config-{}-{:?}",
        std::process::id(),
        std::thread::current().id()
    ));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

#[test]
fn every_row_is_found_by_its_names() {
    for setting in Setting::ALL {
        assert_eq!(Setting::by_element(setting.element()), Some(setting));
        if let Some(cli) = setting.cli() {
            assert_eq!(Setting::by_cli(&format!("-{cli}")), Some(setting));
        }
    }
}

#[test]
fn values_outside_their_range_are_refused_and_change_nothing() {
    let paths = Paths::system(None);
    let mut config = Config::defaults(&paths);
    for (setting, value) in [
        (Setting::DockerUrl, "http://x"),
        (Setting::DiskLimit, "0.9"),
        (Setting::DiskLimit, "ten"),
        (Setting::MemoryLimit, "127"),
        (Setting::CpuLimit, "101"),
        (Setting::LogLimit, "0.4"),
        (Setting::LogFileCount, "0"),
        (Setting::LogLevel, "DEBUG"),
        (Setting::StatusFrequency, "0"),
        (Setting::StatusFrequency, "-3"),
        (Setting::Isolated, "yes"),
        (Setting::Gps, "91,0"),
        (Setting::FogType, "mips"),
        (Setting::BindAddress, "gateway"),
        (Setting::ControllerUrl, " "),
    ] {
        let before = config.clone();
        assert!(config.set(setting, value).is_err(), "{setting:?} took {value}");
        assert_eq!(config, before);
    }
}

#[test]
fn values_are_normalised() {
    let mut config = Config::defaults(&Paths::system(None));
    config.set(Setting::LogLevel, "warning").unwrap();
    config.set(Setting::LogDirectory, "/tmp/logs").unwrap();
    config.set(Setting::StatusFrequency, "+6").unwrap();
    config.set(Setting::Gps, "dynamic").unwrap();
    config.set(Setting::ControllerUrl, "http://h:51121/api/v3").unwrap();
    assert_eq!(config.get(Setting::LogLevel), "WARNING");
    assert_eq!(config.get(Setting::LogDirectory), "/tmp/logs/");
    assert_eq!(config.seconds(Setting::StatusFrequency).as_secs(), 6);
    assert_eq!(config.controller_url(), "http://h:51121/api/v3/");
}

#[test]
fn coordinates_mean_manual_mode() {
    let mut config = Config::defaults(&Paths::system(None));
    let done = config.apply(&[(Setting::Gps, "46.2,-6.1".into()), (Setting::CpuLimit, "1".into())]);
    assert!(matches!(&done[0].outcome, Outcome::Accepted { old } if old == "auto"));
    assert!(matches!(done[1].outcome, Outcome::Refused(_)));
    assert_eq!(
        (config.get(Setting::Gps), config.coordinates()),
        ("manual", Some(("46.2", "-6.1")))
    );
}

#[test]
fn saved_file_reads_back_equal() {
    let folder = folder();
    let file = ConfigFile::new(&Paths::under(&folder));
    let (mut config, _) = file.load().unwrap();
    config.set_identity(&"fog-1".into(), "to<k&n");
    config.set(Setting::ContainerNetwork, "net-1").unwrap();
    file.save(&config).unwrap();
    assert_eq!(file.load().unwrap().0, config);
    let _ = std::fs::remove_dir_all(folder);
}

#[test]
fn truncated_file_falls_back_to_the_backup() {
    let folder = folder();
    let file = ConfigFile::new(&Paths::under(&folder));
    let mut config = file.load().unwrap().0;
    config.set_identity(&"fog-1".into(), "token");
    file.save(&config).unwrap();
    let path = folder.join("config.xml");
    let whole = std::fs::read(&path).unwrap();
    for length in 0..whole.len() - 1 {
        std::fs::write(&path, &whole[..length]).unwrap();
        assert_eq!(file.load().unwrap().0.uuid().as_str(), "fog-1", "cut at {length}");
    }
    std::fs::write(&path, b"\xff\xfe\x00").unwrap();
    assert_eq!(file.load().unwrap().0.uuid().as_str(), "fog-1", "bytes that are no text");
    std::fs::write(folder.join("config-bck.xml"), "<config>").unwrap();
    std::fs::write(&path, "<config>").unwrap();
    assert!(file.load().is_err());
    let _ = std::fs::remove_dir_all(folder);
}

#[test]
fn odd_elements_keep_their_defaults() {
    let folder = folder();
    std::fs::write(
        folder.join("config.xml"),
        "<config><!-- <log_level>OFF</log_level> --><cpu>1</cpu><log_file_count>0</log_file_count>\
         <gps>dynamic</gps><log_level>INFO</log_level><log_level>FINE</log_level></config>",
    )
    .unwrap();
    let (config, notes) = ConfigFile::new(&Paths::under(&folder)).load().unwrap();
    assert_eq!(config.get(Setting::LogFileCount), "10");
    assert_eq!(config.get(Setting::Gps), "dynamic");
    assert_eq!(notes.len(), 2, "{notes:?}");
    let _ = std::fs::remove_dir_all(folder);
}

#[test]
fn switching_profiles_is_remembered() {
    let folder = folder();
    let paths = Paths::under(&folder);
    let mut file = ConfigFile::new(&paths);
    file.switch_to(ConfigFile::profile("dev").unwrap()).unwrap();
    assert_eq!(ConfigFile::new(&paths).active_profile(), "development");
    assert_eq!(ConfigFile::profile("other"), None);
    let _ = std::fs::remove_dir_all(folder);
}

#[test]
fn damaged_text_is_refused_or_read_but_never_a_panic() {
    let whole =
        "<?xml version=\"1.0\"?><config><!-- é --><a>1</a><b/><c x=\"1\">&lt;ü</c></config>";
    for at in whole.char_indices().map(|(at, _)| at) {
        for inserted in ["", "<", ">", "</", "&", "é", "]]>", "<!--", "</config>", "<config>"] {
            let (head, tail) = whole.split_at(at);
            let _ = xml::parse(&format!("{head}{inserted}{tail}"), "config");
            let _ = xml::parse(&format!("{head}{inserted}"), "config");
        }
    }
}
