//! A machine to deploy to: a root directory with busybox and an sshd, in namespaces for mounts and
//! processes, and for the network when asked. Nothing of it is left when it is dropped.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests"
)]

use std::ffi::OsStr;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use crate::common::Home;

const SSHD: &str = "/usr/sbin/sshd";
const BUSYBOX: &str = "/bin/busybox";
/// Not 127.0.0.1, which means the machine that iofogctl runs on.
pub(crate) const HOST: &str = "127.0.0.2";
/// Another address of a machine with a network of its own.
pub(crate) const OTHER_HOST: &str = "127.0.0.3";

/// A running machine.
pub(crate) struct Machine {
    pub(crate) root: PathBuf,
    pub(crate) port: u16,
    unshare: Child,
    own_network: bool,
}

impl Machine {
    /// Starts a machine whose sshd lets `login` of the home in as root; nothing where that is not possible.
    pub(crate) fn start(home: &Home, own_network: bool) -> Option<Self> {
        Self::start_at(home, "machine", if own_network { None } else { Some(HOST) })
    }

    /// Starts a machine of a name at an address of this network, or with a network of its own.
    pub(crate) fn start_at(home: &Home, name: &str, address: Option<&str>) -> Option<Self> {
        let own_network = address.is_none();
        can_start(&[])?;
        let root = home.path.join(name);
        let port = address.map_or(22, |address| {
            TcpListener::bind((address, 0)).unwrap().local_addr().unwrap().port()
        });
        let listen = address.unwrap_or("0.0.0.0");
        furnish(&root, home, listen, port);
        let mut words = vec!["--mount", "--pid", "--fork", "--kill-child"];
        words.extend(own_network.then_some("--net"));
        // The first process also takes in those whose parents are gone, as init does.
        let init = "mount -t proc proc /proc; mkdir -p /dev/pts; \
                    mount -t devpts -o newinstance,ptmxmode=666 devpts /dev/pts; ln -s pts/ptmx /dev/ptmx; \
                    ip link set lo up 2>/dev/null; \
                    /usr/sbin/sshd -D -e -f /etc/ssh/sshd_config & while :; do sleep 1; done";
        let log = home.path.join(format!("{name}.log"));
        let unshare = Command::new("unshare")
            .args(words)
            .args(["chroot", &root.display().to_string(), "/bin/sh", "-c", init])
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let machine = Self { root, port, unshare, own_network };
        machine.once_up(&log, 200, "namespaces cannot be made here", |_, told| {
            told.contains("Server listening")
        })
    }

    /// Starts a machine with a network of its own whose first process is systemd, that of this system; nothing where
    /// that is not possible.
    pub(crate) fn start_systemd(home: &Home) -> Option<Self> {
        can_start(&[
            ("/usr/bin/systemd-nspawn", "systemd-container"),
            ("/lib/systemd/systemd", "systemd"),
        ])?;
        let root = home.path.join("machine");
        furnish(&root, home, "0.0.0.0", 22);
        furnish_systemd(&root);
        let log = home.path.join("machine.log");
        let file = std::fs::File::create(&log).unwrap();
        // Without registering it anywhere: nothing on this system has to be running for that.
        let nspawn = Command::new("systemd-nspawn")
            .args(["--quiet", "--register=no", "--keep-unit", "--private-network", "--boot"])
            .args(["--console=pipe", "--link-journal=no", "--resolv-conf=off", "--timezone=off"])
            .arg(format!("--directory={}", root.display()))
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap();
        let machine = Self { root, port: 22, unshare: nspawn, own_network: true };
        machine.once_up(&log, 600, "systemd does not start here", |machine, _| {
            machine.first_process().is_some()
                && machine.on_it("systemctl is-active sshd").stdout == b"active\n"
        })
    }

