//! `dropgate init`: commented files to begin with.

use super::output::{Failure, Output};
use crate::drop::path::Name;
use crate::escape;
use crate::files::{self, Existing, FileError, Readers};
use crate::limits;
use crate::time::{Period, Time};
use crate::trust::ed25519::PublicKey;
use std::path::PathBuf;
use std::process::ExitCode;

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
        let mut documents =
            vec![("gate.toml".to_owned(), gate(&self.operator)), ("trust.toml".to_owned(), self.trust()?)];
        documents.extend(PACKS.iter().map(|(name, text)| (format!("policies/{name}"), (*text).to_owned())));
        let policies = self.directory.join("policies");
        for (name, _) in &documents {
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

fn quoted(name: &Name) -> String {
    toml::Value::from(name.as_str()).to_string()
}

fn gate(operator: &Name) -> String {
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
