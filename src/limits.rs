//! Every cap on what a hostile drop can make us do, each with its reason.
//!
//! A number that bounds work, memory or time stands here and nowhere else, so that the answer to
//! "how much can a vendor cost us?" is one page.

use std::time::Duration;

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

/// Largest verification summary, in bytes: the subjects of the largest manifest, and 128 MB for the attestations that it names.
pub const VSA_BYTES: u64 = 640 << 20;

/// Largest evidence envelope, in bytes. A statement names reports by digest and does not carry them.
pub const EVIDENCE_BYTES: u64 = 16 << 20;

/// Longest text for people in a statement (a reason, a summary), in bytes: a page.
pub const WORDS_BYTES: usize = 4096;

/// Largest raw report, in bytes. A million test cases in JUnit take about 100 MB; a report is held in memory
/// while it is read, since its digest covers all of it.
pub const REPORT_BYTES: u64 = 128 << 20;

/// Most bytes of raw reports in all that are read for one drop: what is derived from them is held until the
/// verdict.
pub const REPORTS_BYTES: u64 = 1 << 30;

/// Most bytes of evidence envelopes that are read of one drop. What they say is held until the verdict; the statements of
/// a drop of a hundred reports take some 500 KB.
pub const EVIDENCE_BYTES_IN_ALL: u64 = 1 << 30;

/// Most memory, in bytes, that what was read of all statements and reports of one drop may take. A name that stands once in a
/// file is repeated in each of its tests or products, so the sizes of the files do not bound this.
pub const EVIDENCE_HELD_BYTES: usize = 2 << 30;

/// How far the clock of whoever made evidence may be ahead of the gate's, in seconds. Less than any period that a
/// policy asks for.
pub const EVIDENCE_CLOCK_SKEW_SECONDS: i64 = 300;

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

/// Most characters of a key id that are repeated in messages: a digest in hex fits.
pub const KEY_ID_SHOWN: usize = 100;

/// Longest name of a vendor, product, version or recipient, in bytes.
pub const NAME_BYTES: usize = 128;

/// Largest release sequence number: 2^53 - 1, the largest integer that every JSON reader keeps exact
/// (RFC 8259, section 6).
pub const SEQUENCE: u64 = (1 << 53) - 1;

/// Largest file that the operator writes (gate.toml, trust.toml, a pack), in bytes.
pub const CONFIG_BYTES: u64 = 4 << 20;

/// Largest key file, in bytes.
pub const KEY_BYTES: u64 = 64 << 10;

/// Size of the buffer that each thread reads through, in bytes. Hashing gives half of it to each of the two files that a
/// thread works at; sizes from a quarter of this to twice as much are equally fast.
pub const READ_BUFFER_BYTES: usize = 128 << 10;

/// How long an admission waits for another that holds the store's lock. It is held while a verdict is recorded and a
/// directory renamed, never while a drop is judged, copied or compared.
pub const STORE_LOCK_WAIT: Duration = Duration::from_secs(60);

/// How often an admission looks again at a place of the store that was taken, or taken by something else, meanwhile. Nothing
/// of ours ever takes away what stands there.
pub const PLACE_TRIES: usize = 3;

/// Most leftovers of killed runs that one admission removes: each holds a descriptor until it is gone.
pub const LEFTOVERS: usize = 16;

/// Most files of a drop that are written through to the disk one by one, each as soon as it is copied. For more of them, one
/// call for the whole file system is cheaper: it costs one flush where they cost one each.
pub const SYNC_EACH_FILES: usize = 64;

/// Most bytes of a drop whose files are written through one by one: a thread that waits for the disk hashes nothing. Below
/// both, what others have yet to write to the same file system is not waited for.
pub const SYNC_EACH_BYTES: u64 = 64 << 20;

/// After how many bytes of a copy the disk is told to begin with them. 2 GiB took a second less than where all was left for
/// the end.
pub const WRITE_BEHIND_BYTES: u64 = 8 << 20;

/// Smallest file that is cloned rather than written where the file system can, in bytes. A clone costs a change of the file
/// system's own records, which writing less does not.
pub const CLONE_BYTES: u64 = 1 << 20;

/// Descriptors that are left for other things than copying, which takes two for each thread.
pub const SPARE_DESCRIPTORS: u64 = 32;

/// Most findings of one code that text output lists one by one; the rest are counted there and are
/// whole in JSON.
pub const FINDINGS_SHOWN: usize = 10;

/// Most findings of a verdict that text output lists one by one, over all codes: what a person reads in a ticket.
pub const FINDINGS_SHOWN_IN_ALL: usize = 100;

/// Most changes of one class that `diff` lists one by one in text, unless all are asked for: a screen of each.
pub const CHANGES_SHOWN: usize = 50;

