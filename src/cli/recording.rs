//! What the commands that record have in common: the gate's ledger, the key that signs it, and who records.

use super::key::read_private;
use super::output::{Failure, Output};
use crate::escape;
use crate::files::FileError;
use crate::gate::{Gate, LedgerPlace};
use crate::ledger::entry::{Action, By};
use crate::ledger::note::SigningKey;
use crate::ledger::{Ledger, View};
use crate::record::{Case, Decided, Kept, Recorder};
use crate::time::Time;
use nix::unistd::{Uid, User};

/// What to say beside a verdict that is recorded.
#[derive(clap::Args)]
pub struct Recording {
    /// What to record beside the verdict, such as a ticket or the address of a CI job.
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
}

impl Recording {
    /// Whether there is anything to say.
    pub fn is_given(&self) -> bool {
        self.note.is_some()
    }
}

/// The gate's ledger.
pub struct Books {
    /// The ledger.
    pub ledger: Ledger,
    key: Option<SigningKey>,
    kept: Option<Kept>,
}

impl Books {
    /// The ledger of a gate, to read; `None` where it has none.
    pub fn to_read(gate: &Gate) -> Result<Option<Self>, Failure> {
        let Some(place) = &gate.ledger else { return Ok(None) };
        Ok(Some(Self { ledger: open(place)?, key: None, kept: kept(place) }))
    }

    /// The ledger of a gate, to write: everything that can be wrong with it is found out before a drop is looked at.
    pub fn to_write(gate: &Gate, output: &Output) -> Result<Self, Failure> {
        let Some(place) = &gate.ledger else {
            let why =
                "the gate has no ledger: expected a section [ledger] in gate.toml, as docs/ledger.md shows";
            return Err(Failure::said(why));
        };
        let Some(file) = &place.key else {
            let why = "the gate's ledger can only be read: expected `key`, a private key's file, in [ledger] of gate.toml";
            return Err(Failure::said(why));
        };
        let key = SigningKey::new(place.verifier.name(), read_private(file, output)?)
            .map_err(|why| FileError::new(file, "sign the ledger with the key in", why))?;
        if *key.verifier() != place.verifier {
            let why = format!(
                "expected the private half of verifier-key {}, found that of {}",
                place.verifier,
                key.verifier()
            );
            return Err(FileError::new(file, "sign the ledger with the key in", why).into());
        }
        let books = Self { ledger: open(place)?, key: Some(key), kept: kept(place) };
        if books.view()?.is_none() {
            output.note(&format!(
                "there is no ledger in {} yet: this verdict begins one, and the gate knows of nothing that was accepted before",
                escape::path(&place.directory)
            ));
        }
        Ok(books)
    }

    /// The ledger as it is now, which is what it was or continues that; `None` before its first use.
    pub fn view(&self) -> Result<Option<View<'_>>, Failure> {
        let view = self.ledger.now()?;
        if let Some(kept) = &self.kept {
            kept.holds(&self.ledger, view.as_ref().map(View::checkpoint))?;
        }
        Ok(view)
    }

    /// Judges by what the ledger says now.
    pub fn decide(&self, case: &Case<'_>) -> Result<Decided, Failure> {
        Ok(case.decide(self.view()?.as_ref())?)
    }

    /// Who records.
    pub fn recorder(&self, recording: &Recording, action: Action) -> Result<Recorder<'_>, Failure> {
        let key = self.key.as_ref().ok_or_else(|| Failure::said("the ledger was opened to be read"))?;
        Ok(Recorder {
            ledger: &self.ledger,
            key,
            by: by(recording.note.clone()),
            action,
            kept: self.kept.as_ref(),
        })
    }
}

fn kept(place: &LedgerPlace) -> Option<Kept> {
    place.kept.as_deref().map(Kept::in_file)
}

fn open(place: &LedgerPlace) -> Result<Ledger, Failure> {
    Ok(Ledger::open(&place.directory, place.verifier.clone())?)
}

/// The time of recording.
pub fn clock() -> Time {
    Time::now().whole_seconds()
}

/// Whom the system takes this process for.
fn by(note: Option<String>) -> By {
    let uid = Uid::current();
    let user = User::from_uid(uid).ok().flatten().map_or_else(|| "unknown".to_owned(), |user| user.name);
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    By { user, uid: uid.as_raw(), host, note }
}
