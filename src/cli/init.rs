//! `dropgate init`: commented files to begin with.

use super::output::{Failure, Output};
use crate::drop::path::Name;
use crate::escape;
use crate::files::{self, Existing, FileError, Readers};
use crate::ledger::note::{SigningKey, VerifierKey};
use crate::limits;
use crate::time::{Period, Time};
use crate::trust::ed25519::{PrivateKey, PublicKey};
use std::path::PathBuf;
use std::process::ExitCode;
use zeroize::Zeroizing;

/// Where the private key of the ledger goes.
const LEDGER_KEY: &str = "ledger.pem";

const PACKS: [(&str, &str); 4] = [
    ("start.toml", include_str!("../../policies/start.toml")),
    ("so12.toml", include_str!("../../policies/so12.toml")),
    ("so14.toml", include_str!("../../policies/so14.toml")),
    ("so23.toml", include_str!("../../policies/so23.toml")),
];

/// Write a commented gate.toml, trust.toml and policies to begin with. Existing files stay as they are.
#[derive(clap::Args)]
pub struct Init {
    /// Where; made if it does not exist. Never a drop.
    directory: PathBuf,
    /// Your name, as vendors put it into manifests as recipient.
    #[arg(long, value_name = "NAME")]
    operator: Name,
    /// A vendor's public key to trust, in PEM. Get it from the vendor outside of any drop.
    #[arg(long, value_name = "FILE", requires = "vendor", requires = "owner")]
    key: Option<PathBuf>,
    /// The vendor that the key speaks for, by the name in its manifests.
    #[arg(long, value_name = "NAME", requires = "key")]
    vendor: Option<Name>,
    /// The person who holds the key.
    #[arg(long, value_name = "NAME", requires = "key")]
    owner: Option<Name>,
}

impl Init {
    /// Writes the files.
    pub fn run(self, output: &Output) -> Result<ExitCode, Failure> {
        let (verifier, pem) = ledger_key(&self.operator)?;
        let mut documents = vec![
            ("gate.toml".to_owned(), gate(&self.operator, &verifier)),
            ("trust.toml".to_owned(), self.trust()?),
        ];
        documents.extend(PACKS.iter().map(|(name, text)| (format!("policies/{name}"), (*text).to_owned())));
        let policies = self.directory.join("policies");
        for name in documents.iter().map(|(name, _)| name.as_str()).chain([LEDGER_KEY]) {
            let path = self.directory.join(name);
            if path.symlink_metadata().is_ok() {
                return Err(FileError::new(&path, "write", "it is already there; nothing was written").into());
            }
        }
        std::fs::create_dir_all(&policies).map_err(|error| FileError::new(&policies, "make", error))?;
        for (name, text) in &documents {
            let path = self.directory.join(name);
            files::write(&path, text.as_bytes(), Existing::Keep, Readers::Everyone)?;
            output.print(&format!("{}\n", escape::path(&path)))?;
        }
        let path = self.directory.join(LEDGER_KEY);
        files::write(&path, pem.as_bytes(), Existing::Keep, Readers::Owner)?;
        output.print(&format!(
            "{}  (private: signs the ledger; keep it on this machine)\n",
            escape::path(&path)
        ))?;
        if self.key.is_none() {
            output.note(
                "trust.toml holds no key yet, and a gate without keys judges nothing: add the vendor's",
            );
        }
        Ok(ExitCode::SUCCESS)
    }

    fn trust(&self) -> Result<String, Failure> {
        let mut text = TRUST.to_owned();
        let (Some(file), Some(vendor), Some(owner)) = (&self.key, &self.vendor, &self.owner) else {
            return Ok(text);
        };
        let pem = files::read_text(file, limits::KEY_BYTES)?;
        let public =
            PublicKey::from_pem(&pem).map_err(|why| FileError::new(file, "trust the key in", why))?;
        let pem = public.to_pem().map_err(|why| FileError::new(file, "trust the key in", why))?;
        let from = Time::now().whole_seconds();
        let year: Period = "365d".parse().map_err(|error| Failure::said(format!("{error}")))?;
        text.push_str(&format!(
            "\n[[key]]\nid = \"vendor-release\"\npublic-key = \"\"\"\n{pem}\"\"\"\nowner = {}\nparty = \"vendor\"\nvendor = {}\nroles = [\"release\"]\nvalid-from = {from}\nvalid-until = {}\n",
            quoted(owner),
            quoted(vendor),
            from.after(year),
        ));
        Ok(text)
    }
}