/// Widest column of paths in the text of `diff`, in characters. One long path must not push the sizes of all
/// the others out of sight.
pub const PATH_COLUMN: usize = 60;

/// Most entries in one list of a raw scan report (runs, results, rules, matches). The largest published SARIF limits
/// stay at 25,000 results a run; an empty entry is three bytes of report and some hundred bytes of memory.
pub const SCAN_ENTRIES: usize = 1_000_000;

/// Most components of a hierarchical SARIF rule id (`CA1000/1/2`) that are taken off to find its rule. The
/// specification's examples have three; each costs a look-up as long as the id.
pub const RULE_ID_LEVELS: usize = 16;

/// Longest id (package URL, CPE, name, version, vulnerability) in a bill of materials or VEX document, in bytes. The
/// longest of real documents stay under 1,000.
pub const IDENTIFIER_BYTES: usize = 4096;

/// Most text, in bytes, that the statements of one VEX document may hold once every reference in it is followed: a
/// reference of a few bytes can stand for ids of thousands. The largest real documents (ten thousand products, a hundred
/// vulnerabilities) stay under this.
pub const VEX_BYTES: usize = 256 << 20;

/// Most comparisons of issues with VEX statements in one drop. Real drops have thousands of either and few of one id;
/// a hundred thousand of each under one id would be ten thousand million. What is over it stays open.
pub const VEX_COMPARISONS: u64 = 20_000_000;

/// Most package URLs of one SPDX package. Tools give one; each stands for a component.
pub const PACKAGE_PURLS: usize = 32;

/// Longest chain of relationships between products of a CSAF document. Real ones have one or two; a circle has no
/// end.
pub const PRODUCT_CHAIN: usize = 8;

/// Longest custom expression, in bytes. One clause of a contract fits in a few hundred; the parser needs
/// time that grows faster than the text.
pub const EXPRESSION_BYTES: usize = 4096;

/// Deepest nesting of brackets and choices (`?`) in a custom expression. The parser recurses, some ten calls a level.
pub const EXPRESSION_NESTING: usize = 24;

/// Most nodes in the tree of a custom expression: it bounds what one step of a loop can cost.
pub const EXPRESSION_NODES: usize = 1024;

/// Deepest tree of a custom expression, which is judged by recursion.
pub const EXPRESSION_DEPTH: usize = 64;

/// Most loops (`all`, `exists`, ...) inside one another in a custom expression. Each multiplies the time by the
/// length of its list.
pub const EXPRESSION_LOOPS: usize = 3;

/// Most steps that one judgement by a custom expression may take in the worst case: the nodes judged, times the lists
/// they are judged over, plus what is copied. It is worked out before the first step, from the facts at hand.
/// This many took 0.3 s at most where it was measured.
pub const EXPRESSION_STEPS: u64 = 10_000_000;

/// Stack of the thread that reads and judges custom expressions, in bytes: the longest chain of selections that fits
/// in [`EXPRESSION_BYTES`] gets by with an eighth of it in an unoptimised build. It is reserved, and used as needed.
pub const EXPRESSION_STACK_BYTES: usize = 64 << 20;

/// Deepest nesting of XML elements. Suites nest by folder or class in the deepest dialect (PHPUnit's): under 20.
pub const XML_DEPTH: usize = 100;

/// Most attributes of one XML element: names are remembered to find duplicates. Published dialects stay under 20.
pub const XML_ATTRIBUTES: usize = 256;

/// Deepest nesting of TAP subtests. A level costs four blanks on each of its lines, so real ones stay under 10.
pub const TAP_DEPTH: usize = 64;

/// Most tests in one report, for memory: a case takes some 200 bytes beside its name and reason.
pub const REPORT_CASES: usize = 1_000_000;

/// Longest identity of one test, suites and class included, in bytes. Parametrised tests put their whole
/// parameters there; what is longer is data, and would fill every message that names it.
pub const REPORT_CASE_ID_BYTES: usize = 16 << 10;

/// Most bytes in all the identities of one report together. A suite's long name is repeated in each of its cases,
/// so the size of the file does not bound this.
pub const REPORT_IDS_BYTES: usize = 512 << 20;

/// Most contradictions and failures outside of tests that one report may hold; one is enough to refuse it, and each
/// takes memory.
pub const REPORT_NOTES: usize = 10_000;

/// Longest entry of the ledger, in bytes: what the length before it in a bundle can say (C2SP tlog-tiles).
pub const LEDGER_ENTRY_BYTES: usize = 65_535;

/// Most entries of a ledger: 2^53 - 1, the largest integer that every JSON reader keeps exact (RFC 8259, section 6).
pub const LEDGER_ENTRIES: u64 = (1 << 53) - 1;

