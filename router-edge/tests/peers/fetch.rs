//! Brings the peers onto this machine, once, into the build folder.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A file of a peer.
pub(crate) fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers").join(name)
}

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Whether a step worked; if not, the test is skipped.
fn step(what: &str, command: &mut Command) -> bool {
    let output = command.stdin(Stdio::null()).output();
    let why = match output {
        Ok(output) if output.status.success() => return true,
        Ok(output) => {
            let text = [output.stdout, output.stderr].concat();
            let text = String::from_utf8_lossy(&text).into_owned();
            text.lines().next_back().unwrap_or("no reason given").to_owned()
        }
        Err(error) => error.to_string(),
    };
    println!("skipped: {what}: {why}");
    false
}

/// The program, compiled against the distribution's library.
pub(crate) fn proton_c() -> Option<PathBuf> {
    let program = folder("proton-c").join("peer");
    let mut compile = Command::new("cc");
    compile.args(["-O1", "-o"]).arg(&program).arg(source("proton_c/peer.c"));
    // The distribution has no link names for the two parts.
    compile.args(["-l:libqpid-proton-proactor.so.1", "-l:libqpid-proton-core.so.10"]);
    step("Proton C", &mut compile).then_some(program)
}

/// The folder of the installed packages.
pub(crate) fn rhea() -> Option<PathBuf> {
    let folder = folder("rhea");
    let modules = folder.join("node_modules");
    if modules.join("rhea/package.json").exists() {
        return Some(modules);
    }
    let mut install = Command::new("npm");
    install.args(["install", "--no-audit", "--no-fund", "--no-save", "--prefix"]).arg(&folder);
    step("rhea", install.arg("rhea@3.0.5")).then_some(modules)
}

/// The program, built with the module that its `go.mod` names.
pub(crate) fn go_amqp() -> Option<PathBuf> {
    let program = folder("go-amqp").join("peer");
    let mut build = Command::new("go");
    build.args(["build", "-mod=readonly", "-o"]).arg(&program).arg(".");
    // An older Go is a reason to skip, not to fetch another one.
    build.current_dir(source("go")).env("GOTOOLCHAIN", "local");
    step("go-amqp", &mut build).then_some(program)
}

/// The class path of the compiled program.
pub(crate) fn jms() -> Option<String> {
    let folder = folder("jms");
    let list = folder.join("classpath");
    let mut libraries = Command::new("mvn");
    libraries.args(["--quiet", "--batch-mode", "--file"]).arg(source("jms/pom.xml"));
    libraries.arg(format!("-Dmdep.outputFile={}", list.display()));
    if !step("Qpid JMS", libraries.arg("dependency:build-classpath")) {
        return None;
    }
    let libraries = std::fs::read_to_string(list).unwrap();
    let classes = folder.join("classes");
    let mut compile = Command::new("javac");
    compile.args(["-cp", libraries.trim(), "-d"]).arg(&classes);
    // The libraries are here: what does not compile is a mistake of ours.
    let output = compile.arg(source("jms/src/main/java/Peer.java")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(format!("{}:{}", classes.display(), libraries.trim()))
}