/// A new key for the ledger's checkpoints: what others verify them with, and its private half in PEM.
fn ledger_key(operator: &Name) -> Result<(VerifierKey, Zeroizing<String>), Failure> {
    let key = PrivateKey::generate()
        .map_err(|error| Failure::said(format!("the system gives no randomness: {error}")))?;
    let pem = key.to_pem().map_err(|error| Failure::said(error.to_string()))?;
    let signing =
        SigningKey::new(&log_name(operator), key).map_err(|error| Failure::said(error.to_string()))?;
    Ok((signing.verifier().clone(), pem))
}

/// A name for the log, without spaces or plus signs as signed notes want it.
fn log_name(operator: &Name) -> String {
    let plain = |c: char| if c.is_alphanumeric() { c.to_lowercase().collect() } else { "-".to_owned() };
    let name: String = operator.as_str().chars().map(plain).collect();
    let name = match name.trim_matches('-') {
        "" => "operator",
        name => name,
    };
    format!("{name}/dropgate")
}

fn quoted(name: &Name) -> String {
    toml::Value::from(name.as_str()).to_string()
}

fn gate(operator: &Name, verifier: &VerifierKey) -> String {
    format!(
        r#"# The gate: whose drops are judged by what. Keep it, and all that it names, where vendors can't write.

# The version of this file's form.
version = 1

# Your name. A manifest that names another recipient is refused.
operator = {}

# Whose signatures count. Paths are relative to this file.
trust = "trust.toml"

# What is asked of a drop: each control stands in one of the packs. Every pack is yours to edit; the verdict
# names the packs that it rests on by digest.
policies = [
  # To begin with: integrity, and versions that advance. It needs nothing but a signed manifest.
  "policies/start.toml",
  # All of SO12, SO14 and SO23. They need evidence in the drop (docs/evidence.md) and keys for its signers in the trust
  # store: take these in its place once your vendors deliver it.
  # "policies/so12.toml",
  # "policies/so14.toml",
  # "policies/so23.toml",
]

# Signed lists of counterfeit items, made with `dropgate attest counterfeit-notice`.
# counterfeit-notices = ["notices/CN-1.dsse.json"]

# The record of verdicts (docs/ledger.md). `dropgate admit` and `verify --record` write it, and what a drop is compared with
# comes from it: the last accepted version of the same product.
[ledger]
# Made on first use.
directory = "ledger"
# Whose checkpoints count: the log's name and public key. Auditors need it too.
verifier-key = "{verifier}"
# The private key of the same; leave it out where the ledger is only read.
key = "{LEDGER_KEY}"
# Where its newest checkpoint is kept: an older copy of the ledger, or none, in its place is then found out. The further from the
# ledger the better: another disk, another machine's share.
kept-checkpoint = "ledger.checkpoint"

# Products of which you run several lines of versions side by side: a fix to an older line is compared with that line.
# [[release-line]]
# vendor = "Acme Networks"
# product = "radio-7"
# versions-beginning = ["4.1.", "4.2."]
"#,
        quoted(operator)
    )
}

const TRUST: &str = r#"# The trust store: whose signature counts, for what, and when. docs/trust.md explains every key.
# A public key belongs here only after you compared its key id with its owner, outside of any drop:
#   openssl pkey -pubin -in KEY -outform DER | sha256sum

# The version of this file's form.
version = 1

# One entry for each key:
#
# [[key]]
# id = "acme-release-2026"            # your name for the key
# public-key-file = "keys/acme.pub.pem" # or public-key = """-----BEGIN PUBLIC KEY----- ..."""
# owner = "Jane Doe"                  # who holds it; thresholds count owners, not keys
# party = "vendor"                    # vendor, provider, third-party, lab
# vendor = "Acme Networks"            # for vendors: as their manifests say
# products = ["radio-7"]              # for vendors: leave out for all their products
# roles = ["release"]                 # release, malware-scan, test, sbom, vex, provenance, change; for the provider
#                                     # alone: approval, waiver, counterfeit-notice
# valid-from = 2026-01-01T00:00:00Z
# valid-until = 2027-01-01T00:00:00Z
#
# [key.revoked]                       # when the key no longer counts
# at = 2026-06-01T00:00:00Z
# reason = "compromised"              # nothing it ever signed counts; "retired": nothing from then on
"#;