/// Largest document beside the ledger, in bytes. Twice the list of [`DROP_FILES`] files by digest and name as it
/// ordinarily is.
pub const LEDGER_DOCUMENT_BYTES: u64 = 4 << 30;

/// How long a writer waits for another one of the same ledger. Appending takes milliseconds; this leaves room for a batch
/// on a slow disk, and ends in an error rather than in a pipeline that hangs.
pub const LEDGER_LOCK_WAIT: std::time::Duration = std::time::Duration::from_secs(60);

/// Files that a writer of the ledger holds open before it waits for the disk. Few, since a process may be limited to 64
/// descriptors in all.
pub const LEDGER_OPEN_FILES: usize = 32;

/// Largest signed note, in bytes: [`NOTE_SIGNATURES`] of the largest kind in use (5 KB) fit.
pub const NOTE_BYTES: usize = 512 << 10;

/// Most signatures of a note. The specification asks for 16 at least.
pub const NOTE_SIGNATURES: usize = 64;

/// Longest name of a note's key, in bytes. Names are like addresses of web pages without their scheme.
pub const NOTE_NAME_BYTES: usize = 256;

/// Largest proof, in bytes: a note, 63 hashes, and half as much again for what its maker added.
pub const PROOF_BYTES: usize = 1 << 20;

/// How long whoever asks the ledger waits for another one who brings its index up to date. The answer can be had without it,
/// from the log.
pub const LEDGER_INDEX_WAIT: std::time::Duration = std::time::Duration::from_secs(3);

/// Most entries that are added to the index in its place. That is done in one transaction, for which others wait; of more, a
/// new index is made beside it.
pub const LEDGER_INDEX_STEP: u64 = 100_000;

/// Entries that are read at a time, by all threads: some 20 MB.
pub const LEDGER_BATCH: usize = 4096;

/// Most faults of a ledger that are told one by one; the rest are counted. One is enough to ask what happened.
pub const LEDGER_FAULTS: usize = 1000;

/// Rows of a listing by which the widths of its columns are chosen; longer names after them are shortened.
pub const LEDGER_ROWS_MEASURED: usize = 1000;

/// Longest message under a signature that is over its bytes and not over a digest of them, in bytes (Ed25519 as signify and old
/// minisign use it): it is held in memory whole.
pub const SIGNED_WHOLE_BYTES: u64 = 512 << 20;

/// Largest file that holds a detached signature, in bytes. CMS and OpenPGP signatures with a chain of certificates take some
/// ten KB, Sigstore bundles some twenty.
pub const SIGNATURE_FILE_BYTES: u64 = 1 << 20;

/// Most signatures in one such file that are tried.
pub const DETACHED_SIGNATURES: usize = 64;

/// Largest TOSCA.meta, in bytes. A block of keys takes some 500 bytes; nobody has signed it when it is read.
pub const TOSCA_META_BYTES: u64 = 1 << 20;

/// Most keys of metadata in a manifest by SOL 004: each is remembered to find it a second time. The specification has 12.
pub const SOL004_METADATA: usize = 256;

/// Most files of a package by SOL 004 that have a signature of their own: each is read once more for it.
pub const SOL004_SIGNATURES: usize = 10_000;

/// Longest raw signature, in bytes: that of RSA with 8192 bits.
pub const RAW_SIGNATURE_BYTES: usize = 1024;

/// Largest Sigstore bundle, in bytes. One over a message takes some twenty KB; a statement about a hundred thousand files takes 30 MB.
pub const SIGSTORE_BUNDLE_BYTES: usize = 64 << 20;

/// Most time stamps in a Sigstore bundle, each of which costs a search for its stamper. Signers ask one or two.
pub const SIGSTORE_TIMESTAMPS: usize = 8;

/// Most authorities, logs, or certificates in a chain of a Sigstore trusted root. The public one has up to five of each.
pub const SIGSTORE_AUTHORITIES: usize = 32;

/// Longest pattern of identities, in bytes: matching takes steps by its length times that of the identity.
pub const IDENTITY_PATTERN_BYTES: usize = 1024;

/// Most certificates in one file of them, or in one CMS signature. A path has three to five; each costs its parsing and is a
/// candidate for every step of a path.
pub const CERTIFICATES: usize = 64;

/// Most revocation lists of one credential: each authority of a path has one.
pub const REVOCATION_LISTS: usize = 64;

/// Largest revocation list, in bytes. Those of public authorities stay under 10 MB; each path that is tried hashes it.
pub const REVOCATION_LIST_BYTES: usize = 16 << 20;
/// Largest package inside a package that is compressed there as a whole, unpacked, in bytes: it is spooled to the directory for
/// temporary files. Packers leave what is compressed already as it is, and that is read where it lies, whatever its size.
pub const INNER_PACKAGE_BYTES: u64 = 16 << 30;

