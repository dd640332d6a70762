//! The machines that QEMU plays: which kernel, which board, which drivers.

use anyhow::{Result, bail};

/// An emulated gateway.
#[derive(Debug)]
pub struct Machine {
    /// Short name, the same as the target's.
    pub name: &'static str,
    /// The distribution's name of the architecture.
    pub debian: &'static str,
    /// Architecture as images call it.
    pub image_architecture: &'static str,
    /// Package that stands for the newest kernel.
    pub kernel: &'static str,
    /// System emulator.
    pub emulator: &'static str,
    /// Board and processor.
    pub board: &'static [&'static str],
    /// Memory in MiB.
    pub memory: u32,
    /// Device of the serial console.
    pub console: &'static str,
    /// Kernel modules for network, disk and file system, loaded by the first stage.
    pub modules: &'static [&'static str],
    /// Kernel modules that the second stage may load.
    pub extras: &'static [&'static str],
    /// The disk, as the kernel calls it.
    pub disk: &'static str,
    /// How the disk is attached. On malta disk and network need slots of different interrupts: nobody tells the board's
    /// interrupt controller to look at levels there, and of two devices that share an edge one is forgotten
    /// (decision 0132).
    pub disk_device: &'static str,
    /// How the network is attached.
    pub network_device: &'static str,
}

/// Drivers for containers and for a slow link.
const EXTRAS: &[&str] = &["overlay", "veth", "bridge", "sch_netem"];

/// All of them.
pub const MACHINES: &[Machine] = &[
    Machine {
        name: "armv7",
        debian: "armhf",
        image_architecture: "arm",
        kernel: "linux-image-armmp",
        emulator: "qemu-system-arm",
        board: &["-M", "virt", "-cpu", "cortex-a7"],
        memory: 128,
        console: "ttyAMA0",
        modules: &["virtio_mmio", "virtio_net", "virtio_blk", "ext4"],
        extras: EXTRAS,
        disk: "/dev/vda",
        disk_device: "virtio-blk-device",
        network_device: "virtio-net-device",
    },
    Machine {
        name: "aarch64",
        debian: "arm64",
        image_architecture: "arm64",
        kernel: "linux-image-arm64",
        emulator: "qemu-system-aarch64",
        board: &["-M", "virt", "-cpu", "cortex-a53"],
        memory: 128,
        console: "ttyAMA0",
        modules: &["virtio_mmio", "virtio_net", "virtio_blk", "ext4"],
        extras: EXTRAS,
        disk: "/dev/vda",
        disk_device: "virtio-blk-device",
        network_device: "virtio-net-device",
    },
    Machine {
        name: "mipsel",
        debian: "mipsel",
        image_architecture: "mipsle",
        kernel: "linux-image-4kc-malta",
        emulator: "qemu-system-mipsel",
        board: &["-M", "malta", "-cpu", "24Kf", "-vga", "none"],
        memory: 64,
        console: "ttyS0",
        modules: &["pcnet32", "virtio_pci", "virtio_blk", "ext4"],
        extras: EXTRAS,
        disk: "/dev/vda",
        disk_device: "virtio-blk-pci,addr=0x12",
        network_device: "pcnet,romfile=,addr=0x14",
    },
];

/// Finds a machine by name.
///
/// # Errors
/// When there is none of that name; the message lists the known ones.
pub fn find(name: &str) -> Result<&'static Machine> {
    match MACHINES.iter().find(|known| known.name == name) {
        Some(found) => Ok(found),
        None => {
            let known: Vec<_> = MACHINES.iter().map(|known| known.name).collect();
            bail!("no machine {name}: known are {}", known.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_machine_has_a_target() {
        for machine in MACHINES {
            assert!(crate::cross::target::find(machine.name).is_ok(), "{}", machine.name);
        }
        assert!(find("vax").unwrap_err().to_string().contains("mipsel"));
    }

    /// Slots 18 to 21 of malta have lines A to D, of which A and B are interrupt 10, C and D 11.
    #[test]
    fn disk_and_network_of_malta_share_no_interrupt() {
        let interrupt = |device: &str| {
            let (_, slot) = device.split_once("addr=0x").unwrap();
            let slot = u32::from_str_radix(slot, 16).unwrap();
            assert!((18..=21).contains(&slot), "{device}");
            10 + (slot - 18) / 2
        };
        let malta = find("mipsel").unwrap();
        assert_ne!(interrupt(malta.disk_device), interrupt(malta.network_device));
    }
}
