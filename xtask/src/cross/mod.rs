//! Cross builds: the targets, the tools, the build, and the sizes that are kept.

pub mod build;
mod objects;
mod paths;
pub mod slim;
pub mod target;
pub mod toolchain;

use crate::tools::record::Form;

/// The sizes that are kept: target and program.
pub const SIZES: Form = Form {
    file: "cross/sizes.txt",
    header: "# Bytes of the static, stripped programs: target, program, bytes.\n\
        # Written by `cargo xtask cross --all --record`; growth above 2 % fails `cargo xtask cross`.\n",
    words: 2,
    tolerance: 2,
    unit: "bytes",
};

/// The other way, by the `cross` tool: what it is told agrees with what is done here.
#[cfg(test)]
mod tests {
    use super::target::TARGETS;
    use super::toolchain::PACKAGES;
    use crate::tools::cargo::workspace;

    fn read(path: &str) -> String {
        std::fs::read_to_string(workspace().join(path)).unwrap()
    }

    #[test]
    fn the_cross_tool_knows_every_target() {
        let settings: toml::Table = toml::from_str(&read("Cross.toml")).unwrap();
        let image = read("cross/Dockerfile");
        let named = settings["target"].as_table().unwrap();
        assert_eq!(named.len(), TARGETS.len());
        for target in TARGETS {
            let dockerfile = &named[target.triple]["dockerfile"];
            assert_eq!(dockerfile["file"].as_str(), Some("cross/Dockerfile"));
            let given = &dockerfile["build-args"];
            let words = |name: &str| -> Vec<_> {
                let text = given.get(name).and_then(toml::Value::as_str).unwrap_or_default();
                text.split_whitespace().map(str::to_owned).collect()
            };
            assert_eq!(words("NAME"), [target.name]);
            assert_eq!([words("ZIG_TARGET"), words("ZIG_FLAGS")].concat(), target.zig);
            let mut flags: Vec<_> = target.flags.split_whitespace().map(str::to_owned).collect();
            if target.triple.starts_with("mips") {
                flags.push("-Clink-arg=/opt/iofog/dlsym.o".to_owned());
            }
            assert_eq!(words("RUST_FLAGS"), flags, "{}", target.name);
            let variable = target.triple.to_uppercase().replace('-', "_");
            assert!(image.contains(&format!("CARGO_TARGET_{variable}_LINKER=")), "{variable}");
        }
    }

    #[test]
    fn the_image_has_the_same_tools() {
        let image = read("cross/Dockerfile");
        for (argument, package) in [("ZIG", PACKAGES[0]), ("ZIGBUILD", PACKAGES[1])] {
            let version = package.rsplit("==").next().unwrap();
            assert!(image.contains(&format!("\nARG {argument}={version}\n")), "{package}");
        }
    }
}
