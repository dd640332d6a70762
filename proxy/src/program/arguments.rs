//! Command line of `iofog-proxy`, in its own form and in the one that Port Manager writes.

use argh::FromArgs;

/// Carries HTTP and TCP ports over an AMQP router network.
#[derive(Debug, Default, FromArgs, PartialEq, Eq)]
pub(crate) struct Arguments {
    /// router to connect to, as HOST:PORT or HOST
    #[argh(option)]
    pub(crate) router: Option<String>,
    /// mapping such as http:6080=>amqp:QUEUE or amqp:QUEUE=>tcp:5000; may be repeated
    #[argh(option)]
    pub(crate) mapping: Vec<String>,
    /// address that listening mappings bind to (default: all)
    #[argh(option)]
    pub(crate) listen: Option<String>,
    /// host that the other mappings connect to (default: localhost)
    #[argh(option)]
    pub(crate) target: Option<String>,
    /// local API of the Agent as HOST:PORT (default: port 54321 of the host iofog, where /etc/hosts has it, else of
    /// localhost), used when SELFNAME is set
    #[argh(option)]
    pub(crate) local_api: Option<String>,
    /// folder with certificates of listening http ports: PORT.crt and PORT.key, or tls.crt and tls.key
    /// for all; read again when they change
    #[argh(option)]
    pub(crate) certificates: Option<String>,
    /// port on 127.0.0.1 for /status and /metrics (default: none)
    #[argh(option)]
    pub(crate) metrics: Option<u16>,
    /// log level: error, warn, info, debug (default: info)
    #[argh(option)]
    pub(crate) log: Option<String>,
    /// print the version
    #[argh(switch)]
    pub(crate) version: bool,
    /// mappings in one comma-separated list
    #[argh(positional)]
    pub(crate) list: Vec<String>,
}

/// What to print instead of running.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Exit {
    /// Text for people.
    pub(crate) text: String,
    /// True when this is not an error.
    pub(crate) success: bool,
}

/// Reads the arguments, the program's name first. `node <path>/simple.js` in front of a list is left out,
/// also when the program itself goes by the name of `node`.
pub(crate) fn parse(arguments: &[String]) -> Result<Arguments, Exit> {
    let mut rest: Vec<&str> = arguments.iter().skip(1).map(String::as_str).collect();
    let is = |argument: &&str, name: &str| argument.rsplit('/').next() == Some(name);
    if rest.first().is_some_and(|first| is(first, "node")) {
        rest.remove(0);
    }
    if rest.first().is_some_and(|first| is(first, "simple.js")) {
        rest.remove(0);
    }
    // argh knows `--name value` only.
    let split: Vec<&str> = rest
        .iter()
        .flat_map(|argument| match argument.split_once('=') {
            Some((name, value)) if name.starts_with("--") => vec![name, value],
            _ => vec![*argument],
        })
        .collect();
    Arguments::from_args(&["iofog-proxy"], &split)
        .map_err(|exit| Exit { text: exit.output, success: exit.status.is_ok() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &[&str]) -> Arguments {
        let line: Vec<String> = line.iter().map(|&part| part.to_owned()).collect();
        parse(&line).unwrap()
    }

    #[test]
    fn arguments_of_port_manager() {
        let list = "http:80=>amqp:a,tcp:81=>amqp:b";
        for line in [
            &["iofog-proxy", "node", "/opt/app-root/bin/simple.js", list][..],
            &["node", "/opt/app-root/bin/simple.js", list],
            &["iofog-proxy", "/usr/bin/node", "simple.js", list],
            &["iofog-proxy", list],
        ] {
            assert_eq!(read(line).list, [list], "{line:?}");
        }
    }

    #[test]
    fn arguments_of_our_own_in_both_spellings() {
        let line = ["p", "--router=r:1", "--mapping", "http:1=>amqp:q", "--mapping=amqp:r=>tcp:2"];
        let arguments = read(&line);
        assert_eq!(arguments.router.as_deref(), Some("r:1"));
        assert_eq!(arguments.mapping, ["http:1=>amqp:q", "amqp:r=>tcp:2"]);
        let exit = parse(&["p".to_owned(), "--nonsense".to_owned()]).unwrap_err();
        assert!(!exit.success);
        assert!(parse(&["p".to_owned(), "--help".to_owned()]).unwrap_err().success);
    }
}
