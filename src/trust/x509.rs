//! Certificates (X.509 as profiled by RFC 5280).

pub(crate) mod certificate;
pub(crate) mod key;
pub(crate) mod pem;

pub use certificate::CertificateRefusal;
pub use key::KeyRefusal;
pub use pem::PemRefusal;
