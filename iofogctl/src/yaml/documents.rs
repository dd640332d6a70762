//! The documents users write: a stream of headers with specs, read strictly.

use serde::de::DeserializeOwned;

use super::{Node, Unknown, decode, load};
use crate::config::Metadata;
use crate::config::header::API_VERSION;
use crate::text::{Error, Result, names};
use crate::yaml::Value;

/// Keys of a header.
const HEADER_KEYS: &[&str] = &["apiVersion", "kind", "metadata", "spec"];

/// One document of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// File it came from, for messages.
    pub file: String,
    /// `apiVersion` as written.
    pub api_version: String,
    /// Kind word.
    pub kind: String,
    /// Name, namespace and tags.
    pub metadata: Metadata,
    spec: Node,
}

/// Reads all documents of a file.
///
/// # Errors
/// The file cannot be read, or is not a stream of headers; the text names file, line and field.
pub fn read(file: &str) -> Result<Vec<Document>> {
    let path = names::expand_path(file)?;
    parse(file, &super::read_file(std::path::Path::new(&path))?)
}

/// Reads all documents of a text; `file` is for messages.
///
/// # Errors
/// As [`read`].
pub fn parse(file: &str, text: &str) -> Result<Vec<Document>> {
    let nodes = load::documents(text).map_err(|error| {
        Error::Unmarshal(format!("{file}:{}: {}", error.position.line, error.reason))
    })?;
    nodes.iter().map(|node| Document::from_node(file, node)).collect()
}

impl Document {
    fn from_node(file: &str, node: &Node) -> Result<Self> {
        if let super::node::Content::Mapping(entries) = &node.content {
            for (key, _) in entries {
                let name = key.text().unwrap_or_default();
                if !HEADER_KEYS.contains(&name) {
                    let known = HEADER_KEYS.join(", ");
                    let line = key.position.line;
                    return Err(Error::Unmarshal(format!(
                        "{file}:{line}: {name}: unknown field; known fields are {known}"
                    )));
                }
            }
        } else {
            let line = node.position.line;
            return Err(Error::Unmarshal(format!(
                "{file}:{line}: expected a mapping, found {}",
                node.kind()
            )));
        }
        let text = |key: &str| node.get(key).and_then(Node::text).unwrap_or_default().to_owned();
        let metadata = match node.get("metadata") {
            Some(node) => {
                decode(node, Unknown::Refuse).map_err(|error| wrong(file, "metadata", &error))?
            }
            None => Metadata::default(),
        };
        Ok(Self {
            file: file.to_owned(),
            api_version: text("apiVersion"),
            kind: text("kind"),
            metadata,
            spec: node.get("spec").cloned().unwrap_or_else(|| Node::null(node.position)),
        })
    }

    /// Checks namespace and version.
    ///
    /// # Errors
    /// [`Error::Input`] when the document belongs to another namespace or version.
    pub fn check(&self, namespace: &str) -> Result<()> {
        self.check_namespace(namespace)?;
        self.check_version()
    }

    /// Checks that the document is meant for a namespace.
    ///
    /// # Errors
    /// [`Error::Input`] telling which one to pass.
    pub fn check_namespace(&self, namespace: &str) -> Result<()> {
        let own = &self.metadata.namespace;
        if own.is_empty() || own == namespace {
            return Ok(());
        }
        Err(Error::Input(format!(
            "The Namespace provided by the {} named '{}' does not match the Namespace '{namespace}'. You must pass '--namespace {own}' to perform this command",
            self.kind, self.metadata.name
        )))
    }

    /// Checks the version of the document.
    ///
    /// # Errors
    /// [`Error::Input`] naming both versions.
    pub fn check_version(&self) -> Result<()> {
        if self.api_version == API_VERSION {
            return Ok(());
        }
        Err(Error::Input(format!(
            "Unsupported YAML API version {}.\nPlease use version {API_VERSION}. See iofog.org for specification details.",
            self.api_version
        )))
    }

    /// The spec as a type; unknown keys fail.
    ///
    /// # Errors
    /// [`Error::Unmarshal`] naming file, line and field.
    pub fn spec<T: DeserializeOwned>(&self) -> Result<T> {
        decode(&self.spec, Unknown::Refuse).map_err(|error| wrong(&self.file, "spec", &error))
    }

    /// The spec as it is, to be forwarded.
    pub fn free_spec(&self) -> Value {
        self.spec.to_value()
    }
}

fn wrong(file: &str, prefix: &str, error: &super::de::DecodeError) -> Error {
    let line = error.position.map_or(1, |position| position.line);
    Error::Unmarshal(format!("{file}:{line}: {}: {}", error.field(prefix), error.reason))
}

/// What is said of a kind a command does not handle.
pub fn skipped(kind: &str) -> String {
    format!("Could not handle kind {kind}. Skipping document\n")
}

/// What is said of a file without anything to do.
pub fn nothing_to_do() -> Error {
    Error::input("Could not decode any valid resources from input YAML file")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::records::RemoteAgent;

    fn one(text: &str) -> Result<Document> {
        parse("f.yaml", text).map(|mut all| all.remove(0))
    }

    #[test]
    fn document_names_file_line_and_field() {
        let document = one("apiVersion: iofog.org/v3\nkind: Agent\nmetadata: {name: gate}\nspec:\n  host: h\n  ssh:\n    keyfile: x\n").unwrap();
        assert_eq!(
            document.spec::<RemoteAgent>().unwrap_err().to_string(),
            "Failed to unmarshal input file. \nf.yaml:7: spec.ssh.keyfile: unknown field; did you mean `keyFile`?\nMake sure to use camel case field names. E.g. `keyFile: ~/.ssh/id_rsa`"
        );
        assert!(
            one("apiVersion: x\nKind: y\n")
                .unwrap_err()
                .to_string()
                .contains("f.yaml:2: Kind: unknown field")
        );
        assert!(
            one("- a\n")
                .unwrap_err()
                .to_string()
                .contains("f.yaml:1: expected a mapping, found a list")
        );
    }

    #[test]
    fn document_header_rules() {
        let document =
            one("apiVersion: iofog.org/v2\nkind: Volume\nmetadata: {name: x}\n").unwrap();
        assert_eq!(
            document.check("default").unwrap_err().to_string(),
            "User input error\nUnsupported YAML API version iofog.org/v2.\nPlease use version iofog.org/v3. See iofog.org for specification details."
        );
        let document =
            one("apiVersion: iofog.org/v3\nkind: Volume\nmetadata: {name: x, namespace: foo}\n")
                .unwrap();
        assert_eq!(
            document.check("default").unwrap_err().to_string(),
            "User input error\nThe Namespace provided by the Volume named 'x' does not match the Namespace 'default'. You must pass '--namespace foo' to perform this command"
        );
    }
}
