//! Storage: transactions over a narrow SQL surface, so that the rows of each noun are written once for every database.

pub mod activation;
pub mod application;
pub mod application_template;
pub mod broker_port;
pub mod catalog;
pub mod change;
pub mod config;
pub mod edge_resource;
pub mod effect;
pub mod enrolment;
pub mod fog;
pub mod given;
pub mod hal;
pub mod microservice;
pub mod postgres;
pub mod public_port;
pub mod registry;
pub mod route;
pub mod router;
pub mod snapshot;
pub mod sqlite;
pub mod strace;
pub mod token;
pub mod tunnel;
pub mod user;
mod value;
pub mod version;
mod worker;

use iofog_api::ApiError;

pub use value::{Row, SqlValue};

/// Why a statement failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A unique constraint or a foreign key refused it.
    #[error("constraint: {0}")]
    Constraint(String),
    /// The database failed.
    #[error("database: {0}")]
    Database(String),
    /// A stored document does not read back.
    #[error("stored document: {0}")]
    Document(#[from] serde_json::Error),
    /// A column holds another type than its reader expects.
    #[error("column {0} holds another type")]
    Column(usize),
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        Self::internal(error.to_string())
    }
}

/// Result of a statement.
pub type Stored<T> = Result<T, StoreError>;

/// One transaction. Statements use `?1`, `?2` ... and only SQL that both databases know.
pub trait Tx {
    /// Rows of a query, at most as many as it selects.
    ///
    /// # Errors
    /// [`StoreError`] when the database refuses.
    fn query(&mut self, sql: &'static str, parameters: &[SqlValue]) -> Stored<Vec<Row>>;

    /// Runs a statement; gives the number of rows it touched.
    ///
    /// # Errors
    /// [`StoreError`] when the database refuses.
    fn execute(&mut self, sql: &'static str, parameters: &[SqlValue]) -> Stored<u64>;

    /// The first row of a query.
    ///
    /// # Errors
    /// [`StoreError`] when the database refuses.
    fn first(&mut self, sql: &'static str, parameters: &[SqlValue]) -> Stored<Option<Row>> {
        Ok(self.query(sql, parameters)?.into_iter().next())
    }

    /// Runs an `INSERT ... RETURNING id`.
    ///
    /// # Errors
    /// [`StoreError`] when the database refuses.
    fn insert(&mut self, sql: &'static str, parameters: &[SqlValue]) -> Stored<i64> {
        match self.first(sql, parameters)? {
            Some(row) => row.int(0),
            None => Err(StoreError::Database("insert returned no id".to_owned())),
        }
    }
}

/// Work of one transaction. It answers its caller itself, through `Done`.
pub type Job = Box<dyn FnOnce(&mut dyn Tx) -> Done + Send>;

/// What a job leaves behind: whether to keep its changes, and the answer to give once they are durable.
pub struct Done {
    /// False rolls the job's changes back.
    pub keep: bool,
    /// Called after the commit (with its error, if it failed), or at once after a roll-back.
    pub answer: Box<dyn FnOnce(Result<(), String>) + Send>,
}

/// A database.
pub trait Store: Send + Sync {
    /// Queues a job that may write. Jobs run one after another; several may share a commit.
    fn write(&self, job: Job);
    /// Queues a job that only reads; it sees every job answered before.
    fn read(&self, job: Job);

    /// What is stored will be found again.
    ///
    /// # Errors
    /// Why it will not.
    fn check(&self) -> Result<(), String> {
        Ok(())
    }

    /// Several Controllers may work on the database at once.
    fn is_shared(&self) -> bool {
        false
    }

    /// Of the Controllers on the database, this is the one that runs the jobs for all.
    fn leads(&self) -> bool {
        true
    }

    /// Rows were inserted with ids of their own: ids that the database gives must follow them.
    ///
    /// # Errors
    /// When the database fails.
    fn ids_given(&self, _tx: &mut dyn Tx) -> Stored<()> {
        Ok(())
    }

    /// Tells `news` what other Controllers commit after the effect `since`, in the order of their commits.
    fn watch(&self, _since: i64, _news: News) {}
}

/// What another Controller did.
#[derive(Debug)]
pub enum Heard {
    /// It committed this.
    Effects(String),
    /// Too much was missed: everything has to be read again.
    Missed,
}

/// Takes what other Controllers did.
pub type News = Box<dyn Fn(Heard) + Send>;

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> Stored<()> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(body)
        .map(drop)
        .map_err(|error| StoreError::Database(format!("cannot start {name}: {error}")))
}
