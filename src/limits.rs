//! Every cap on what a hostile drop can make us do, each with its reason.
//!
//! A number that bounds work, memory or time stands here and nowhere else, so that the answer to
//! "how much can a vendor cost us?" is one page.

/// Longest path of an artifact, in bytes. `PATH_MAX` is 4096 on Linux: this leaves room for the
/// operator's own prefix in front of it.
pub const PATH_BYTES: usize = 2048;

/// Longest single component of a path, in bytes: `NAME_MAX` of every common file system.
pub const COMPONENT_BYTES: usize = 255;

/// Most components in a path. Real deliveries stay under 30; each level costs an open directory
/// somewhere downstream.
pub const PATH_DEPTH: usize = 128;

/// Most files in a drop. Ten times the largest that we mean to be ordinary; at 400 to 600 bytes each, by how many
/// digests the manifest gives, it bounds memory at 6 GB.
pub const DROP_FILES: usize = 10_000_000;

/// Most entries of any kind (directories, refused names) in a drop, for the same reason.
pub const DROP_ENTRIES: usize = 20_000_000;

/// Most bytes that the names of all entries of a drop may take, as they are shown. Ten million paths of ordinary
/// length fit; without it, ten million of the greatest length would take 20 GB.
pub const DROP_NAME_BYTES: u64 = 4 << 30;

/// Largest manifest envelope, in bytes. A million artifacts take about 250 MB; it is held in memory
/// once, since a signature covers all of it.
pub const MANIFEST_BYTES: u64 = 512 << 20;

/// Largest evidence envelope, in bytes. A statement names reports by digest and does not carry them.
pub const EVIDENCE_BYTES: u64 = 16 << 20;

/// Most evidence envelopes in a drop.
pub const EVIDENCE_FILES: usize = 10_000;

/// Deepest nesting of JSON. The deepest published report format that we read stays under 40.
pub const JSON_DEPTH: usize = 128;

/// Most keys in one JSON object: keys are remembered to find duplicates, and this bounds the memory.
pub const JSON_OBJECT_KEYS: usize = 16_384;

/// Most signatures on one envelope. Thresholds are single digits; every signature costs
/// a pass over the whole payload for each key that it might be by.
pub const SIGNATURES: usize = 64;

/// Longest key id of a signature, in bytes. Fingerprints take 64 to 128, and names of keys in key services stay under
/// 300; it is repeated in what is said about the signature.
pub const KEY_ID_BYTES: usize = 1024;

/// Most bytes that checking the signatures of one envelope may hash: signatures times candidate keys
/// times payload. Four keys tried on the largest manifest fit; a flood of unknown signatures does not.
pub const SIGNATURE_WORK_BYTES: u64 = 4 << 30;

/// Most tries (signature times candidate key) on one envelope, for small payloads.
pub const SIGNATURE_TRIES: u64 = 4096;

/// Most tries on all evidence of a drop together: a minute or two of one core. Ten thousand statements, each by a few
/// signers and tried with dozens of keys, fit.
pub const EVIDENCE_TRIES: u64 = 1_000_000;

/// Most bytes that checking the signatures of all evidence of a drop may hash, for the same reason.
pub const EVIDENCE_WORK_BYTES: u64 = 64 << 30;

/// Longest name of a vendor, product, version or recipient, in bytes.
pub const NAME_BYTES: usize = 128;

/// Largest release sequence number: 2^53 - 1, the largest integer that every JSON reader keeps exact
/// (RFC 8259, section 6).
pub const SEQUENCE: u64 = (1 << 53) - 1;

/// Largest file that the operator writes (gate.toml, trust.toml, a pack), in bytes.
pub const CONFIG_BYTES: u64 = 4 << 20;

/// Largest key file, in bytes.
pub const KEY_BYTES: u64 = 64 << 10;

/// Size of the buffer that each thread reads through, in bytes.
pub const READ_BUFFER_BYTES: usize = 128 << 10;

/// Most findings of one code that text output lists one by one; the rest are counted there and are
/// whole in JSON.
pub const FINDINGS_SHOWN: usize = 10;

/// Most changes of one class that `diff` lists one by one in text, unless all are asked for: a screen of each.
pub const CHANGES_SHOWN: usize = 50;

/// Widest column of paths in the text of `diff`, in characters. One long path must not push the sizes of all
/// the others out of sight.
pub const PATH_COLUMN: usize = 60;