    /// The machine once its sshd is there; nothing, and why, when it ends before.
    fn once_up(
        mut self,
        log: &Path,
        tries: u32,
        ended: &str,
        is_up: impl Fn(&Self, &str) -> bool,
    ) -> Option<Self> {
        let told = || std::fs::read_to_string(log).unwrap_or_default();
        for _ in 0..tries {
            if self.unshare.try_wait().unwrap().is_some() {
                eprintln!("skipped: {ended}: {}", told());
                return None;
            }
            if is_up(&self, &told()) {
                return Some(self);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("sshd does not answer: {}", told());
    }

    /// Lets `login` of the home in as `operator` too, who is not root, but may act as root by this system's `sudo` without a
    /// password; says why not, where that is not possible.
    pub(crate) fn admit_operator(&self, home: &Home) -> Result<(), String> {
        let (sudo, parts) = (Path::new("/usr/bin/sudo"), Path::new("/usr/libexec/sudo"));
        let folders = ["/usr/lib", "/lib"]
            .map(|lib| format!("{lib}/{}-linux-gnu/security", std::env::consts::ARCH));
        let permit = Path::new(&folders[0]).join("pam_permit.so");
        for needed in [sudo, parts, &permit] {
            if !needed.exists() {
                return Err(format!("needs {} of sudo", needed.display()));
            }
        }
        let root = &self.root;
        let write = |name: &str, text: &str| std::fs::write(root.join(name), text).unwrap();
        let add = |name: &str, line: &str| {
            let text = std::fs::read_to_string(root.join(name)).unwrap_or_default();
            write(name, &format!("{text}{line}\n"));
        };
        add("etc/passwd", "operator:x:1000:1000::/home/operator:/bin/sh");
        add("etc/group", "operator:x:1000:");
        add("etc/shadow", "operator:*:19000:0:99999:7:::");
        for folder in ["etc/pam.d", "home/operator/.ssh", "usr/libexec", &folders[1][1..]] {
            std::fs::create_dir_all(root.join(folder)).unwrap();
        }
        write("etc/sudoers", "operator ALL=(ALL:ALL) NOPASSWD: ALL\n");
        let rules = "auth required pam_permit.so\naccount required pam_permit.so\nsession required pam_permit.so\n";
        write("etc/pam.d/sudo", rules);
        for program in [sudo, &parts.join("sudoers.so")] {
            install_libraries(root, program);
        }
        let line = format!(
            "cp -p {sudo} {root}/usr/bin/sudo && cp -a {parts} {root}/usr/libexec && cp {permit} {root}{security} && \
             cp {login} {root}/home/operator/.ssh/authorized_keys && chown -R 1000:1000 {root}/home/operator && \
             chmod 440 {root}/etc/sudoers && chmod 1777 {root}/tmp",
            sudo = sudo.display(),
            parts = parts.display(),
            permit = permit.display(),
            security = folders[1],
            login = home.path.join("login.pub").display(),
            root = root.display()
        );
        let placed = Command::new("sh").args(["-c", &line]).output().unwrap();
        assert!(placed.status.success(), "{}", String::from_utf8_lossy(&placed.stderr));
        Ok(())
    }

    /// The machine's first process as this system numbers it.
    fn first_process(&self) -> Option<String> {
        let outside = self.unshare.id();
        let children = format!("/proc/{outside}/task/{outside}/children");
        let text = std::fs::read_to_string(children).ok()?;
        text.split_whitespace().next().map(str::to_owned)
    }

    /// Runs a line of shell on the machine, as its init would.
    pub(crate) fn on_it(&self, line: &str) -> Output {
        let mut command = Command::new("nsenter");
        command.args(["--mount", "--pid", "--root", "--wd=/", "--target"]);
        command.arg(self.first_process().unwrap());
        command
            .args(["/bin/sh", "-c", line])
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command.output().unwrap()
    }

    /// Runs a program of this system in the network of the machine.
    pub(crate) fn inside<S: AsRef<OsStr>>(&self, words: &[S]) -> Output {
        let mut command = Command::new("nsenter");
        if self.own_network {
            command.arg(format!("--net=/proc/{}/ns/net", self.first_process().unwrap()));
        }
        command.args(words).output().unwrap()
    }

    /// Starts one.
    pub(crate) fn spawn<S: AsRef<OsStr>>(&self, words: &[S]) -> Child {
        let network = format!("--net=/proc/{}/ns/net", self.first_process().unwrap());
        let mut command = Command::new("nsenter");
        command.arg(network).args(words).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().unwrap()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = self.unshare.kill();
        let _ = self.unshare.wait();
    }
}

/// Whether this system has what a machine needs, and `more`; says what is missing.
fn can_start(more: &[(&str, &str)]) -> Option<()> {
    for (needed, why) in [(SSHD, "openssh-server"), (BUSYBOX, "busybox-static")].iter().chain(more)
    {
        if !Path::new(needed).exists() {
            eprintln!("skipped: needs {needed} of {why}");
            return None;
        }
    }
    if Command::new("id").arg("-u").output().ok()?.stdout != b"0\n" {
        eprintln!("skipped: needs root");
        return None;
    }
    Some(())
}

/// Puts a file at a place; the machines of a test share one copy.
fn put(from: &Path, to: PathBuf) {
    std::fs::create_dir_all(to.parent().unwrap()).unwrap();
    let home = to.ancestors().find(|folder| folder.join("shared").is_dir());
    let shared = home.unwrap().join("shared").join(from.display().to_string().replace('/', "_"));
    if !shared.exists() {
        // By another process: a copy that this one has open for writing may be held by a child of another test at the
        // moment, and cannot be run then.
        assert!(Command::new("cp").arg(from).arg(&shared).status().unwrap().success());
    }
    if !to.exists() {
        std::fs::hard_link(&shared, &to).unwrap();
    }
}

/// Puts the libraries that a program loads at their places below a root.
pub(crate) fn install_libraries(root: &Path, program: &Path) {
    let listed = Command::new("ldd").arg(program).output().unwrap();
    let text = String::from_utf8_lossy(&listed.stdout).into_owned();
    for word in text.split_whitespace().filter(|word| word.starts_with('/')) {
        put(Path::new(word), root.join(word.trim_start_matches('/')));
    }
}

/// Adds this system's systemd, which starts sshd.
fn furnish_systemd(root: &Path) {
    let place = root.join("lib");
    std::fs::create_dir_all(&place).unwrap();
    let copied = Command::new("cp").args(["-a", "/usr/lib/systemd"]).arg(&place).status().unwrap();
    assert!(copied.success());
    std::fs::create_dir_all(root.join("usr/lib")).unwrap();
    std::os::unix::fs::symlink("../../lib/systemd", root.join("usr/lib/systemd")).unwrap();
    for program in ["/lib/systemd/systemd", "/lib/systemd/systemd-executor", "/usr/bin/systemctl"] {
        if Path::new(program).exists() {
            install_libraries(root, Path::new(program));
        }
    }
    put(Path::new("/usr/bin/systemctl"), root.join("usr/bin/systemctl"));
    let units = root.join("etc/systemd/system");
    std::fs::create_dir_all(units.join("multi-user.target.wants")).unwrap();
    let write = |name: &str, text: &str| std::fs::write(root.join(name), text).unwrap();
    write("etc/os-release", "ID=test\nNAME=test\nVERSION_ID=1\n");
    write("etc/machine-id", "");
    write(
        "etc/systemd/system/sshd.service",
        "[Service]\nExecStart=/usr/sbin/sshd -D -e -f /etc/ssh/sshd_config\nRuntimeDirectory=sshd\n\
         [Install]\nWantedBy=multi-user.target\n",
    );
    let link = |to: &str, at: &str| std::os::unix::fs::symlink(to, units.join(at)).unwrap();
    link("/lib/systemd/system/multi-user.target", "default.target");
    link("../sshd.service", "multi-user.target.wants/sshd.service");
    // What a machine of files and two programs has no use for.
    for unit in ["systemd-journald.service", "systemd-journald.socket", "systemd-logind.service"] {
        link("/dev/null", unit);
    }
}

/// Makes the files of the machine.
fn furnish(root: &Path, home: &Home, listen: &str, port: u16) {
    std::fs::create_dir_all(home.path.join("shared")).unwrap();
    for name in ["host", "login"] {
        if home.path.join(name).exists() {
            continue;
        }
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-f"])
            .arg(home.path.join(name))
            .status()
            .unwrap();
        assert!(made.success());
    }
    let folders = [
        "bin",
        "dev",
        "etc/ssh",
        "etc/init.d",
        "proc",
        "root/.ssh",
        "run/sshd",
        "tmp",
        "usr/bin",
        "usr/sbin",
        "var/log",
        "var/lib",
    ];
    for folder in folders {
        std::fs::create_dir_all(root.join(folder)).unwrap();
    }
    std::os::unix::fs::symlink("../run", root.join("var/run")).unwrap();
    put(Path::new(BUSYBOX), root.join("bin/busybox"));
    let applets = Command::new("chroot")
        .arg(root)
        .args(["/bin/busybox", "--install", "-s", "/bin"])
        .status()
        .unwrap();
    assert!(applets.success());
    put(Path::new(SSHD), root.join(SSHD.trim_start_matches('/')));
    install_libraries(root, Path::new(SSHD));
    let nodes =
        [("null", "1", "3"), ("zero", "1", "5"), ("random", "1", "8"), ("urandom", "1", "9")];
    for (name, major, minor) in nodes {
        let node = root.join("dev").join(name);
        let made =
            Command::new("mknod").args(["-m", "666"]).arg(&node).args(["c", major, minor]).status();
        assert!(made.unwrap().success());
    }
    let copy = |from: &str, to: &str| std::fs::copy(home.path.join(from), root.join(to)).unwrap();
    copy("host", "etc/ssh/host");
    copy("login.pub", "root/.ssh/authorized_keys");
    let write = |name: &str, text: &str| std::fs::write(root.join(name), text).unwrap();
    write("etc/passwd", "root:x:0:0:root:/root:/bin/sh\nsshd:x:100:65534::/run/sshd:/bin/false\n");
    write("etc/group", "root:x:0:\nnogroup:x:65534:\n");
    write("etc/shadow", "root:*:19000:0:99999:7:::\n");
    write(
        "etc/ssh/sshd_config",
        &format!(
            "Port {port}\nListenAddress {listen}\nHostKey /etc/ssh/host\nPidFile none\nStrictModes no\n\
             UsePAM no\nPasswordAuthentication no\nPermitRootLogin yes\nMaxStartups 100\n"
        ),
    );
}
