//! Which of its forms a package has, told from the names of its files.

use super::{META, Papers};
use crate::drop::Inventory;
use crate::drop::path::DropPath;

/// The form of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    /// With TOSCA.meta, which names the rest.
    Meta,
    /// Without it: one YAML file at the root, and a manifest of its name.
    Bare {
        /// The manifest.
        manifest: DropPath,
        /// The descriptor.
        definitions: DropPath,
        /// The papers, at the places that the specification gives them.
        papers: Papers,
    },
    /// A package beside its signature (option 2).
    Outer(Outer),
}

/// A package beside its signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outer {
    /// The package.
    pub package: DropPath,
    /// The signature over its bytes.
    pub signature: Option<DropPath>,
    /// The signer's certificate: material to build a path with.
    pub certificate: Option<DropPath>,
    /// Everything else. Nothing signs it, and nothing belongs there.
    pub extra: Vec<DropPath>,
}

/// Why files are not a package of this format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LayoutRefusal {
    /// Another case than the specification's: some systems find the file, others don't.
    #[error("expected {META}, found {found:?}")]
    MetaSpelled {
        /// The path.
        found: String,
    },
    /// None of the forms.
    #[error(
        "expected {META}, or one YAML file at the root with a manifest (.mf) of the same name, or a package (.csar, .zip) beside its \
         signature (.cms), found none of them"
    )]
    None,
    /// More than one of what there is one of.
    #[error("expected one {what} at the root, found {} and {}", .found.0, .found.1)]
    Several {
        /// Of what.
        what: &'static str,
        /// Two of them.
        found: (DropPath, DropPath),
    },
    /// A manifest that belongs to no descriptor.
    #[error("expected a manifest of the name of {descriptor}, found {manifest}")]
    ManifestNamed {
        /// The descriptor.
        descriptor: DropPath,
        /// The manifest.
        manifest: DropPath,
    },
}

/// Tells the form of a package.
///
/// # Errors
/// When it is none of this format, or could be taken for two.
pub fn form(inventory: &Inventory) -> Result<Form, LayoutRefusal> {
    let paths = || inventory.files.iter().map(|entry| &entry.path);
    if paths().any(|path| path.as_str() == META) {
        return Ok(Form::Meta);
    }
    if let Some(other) = paths().find(|path| path.as_str().eq_ignore_ascii_case(META)) {
        return Err(LayoutRefusal::MetaSpelled { found: other.as_str().to_owned() });
    }
    if let Some(manifest) = one_at_root(inventory, "manifest (.mf)", &[".mf"])? {
        return bare(inventory, manifest);
    }
    outer(inventory)?.map(Form::Outer).ok_or(LayoutRefusal::None)
}

fn bare(inventory: &Inventory, manifest: DropPath) -> Result<Form, LayoutRefusal> {
    let descriptor = one_at_root(inventory, "descriptor (.yaml, .yml)", &[".yaml", ".yml"])?;
    let definitions = descriptor.ok_or(LayoutRefusal::None)?;
    if stem(&definitions) != stem(&manifest) {
        return Err(LayoutRefusal::ManifestNamed { descriptor: definitions, manifest });
    }
    let there = |path: &str| DropPath::parse(path).ok().filter(|path| inventory.find(path).is_some());
    let directory =
        |path: &str| DropPath::parse(path).ok().filter(|path| inventory.directories.contains(path));
    let papers = Papers {
        change_log: there("ChangeLog.txt"),
        tests: directory("Tests"),
        licenses: directory("Licenses"),
        certificate: certificate_beside(inventory, &manifest),
    };
    Ok(Form::Bare { manifest, definitions, papers })
}

/// The certificate of the manifest's name beside it, where it is there.
pub fn certificate_beside(inventory: &Inventory, manifest: &DropPath) -> Option<DropPath> {
    let path = DropPath::parse(&format!("{}.cert", stem(manifest))).ok()?;
    inventory.find(&path).map(|entry| entry.path.clone())
}

/// A package beside its signature: one `.csar` or `.zip` at the root, a `.cms` and perhaps a certificate.
///
/// The names need not agree, since there is one of each; whether the package is one, its contents say.
///
/// # Errors
/// When there are two of what there must be one of.
pub fn outer(inventory: &Inventory) -> Result<Option<Outer>, LayoutRefusal> {
    let Some(package) = one_at_root(inventory, "package (.csar, .zip)", &[".csar", ".zip"])? else {
        return Ok(None);
    };
    let signature = one_at_root(inventory, "signature (.cms)", &[".cms"])?;
    let certificate = one_at_root(inventory, "certificate (.cert)", &[".cert", ".crt", ".cer", ".pem"])?;
    let ours = [Some(&package), signature.as_ref(), certificate.as_ref()];
    let extra = inventory.files.iter().map(|entry| &entry.path).filter(|path| !ours.contains(&Some(path)));
    let extra = extra.cloned().collect();
    Ok(Some(Outer { package, signature, certificate, extra }))
}

fn one_at_root(
    inventory: &Inventory,
    what: &'static str,
    endings: &[&str],
) -> Result<Option<DropPath>, LayoutRefusal> {
    let named = |path: &&DropPath| {
        let name = path.as_str().to_ascii_lowercase();
        !name.contains('/') && endings.iter().any(|ending| name.ends_with(ending))
    };
    let mut found = inventory.files.iter().map(|entry| &entry.path).filter(named);
    match (found.next(), found.next()) {
        (Some(one), Some(other)) => Err(LayoutRefusal::Several { what, found: (one.clone(), other.clone()) }),
        (one, _) => Ok(one.cloned()),
    }
}

/// The path without the extension of its last component.
fn stem(path: &DropPath) -> &str {
    path.as_str()
        .rsplit_once('.')
        .filter(|(_, ending)| !ending.contains('/'))
        .map_or(path.as_str(), |(stem, _)| stem)
}
