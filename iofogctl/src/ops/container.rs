//! The container of a microservice on its device: shell for its logs and for running a program in
//! it, with Docker or the Agent's native engine, and the native engine's log lines as text.

/// Folder of containers of the native engine.
const NATIVE: &str = "/var/lib/iofog-agent/native/containers";
/// State of the native engine's runtime.
const RUNTIME: &str = "/var/run/iofog-agent/native/runtime";

/// Sets `docker` to what reaches the engine that has the container, and `native` to the folder of
/// a container of the native engine; ends with a message when neither has it.
fn find(uuid: &str) -> String {
    format!(
        "docker=; native=; \
         if docker inspect iofog_{uuid} >/dev/null 2>&1; then docker=docker; \
         elif sudo docker inspect iofog_{uuid} >/dev/null 2>&1; then docker=\"sudo docker\"; \
         else for f in $(sudo sh -c \"grep -l {uuid} {NATIVE}/*/container.json\" 2>/dev/null); do native=${{f%/*}}; done; fi; \
         if [ -z \"$docker$native\" ]; then echo \"there is no container iofog_{uuid} on the device, with Docker or the native engine\" >&2; exit 1; fi; "
    )
}

/// Prints the logs; the first line of the output says whether lines of the native engine follow.
pub(super) fn logs(uuid: &str, follow: bool) -> String {
    let (docker, last) = if follow { ("-f", "tail -n +1 -F") } else { ("", "cat") };
    format!(
        "{}if [ -n \"$docker\" ]; then echo text; $docker logs {docker} iofog_{uuid} 2>&1; exit $?; fi; \
         echo json; for f in $(sudo ls $native/log | sort -t. -k2,2rn); do \
         case $f in *.0.log) sudo {last} $native/log/$f;; *) sudo cat $native/log/$f;; esac; done",
        find(uuid)
    )
}

/// Runs words in the container, with the terminal that the shell has on request.
pub(super) fn exec(uuid: &str, words: &[String], tty: bool) -> String {
    let words = quoted(words);
    let (docker, native) = if tty { ("-i -t ", "-t ") } else { ("", "") };
    format!(
        "{}if [ -n \"$docker\" ]; then $docker exec {docker}iofog_{uuid} {words}; exit $?; fi; \
         runtime=$(command -v runc || command -v crun || echo /usr/sbin/runc); \
         sudo $runtime --root {RUNTIME} exec {native}${{native##*/}} {words}",
        find(uuid)
    )
}

/// Words as one line that a shell takes apart into the same words.
pub(super) fn quoted(words: &[String]) -> String {
    let quote = |word: &String| format!("'{}'", word.replace('\'', "'\\''"));
    words.iter().map(quote).collect::<Vec<_>>().join(" ")
}

/// Turns what [`logs`] prints into text, piece by piece.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    kind: Option<bool>,
    line: Vec<u8>,
}

impl Decoder {
    /// Text of one more piece.
    pub(super) fn take(&mut self, piece: &[u8]) -> Vec<u8> {
        if self.kind == Some(false) {
            return piece.to_vec();
        }
        let mut text = Vec::new();
        for (at, byte) in piece.iter().enumerate() {
            if *byte != b'\n' {
                self.line.push(*byte);
                continue;
            }
            let line = std::mem::take(&mut self.line);
            match self.kind {
                Some(_) => text.extend(self::text(&line)),
                None => {
                    let json = line == b"json";
                    self.kind = Some(json);
                    if !json {
                        text.extend_from_slice(piece.get(at + 1..).unwrap_or_default());
                        return text;
                    }
                }
            }
        }
        text
    }
}

/// The text in a line of Docker's `json-file` form; other lines as they are.
fn text(line: &[u8]) -> Vec<u8> {
    let value: Option<serde_json::Value> = serde_json::from_slice(line).ok();
    let log = value.as_ref().and_then(|value| value.get("log")).and_then(|log| log.as_str());
    match log {
        Some(log) => log.as_bytes().to_vec(),
        None => [line, b"\n"].concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn native_lines_become_text_whatever_pieces_they_come_in() {
        let stream =
            b"json\n{\"log\":\"one\\n\",\"stream\":\"stdout\"}\n{\"log\":\"two\\n\"}\nodd\n";
        for size in [1, 3, 7, stream.len()] {
            let mut decoder = Decoder::default();
            let text: Vec<u8> = stream.chunks(size).flat_map(|piece| decoder.take(piece)).collect();
            assert_eq!(String::from_utf8_lossy(&text), "one\ntwo\nodd\n");
        }
        let mut decoder = Decoder::default();
        let text: Vec<u8> = [b"te".as_slice(), b"xt\na\nb", b"c"]
            .iter()
            .flat_map(|piece| decoder.take(piece))
            .collect();
        assert_eq!(text, b"a\nbc");
    }

    #[test]
    fn words_survive_the_shell() {
        let words = ["it's".to_owned(), "a b".to_owned(), "$x".to_owned()];
        assert_eq!(quoted(&words), r"'it'\''s' 'a b' '$x'");
    }
}
