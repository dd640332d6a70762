//! Moving in from the other Controller: its 3.0.4 SQLite database with ids, tokens, users and everything else
//! (decision 0031).

mod application;
mod catalog;
mod edge_resource;
mod fog;
mod microservice;
mod password;
mod router;
mod source;
mod user;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail};
use iofog_api::ApiError;

use crate::app::{App, Work};
use crate::store;
use source::Source;

/// What was brought in.
#[derive(Debug, Default)]
pub struct Report {
    /// Rows by noun, in the order of the import.
    pub counts: Vec<(&'static str, usize)>,
    /// What could not be kept as it was.
    pub notes: Vec<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (noun, count) in &self.counts {
            writeln!(to, "{count:>8} {noun}")?;
        }
        self.notes.iter().try_for_each(|note| writeln!(to, "note: {note}"))
    }
}

/// An import in progress.
struct Import<'a, 'w> {
    source: &'a Source,
    work: &'a mut Work<'w>,
    report: Report,
    /// Catalog items that have another id here.
    items: HashMap<i64, i64>,
    /// Agents beside the Controller.
    system_fogs: HashSet<String>,
}

impl Import<'_, '_> {
    fn count(&mut self, noun: &'static str, rows: usize) {
        self.report.counts.push((noun, rows));
    }

    fn note(&mut self, note: String) {
        self.report.notes.push(note);
    }
}

/// Brings in everything from the database at `path`, which is only read, in one transaction: all of it or nothing.
///
/// No Controller may run on the database of `app`: what it holds in memory would not be what is stored.
///
/// # Errors
/// When the file is no database of Controller 3.0.4, when something in it has no meaning (naming table and column), or
/// when there are users or agents here already.
pub async fn import(app: &Arc<App>, path: &Path) -> Result<Report> {
    let source = Source::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let imported = app.write(move |work| {
        run(&source, work).map_err(|error| ApiError::internal(format!("{error:#}")))
    });
    imported.await.map_err(|error| anyhow!(error.message))
}

fn run(source: &Source, work: &mut Work<'_>) -> Result<Report> {
    if !store::given::is_empty(work.tx)? {
        bail!("the database has users or agents already: import into a new one");
    }
    let mut import = Import {
        source,
        work,
        report: Report::default(),
        items: HashMap::new(),
        system_fogs: HashSet::new(),
    };
    user::import(&mut import)?;
    catalog::import(&mut import)?;
    fog::import(&mut import)?;
    router::import(&mut import)?;
    application::import(&mut import)?;
    microservice::import(&mut import)?;
    application::import_routes(&mut import)?;
    application::import_templates(&mut import)?;
    edge_resource::import(&mut import)?;
    import.work.ids_given().map_err(|error| anyhow!(error.message))?;
    Ok(import.report)
}