/// Most bytes that a package which is compressed as a whole may unpack to, whatever its size: an hour of one core.
pub const UNPACKED_BYTES: u64 = 1 << 40;

/// Most bytes that are unpacked once more, after a package that is compressed as a whole was listed: for digests by further
/// algorithms, and for files that were not kept. A hundred passes over a package of 640 MB.
pub const UNPACKED_AGAIN_BYTES: u64 = 64 << 30;

/// The same, by how many times the size of the package: three passes where it unpacks to twenty times its size.
pub const UNPACKED_AGAIN_RATIO: u64 = 64;

/// Largest file of such a package that is kept in memory while it is listed, in bytes; and how much is kept in all.
pub const KEPT_FILE_BYTES: u64 = 64 << 10;

/// See [`KEPT_FILE_BYTES`].
pub const KEPT_FILES_BYTES: u64 = 64 << 20;

/// The same for files that are named like manifests, signatures, statements and reports, which are likely to be read: each
/// one that was not kept costs another pass.
pub const KEPT_PAPER_BYTES: u64 = 16 << 20;

/// See [`KEPT_PAPER_BYTES`].
pub const KEPT_PAPERS_BYTES: u64 = 512 << 20;

/// Buffers that go from the thread that unpacks to the one that hashes, each of so many bytes: a few fit in a cache.
pub const UNPACKED_BUFFER_BYTES: usize = 128 << 10;

/// How many of them may wait. More would only hide that one side is slower than the other.
pub const UNPACKED_BUFFERS: usize = 8;

/// Largest window of a Zstandard frame, as a power of two: 128 MiB, beyond which `zstd` itself wants to be asked.
pub const ZSTD_WINDOW_LOG: u32 = 27;

/// Most memory that unpacking xz may take, in bytes. The highest level (`-9`) takes 65 MiB.
pub const XZ_MEMORY_BYTES: u64 = 192 << 20;

/// Largest pax header of a tar archive, in bytes: Linux allows 64 KiB for an extended attribute, and a file has few.
pub const TAR_EXTENDED_BYTES: u64 = 1 << 20;

/// Longest name in a tar archive, in bytes, that is looked at at all: twice `PATH_MAX` on Linux. What is longer than
/// [`PATH_BYTES`] is refused by name, and names that are refused are held until the verdict.
pub const TAR_NAME_BYTES: u64 = 8 << 10;

/// Smallest size that eleven octal digits have no room for: only from here on may a pax header give a size that the
/// header of a file does not.
pub const TAR_OCTAL_BYTES: u64 = 8 << 30;

/// How much of a tar archive is read at a time to get at its headers, in bytes. Small files lie within it together.
pub const TAR_READ_AHEAD_BYTES: usize = 32 << 10;

/// Most bytes that deflate can make of one: a match of 258 bytes takes two bits at least (RFC 1951).
pub const DEFLATE_RATIO: u64 = 1032;

/// How many times its own size a package may unpack to. Text and logs pack twenty to one, and images of file systems that are
/// mostly empty some hundred to one.
pub const PACKAGE_RATIO: u64 = 200;

/// How many bytes a package may unpack to whatever its size. They are never held or written, only hashed: some seconds of one
/// core.
pub const PACKAGE_FREE_BYTES: u64 = 4 << 30;
/// Largest file with an OpenPGP certificate, in bytes. Keys that many people certified take a few hundred KB; what others
/// certified is passed over, and can be left out (`gpg --export-options export-minimal`).
pub const OPENPGP_CERTIFICATE_BYTES: usize = 1 << 20;

/// Most signatures by its own key in one OpenPGP certificate. A key that is extended each year for a lifetime, with several
/// addresses, has some hundred; each is verified when the certificate is read.
pub const OPENPGP_SELF_SIGNATURES: usize = 512;

/// Most keys of one OpenPGP certificate. Every signature that does not say by which key it is, is tried against all of them.
pub const OPENPGP_KEYS: usize = 64;

/// Largest index of a Debian repository (Packages, Sources), unpacked, in bytes: it is held in memory while it is read. The
/// largest of Debian and Ubuntu take under 100 MB.
pub const DEBIAN_INDEX_BYTES: u64 = 256 << 20;

/// Most memory that unpacking such an index by xz may take, in bytes. The highest level (`-9`) takes 65 MiB.
pub const DEBIAN_XZ_MEMORY_BYTES: u64 = 96 << 20;

/// Most fields of one paragraph of such an index: names are compared to find duplicates. Real ones have some thirty.
pub const DEBIAN_FIELDS: usize = 256;

/// Largest file that a credential of the trust store is read from, in bytes: the revocation lists of large authorities take
/// some megabytes.
pub const CREDENTIAL_BYTES: u64 = 16 << 20;
