//! `dropgate key`: make and look at signing keys.

use super::output::{Failure, Output};
use crate::escape;
use crate::files::{self, Existing, FileError, Readers};
use crate::limits;
use crate::trust::ed25519::{PrivateKey, PublicKey};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use zeroize::Zeroizing;

/// Make and look at signing keys.
#[derive(clap::Subcommand)]
pub enum Command {
    /// Make an Ed25519 key: NAME.pem, private, and NAME.pub.pem, for the operator.
    Generate {
        /// Path of the files without their ending.
        name: PathBuf,
    },
    /// Show a key's public half and its fingerprint, never its private half.
    Show {
        /// A private or public key in PEM.
        file: PathBuf,
    },
}

impl Command {
    /// Does it.
    pub fn run(self, output: &Output) -> Result<ExitCode, Failure> {
        match self {
            Self::Generate { name } => generate(&name, output)?,
            Self::Show { file } => show(&file, output)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn generate(name: &Path, output: &Output) -> Result<(), Failure> {
    let with = |ending: &str| {
        let mut path = name.as_os_str().to_owned();
        path.push(ending);
        PathBuf::from(path)
    };
    let (private_file, public_file) = (with(".pem"), with(".pub.pem"));
    for file in [&private_file, &public_file] {
        if file.symlink_metadata().is_ok() {
            return Err(FileError::new(file, "write", "it is already there; expected a new name").into());
        }
    }
    let key = PrivateKey::generate()
        .map_err(|error| Failure::said(format!("the system gives no randomness: {error}")))?;
    let refused = |error: crate::trust::ed25519::KeyRefusal| Failure::said(error.to_string());
    let public = key.public().map_err(refused)?;
    files::write(&private_file, key.to_pem().map_err(refused)?.as_bytes(), Existing::Keep, Readers::Owner)?;
    files::write(
        &public_file,
        public.to_pem().map_err(refused)?.as_bytes(),
        Existing::Keep,
        Readers::Everyone,
    )?;
    output.print(&format!(
        "private key  {}  (keep it; nobody else needs it)\npublic key   {}  (give it to the operator)\nkey id       {}\n",
        escape::path(&private_file),
        escape::path(&public_file),
        public.fingerprint()
    ))
}

fn show(file: &Path, output: &Output) -> Result<(), Failure> {
    let text = Zeroizing::new(files::read_text(file, limits::KEY_BYTES)?);
    let refused = |error: crate::trust::ed25519::KeyRefusal| {
        Failure::from(FileError::new(file, "read the key in", error))
    };
    let (kind, public) = if text.contains("PRIVATE KEY") {
        warn_if_open(file, output);
        ("private", PrivateKey::from_pem(&text).and_then(|key| key.public()).map_err(refused)?)
    } else {
        ("public", PublicKey::from_pem(&text).map_err(refused)?)
    };
    output.print(&format!(
        "Ed25519 {kind} key\nkey id  {}\n{}",
        public.fingerprint(),
        public.to_pem().map_err(refused)?
    ))
}

/// Reads a private key, and warns when others can.
pub fn read_private(file: &Path, output: &Output) -> Result<PrivateKey, Failure> {
    let text = Zeroizing::new(files::read_text(file, limits::KEY_BYTES)?);
    warn_if_open(file, output);
    PrivateKey::from_pem(&text).map_err(|error| FileError::new(file, "read the key in", error).into())
}

fn warn_if_open(file: &Path, output: &Output) {
    if file.metadata().is_ok_and(|meta| files::readable_by_others(&meta)) {
        output.note(&format!(
            "others can read the private key {}; expected mode 600 (chmod 600 {0})",
            escape::path(file)
        ));
    }
}
