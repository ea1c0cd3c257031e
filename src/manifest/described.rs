//! What a vendor's format says of a release, as far as it can. The rest is the operator's to say.

use crate::time::Time;

/// What is said of a release. Nothing of it is believed before the signature over it was checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Described {
    /// Who delivers.
    pub vendor: Option<String>,
    /// What.
    pub product: Option<String>,
    /// In which version.
    pub version: Option<String>,
    /// When it was issued.
    pub issued: Option<Time>,
    /// From when on it is not to be accepted.
    pub expires: Option<Time>,
}
