//! Documents on standard output or into a file, as YAML or JSON.

use std::path::Path;

use serde::Serialize;

use super::console::stdout;
use crate::text::{Error, Result};
use crate::yaml;

/// Form of output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// What the command prints by itself: a table or a YAML document.
    #[default]
    Usual,
    /// JSON.
    Json,
    /// YAML.
    Yaml,
    /// A table with more columns.
    Wide,
}

impl Format {
    /// Reads a format word.
    ///
    /// # Errors
    /// [`Error::Input`] naming the words.
    pub fn parse(word: &str) -> Result<Self> {
        match word {
            "" => Ok(Self::Usual),
            "json" => Ok(Self::Json),
            "yaml" => Ok(Self::Yaml),
            "wide" => Ok(Self::Wide),
            _ => Err(Error::Input(format!(
                "Output format {word} is not known. Use json, yaml or wide"
            ))),
        }
    }
}

/// Writes a document to a file, or to standard output when the file name is empty.
///
/// # Errors
/// When the file cannot be written.
pub fn print_document<T: Serialize>(document: &T, file: &str, format: Format) -> Result<()> {
    let value = yaml::to_value(document)?;
    let text = if format == Format::Json {
        let json = serde_json::to_string_pretty(&value)
            .map_err(|error| Error::internal(error.to_string()))?;
        json + "\n"
    } else {
        yaml::emit::document(&value)
    };
    if file.is_empty() {
        stdout(&text);
        return Ok(());
    }
    std::fs::write(file, text).map_err(|cause| Error::io("open", Path::new(file), &cause))
}
