//! `dropgate admit`: judge a drop, record the verdict, and put exactly the bytes judged into a store.

use super::judging::{Judging, exit_code};
use super::output::{Failure, Output};
use super::recording::{Books, Recording, clock};
use crate::admit::{Admission, Copying, Place, State, Store, StoreError};
use crate::drop::NoProgress;
use crate::drop::directory::Directory;
use crate::drop::keeping::Keeping;
use crate::escape;
use crate::files::{self, FileError};
use crate::ledger::Ledger;
use crate::ledger::entry::{self, Action, AdmissionState};
use crate::manifest::native;
use crate::record::{Case, Decided, RecordError, Recorded, Recorder};
use crate::verdict::Decision;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Judge a drop, record the verdict, and put exactly the bytes judged into a store.
///
/// An accepted drop is put into STORE as <vendor>/<product>/<version>, read-only, whole or not at all, once its ACCEPT is in the
/// gate's ledger for good. Exit code 0: ACCEPT, and it stands there. 1: REJECT, which is recorded too. 2: could not decide, record
/// or admit; the store is as it was, unless the message says otherwise. With 1 it always is.
#[derive(clap::Args)]
pub struct Admit {
    /// The drop: a directory.
    drop: PathBuf,

    /// The store: a directory outside of the drop. It is made where only its parent exists.
    #[arg(long, value_name = "STORE")]
    into: PathBuf,

    #[command(flatten)]
    judging: Judging,

    #[command(flatten)]
    recording: Recording,
}

impl Admit {
    /// Judges, records and admits.
    pub fn run(self, output: &Output) -> Result<ExitCode, Failure> {
        let drop = Directory::open(&self.drop)?;
        let prepared = self.judging.prepare(&self.drop, output)?;
        let books = Books::to_write(&prepared.gate, output)?;
        let recorder = books.recorder(&self.recording, Action::Admit)?;
        prepared.writes_outside("the store", &self.into)?;
        nameable(&self.into)?;
        apart(&self.into, &books.ledger)?;
        let store = Store::open(&self.into, &drop)?;
        let staging = store.stage()?;
        let copying = Copying::new(&drop, &staging);
        let keeping = Keeping::new(&copying, native::FILE);
        let examined = prepared.examine(&keeping, output)?;
        let envelope = keeping.kept();
        let case = prepared.case(&examined, envelope.as_deref());
        let decided = books.decide(&case)?;
        let (recorded, admission) = match place(&decided)? {
            None => (recorder.record(&case, decided, None, clock)?, None),
            Some(place) => let_in((&store, copying, &place), &recorder, &case, decided)?,
        };
        let verdict = &recorded.decided.verdict;
        // Of an accepted drop nothing is left to discard.
        if verdict.decision() == Decision::Reject
            && let Err(error) = staging.discard()
        {
            output.note(&format!("{error}; the next `dropgate admit` tries again"));
        }
        let said = said(recorded.entry, admission.as_ref());
        prepared.tell_recorded(&examined, verdict, (&self.drop, &said), output)?;
        Ok(exit_code(verdict))
    }
}

/// Refuses a store that the record, which is text, can't name: an entry must lead to the very place.
fn nameable(store: &Path) -> Result<(), Failure> {
    let absolute = std::path::absolute(store).map_err(|why| FileError::new(store, "find", why))?;
    match absolute.to_str() {
        Some(_) => Ok(()),
        None => {
            let why = "expected a path in UTF-8, which the record can name, found other bytes";
            Err(FileError::new(store, "admit into", why).into())
        }
    }
}

/// Refuses one of the store and the ledger inside the other: a vendor's name would be that of a part of the record.
fn apart(store: &Path, ledger: &Ledger) -> Result<(), Failure> {
    let ledger = ledger.directory();
    let (the_store, the_ledger) = (files::resolved(store)?, files::resolved(ledger)?);
    let (inner, outer) = match () {
        () if the_store.starts_with(&the_ledger) => (("store", store), ("ledger", ledger)),
        () if the_ledger.starts_with(&the_store) => (("ledger", ledger), ("store", store)),
        () => return Ok(()),
    };
    let named = |(what, path): (&str, &Path)| format!("the {what} {}", escape::path(path));
    Err(Failure::said(format!(
        "{} lies inside {}: expected them apart, for vendors' names are names in the store",
        named(inner),
        named(outer)
    )))
}

/// Where an accepted drop goes; `None` where it is not accepted.
fn place(decided: &Decided) -> Result<Option<Place>, StoreError> {
    match (decided.verdict.decision(), &decided.verdict.basis.release) {
        (Decision::Accept, Some(release)) => Ok(Some(Place::of(release)?)),
        _ => Ok(None),
    }
}

/// Why an accepted drop is not let in.
enum Stop {
    /// Something failed. Whether the verdict was recorded by then, the failure says.
    Failed(Failure),
    /// Another drop of the product was accepted in the meantime, and this one is refused beside it.
    Refused(Box<Recorded>),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<RecordError> for Stop {
    fn from(error: RecordError) -> Self {
        Self::Failed(error.into())
    }
}

/// Puts an accepted drop into its place. It is recorded when all but that is done: what stands in a store was always recorded
/// before.
fn let_in(
    (store, copying, place): (&Store, Copying<'_, '_>, &Place),
    recorder: &Recorder<'_>,
    case: &Case<'_>,
    decided: Decided,
) -> Result<(Recorded, Option<Admission>), Failure> {
    let ready = copying.finish()?;
    let mut entered = None;
    let admitted = store.place(&ready, place, &NoProgress, |admission| {
        let recorded = recorder.record(case, decided, Some(entered_as(admission)), clock)?;
        match recorded.decided.verdict.decision() {
            Decision::Accept => entered = Some(recorded),
            Decision::Reject => return Err(Stop::Refused(Box::new(recorded))),
        }
        Ok(())
    });
    match (admitted, entered) {
        (Ok(admission), Some(recorded)) => Ok((recorded, Some(admission))),
        (Ok(_), None) => {
            Err(Failure::said("the drop was admitted without being recorded; this is a fault of dropgate"))
        }
        (Err(Stop::Refused(recorded)), _) => Ok((*recorded, None)),
        (Err(Stop::Failed(failure)), None) => Err(failure),
        (Err(Stop::Failed(failure)), Some(recorded)) => Err(Failure::said(format!(
            "{failure}\nACCEPT is recorded as entry {}, and the drop may not stand in the store: admit it again",
            recorded.entry
        ))),
    }
}

fn entered_as(admission: &Admission) -> entry::Admission {
    entry::Admission {
        store: admission.store.to_string_lossy().into_owned(),
        path: admission.path.clone(),
        state: match admission.state {
            State::Stored => AdmissionState::Stored,
            State::AlreadyThere => AdmissionState::AlreadyThere,
        },
    }
}

fn said(entry: u64, admission: Option<&Admission>) -> String {
    let Some(admission) = admission else {
        return format!("recorded as entry {entry}; nothing was admitted");
    };
    let place = escape::path(&admission.store.join(&admission.path));
    match admission.state {
        State::Stored => format!("recorded as entry {entry}; admitted into {place}"),
        State::AlreadyThere => format!("recorded as entry {entry}; the same files stand in {place} already"),
    }
}
