//! The architectures that device programs are built for.

use anyhow::{Result, bail};

/// One supported architecture.
#[derive(Debug, PartialEq, Eq)]
pub struct Target {
    /// Short name, used in commands, folders and package names.
    pub name: &'static str,
    /// The compiler's name.
    pub triple: &'static str,
    /// Its name for the C compiler, and the flags that choose the processor.
    pub zig: &'static [&'static str],
    /// The compiler's flags for device programs, beside those for all targets.
    pub flags: &'static str,
    /// Optimisation, inside the Agent, of the packages that carry messages.
    pub messages: &'static str,
    /// Where it is found, for people.
    pub devices: &'static str,
    /// User-mode emulator that runs its programs here.
    pub emulator: &'static str,
    /// Debian's name of the architecture; the program is static, so that any libc will do.
    pub debian: &'static str,
    /// OpenWrt's usual name of the architecture.
    pub openwrt: &'static str,
}

impl Target {
    /// Name of its Debian package. Debian says `armhf` to ARMv7, Raspbian to ARMv6 as well: of targets under one name
    /// of the architecture, the first has the plain name, so that one archive can hold the packages of all.
    pub fn debian_package(&self) -> String {
        let first = TARGETS.iter().find(|known| known.debian == self.debian);
        match first.is_none_or(|first| first.name == self.name) {
            true => "iofog-agent".to_owned(),
            false => format!("iofog-agent-{}", self.name),
        }
    }
}

/// Every branch of MIPS has a slot behind it that is carried out as well. Of these, the compiler fills by itself only those
/// it finds something for in the same block: two fifths of them were empty. Calls at the
/// end of a function are jumps, and divisions are checked for zero by the language already.
const MIPS_FLAGS: &str = "-Cllvm-args=-disable-mips-df-succbb-search=false -Cllvm-args=-disable-mips-df-forward-search=false \
    -Cllvm-args=-mips-tail-calls -Cllvm-args=-tail-merge-size=2 -Cllvm-args=-mno-check-zero-division \
    -Cllvm-args=-apply-ext-tsp-for-size";

/// All of them, smallest devices last.
pub const TARGETS: &[Target] = &[
    Target {
        name: "x86_64",
        triple: "x86_64-unknown-linux-musl",
        zig: &["x86_64-linux-musl"],
        flags: "",
        messages: "s",
        devices: "servers and industrial PCs",
        emulator: "qemu-x86_64",
        debian: "amd64",
        openwrt: "x86_64",
    },
    Target {
        name: "aarch64",
        triple: "aarch64-unknown-linux-musl",
        zig: &["aarch64-linux-musl"],
        flags: "",
        messages: "s",
        devices: "64-bit ARM gateways",
        emulator: "qemu-aarch64",
        debian: "arm64",
        openwrt: "aarch64_generic",
    },
    Target {
        name: "riscv64",
        triple: "riscv64gc-unknown-linux-musl",
        zig: &["riscv64-linux-musl"],
        flags: "",
        messages: "s",
        devices: "64-bit RISC-V boards",
        emulator: "qemu-riscv64",
        debian: "riscv64",
        openwrt: "riscv64_riscv64",
    },
    Target {
        name: "armv7",
        triple: "armv7-unknown-linux-musleabihf",
        zig: &["arm-linux-musleabihf", "-mcpu=generic+v7a+vfp3-d32+thumb2-neon"],
        flags: "-Ctarget-feature=+thumb-mode",
        messages: "s",
        devices: "32-bit ARM gateways with floating point",
        emulator: "qemu-arm",
        debian: "armhf",
        openwrt: "arm_cortex-a7_neon-vfpv4",
    },
    Target {
        name: "armv6",
        triple: "arm-unknown-linux-musleabihf",
        zig: &["arm-linux-musleabihf", "-mcpu=generic+v6+strict_align+vfp2-d32"],
        flags: "",
        messages: "s",
        devices: "first Raspberry Pi and alike",
        emulator: "qemu-arm",
        debian: "armhf",
        openwrt: "arm_arm1176jzf-s_vfp",
    },
    Target {
        name: "armv5te",
        triple: "armv5te-unknown-linux-musleabi",
        zig: &["arm-linux-musleabi", "-mcpu=generic+soft_float+strict_align"],
        flags: "",
        messages: "s",
        devices: "old ARM9 gateways without floating point",
        emulator: "qemu-arm",
        debian: "armel",
        openwrt: "arm_arm926ej-s",
    },
    Target {
        name: "mipsel",
        triple: "mipsel-unknown-linux-musl",
        zig: &["mipsel-linux-musleabi", "-msoft-float"],
        flags: MIPS_FLAGS,
        messages: "z",
        devices: "little-endian MIPS32 routers (MediaTek)",
        emulator: "qemu-mipsel",
        debian: "mipsel",
        openwrt: "mipsel_24kc",
    },
    Target {
        name: "mips",
        triple: "mips-unknown-linux-musl",
        zig: &["mips-linux-musleabi", "-msoft-float"],
        flags: MIPS_FLAGS,
        messages: "z",
        devices: "big-endian MIPS32 routers (Atheros)",
        emulator: "qemu-mips",
        debian: "mips",
        openwrt: "mips_24kc",
    },
];

/// Finds a target by short name or triple.
///
/// # Errors
/// When there is none of that name; the message lists the known ones.
pub fn find(name: &str) -> Result<&'static Target> {
    match TARGETS.iter().find(|known| known.name == name || known.triple == name) {
        Some(found) => Ok(found),
        None => {
            let known: Vec<_> = TARGETS.iter().map(|known| known.name).collect();
            bail!("no target {name}: known are {}", known.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debian_packages_tell_their_targets_apart() {
        let mut seen = std::collections::BTreeSet::new();
        for target in TARGETS {
            assert!(seen.insert((target.debian_package(), target.debian)), "{}", target.name);
        }
        assert_eq!(find("armv7").unwrap().debian_package(), "iofog-agent");
        assert_eq!(find("armv6").unwrap().debian_package(), "iofog-agent-armv6");
    }

    #[test]
    fn targets_are_found_by_both_names() {
        assert_eq!(find("mips").unwrap().triple, "mips-unknown-linux-musl");
        assert_eq!(find("mipsel-unknown-linux-musl").unwrap().name, "mipsel");
        assert!(find("vax").unwrap_err().to_string().contains("armv7"));
    }
}
