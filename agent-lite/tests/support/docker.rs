//! The engine on this machine, if there is one, through its own client program.

use std::process::{Command, Stdio};

/// Image made of one static program; see [`Docker::connect`].
pub(crate) const IMAGE: &str = "iofog-agent-test:1";

static BUILD: std::sync::Mutex<()> = std::sync::Mutex::new(());

/// A usable engine.
pub(crate) struct Docker;

impl Docker {
    /// `None`, loudly, when no engine answers. Makes the test image from the host's busybox or shell.
    pub(crate) fn connect() -> Option<Self> {
        if !run(&["version", "--format", "{{.Server.Version}}"]).0 {
            eprintln!("skipped: no container engine answers");
            return None;
        }
        // Tests run side by side: one makes the image, the others wait for it.
        let _turn = BUILD.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if !run(&["image", "inspect", IMAGE]).0 {
            build_image();
        }
        Some(Self)
    }

    /// Ids of all containers with the label, running or not.
    pub(crate) fn containers(&self, fog: &str) -> Vec<String> {
        let (_, text) =
            run(&["ps", "-aq", "--no-trunc", "--filter", &format!("label=iofog-uuid={fog}")]);
        text.split_whitespace().map(str::to_owned).collect()
    }

    /// A field of `docker inspect`.
    pub(crate) fn inspect(&self, name: &str, format: &str) -> String {
        run(&["inspect", "--format", format, name]).1.trim().to_owned()
    }

    pub(crate) fn run(&self, words: &[&str]) -> bool {
        run(words).0
    }

    /// Removes what a test left.
    pub(crate) fn clean(&self, fog: &str) {
        for id in self.containers(fog) {
            run(&["rm", "-f", "-v", &id]);
        }
    }
}

fn run(words: &[&str]) -> (bool, String) {
    let output = Command::new("docker").args(words).stdin(Stdio::null()).output();
    output.map_or((false, String::new()), |done| {
        (done.status.success(), String::from_utf8_lossy(&done.stdout).into_owned())
    })
}

/// A root file system with a program that waits: compiled here, so that nothing is pulled.
fn build_image() {
    let folder = super::folder("image");
    let source = folder.join("wait.rs");
    std::fs::write(&source, "fn main() { std::thread::sleep(std::time::Duration::from_secs(std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(86400))); }").unwrap();
    let program = folder.join("wait");
    let compiled = Command::new("rustc")
        .args(["-O", "-C", "target-feature=+crt-static", "-o"])
        .arg(&program)
        .arg(&source)
        .status();
    assert!(compiled.unwrap().success(), "the program for the test image does not compile");
    let archive = folder.join("image.tar");
    let packed =
        Command::new("tar").arg("-C").arg(&folder).arg("-cf").arg(&archive).arg("wait").status();
    assert!(packed.unwrap().success());
    let archive = archive.to_str().unwrap();
    assert!(
        run(&["import", "--change", "ENTRYPOINT [\"/wait\"]", archive, IMAGE]).0,
        "the image is not taken"
    );
    let _ = std::fs::remove_dir_all(folder);
}
