//! A case of fixtures/controls/*.json: the good drop with one thing changed, and what a control must say of it.
//!
//! CONTRIBUTING.md has the form. What is changed is signed again, and whatever names a changed file, the manifest or the
//! change record by digest follows, so that each case has one cause; a statement that is `stale` stays as it was.

use super::{Verdict, copy, envelope, fixture, unbase64, verify};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256, Sha384, Sha512};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// All cases of one control.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cases {
    pub control: String,
    pub cases: Vec<Case>,
}

/// One case.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Case {
    /// What it shows.
    pub claim: String,
    /// `pass`, `fail`, `no-evidence`, `waived` or `not-applicable`.
    pub outcome: String,
    /// The codes of its findings, each once; of the waived ones, where it is waived.
    #[serde(default)]
    pub codes: Vec<String>,
    /// A text that the control's part of the verdict must hold.
    #[serde(default)]
    pub says: Option<String>,
    /// Files by path: `null` takes one away.
    #[serde(default)]
    files: BTreeMap<String, Option<Edit>>,
    /// Files by path, changed once everything is signed.
    #[serde(default)]
    afterwards: BTreeMap<String, Option<Edit>>,
    /// By which algorithms the manifest lists files; `sha1` stands for any weak one.
    #[serde(default = "strong")]
    digests: Vec<String>,
    /// Statements by the name of their envelope: `null` takes one away.
    #[serde(default)]
    statements: BTreeMap<String, Option<Change>>,
    /// Merged (RFC 7396) into the manifest's predicate; `false` for no manifest.
    #[serde(default)]
    manifest: Value,
    /// Who signs the manifest.
    #[serde(default)]
    manifest_keys: Option<Vec<String>>,
    /// Texts of shipped packs, and what stands there instead.
    #[serde(default)]
    packs: BTreeMap<String, Vec<(String, String)>>,
    /// Controls that are taken out of the shipped packs.
    #[serde(default)]
    without: Vec<String>,
    /// Texts of the trust store, and what stands there instead.
    #[serde(default)]
    trust: Vec<(String, String)>,
    /// Packs of the case's own, by file name.
    #[serde(default)]
    more_packs: BTreeMap<String, String>,
    /// The time of judgement.
    #[serde(default)]
    at: Option<String>,
    /// `false`: none. `"itself"`: the drop's own manifest. An object: merged into the predicate of the baseline's manifest.
    #[serde(default)]
    baseline: Value,
    /// Paths that the baseline has beside its own, with their text.
    #[serde(default)]
    baseline_files: BTreeMap<String, String>,
    /// Counterfeit notices: predicates, signed by the provider.
    #[serde(default)]
    notices: Vec<Value>,
    /// The controls that the baseline had passed.
    #[serde(default)]
    baseline_passed: Option<Vec<String>>,
    /// Statements that the operator gives with --evidence rather than in the drop.
    #[serde(default)]
    outside: Vec<String>,
    /// Statements of the drop that the operator gives with --evidence too.
    #[serde(default)]
    twice: Vec<String>,
}

/// What is done to a file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
enum Edit {
    /// The whole text.
    Text(String),
    /// Texts, each of which must be there, and what stands there instead.
    Replace(Vec<(String, String)>),
    /// The contents of another file of fixtures/.
    Copy(String),
}

/// What is done to a statement.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Change {
    /// A new statement of this predicate type.
    #[serde(default)]
    new: Option<String>,
    /// Merged (RFC 7396) into the predicate.
    #[serde(default)]
    merge: Value,
    /// What it is about: `"manifest"`, or paths, or whole subjects; else as it was.
    #[serde(default)]
    subject: Value,
    /// Who signs.
    #[serde(default)]
    keys: Option<Vec<String>>,
    /// It stays as it was before files changed.
    #[serde(default)]
    stale: bool,
}

const MANIFEST: &str = "drop.dsse.json";
const IN_TOTO: &str = super::IN_TOTO;

/// Who signs which statement of the good drop.
const SIGNERS: [(&str, &str); 10] = [
    ("malware-scan", "scan-house"),
    ("functional", "lab"),
    ("penetration-test", "red-cell"),
    ("source-code-analysis", "acme-test"),
    ("known-vulnerability-scan", "lab"),
    ("change", "acme-change"),
    ("approval", "ops-first"),
    ("provenance", "acme-build"),
    ("sbom", "acme-psirt"),
    ("vex", "acme-psirt"),
];

/// Old digests and the new ones that take their place.
type Renewed = Vec<(String, String)>;

impl Case {
    /// Builds the drop and its gate, and judges it by the binary.
    pub fn judge(&self) -> Verdict {
        let home = tempfile::tempdir().unwrap();
        let drop = home.path().join("drop");
        copy(&fixture("drops/good/drop"), &drop);
        let originals = statements(&drop);
        for name in originals.keys() {
            fs::remove_file(envelope_path(&drop, name)).unwrap();
        }
        let mut renewed = self.edit(&self.files, &drop);
        let mut baseline = self.baseline(home.path(), &mut renewed);
        self.sign_manifest(&drop, &mut renewed);
        if self.baseline == "itself" {
            baseline = Some(home.path().join("baseline.dsse.json"));
            fs::copy(drop.join(MANIFEST), home.path().join("baseline.dsse.json")).unwrap();
        }
        let outside = self.sign_statements(home.path(), &drop, originals, renewed);
        self.edit(&self.afterwards, &drop);
        let gate = self.gate(&home);
        let mut flags = vec!["--at".to_owned(), self.at.clone().unwrap_or("2026-01-20T12:00:00Z".to_owned())];
        let baseline_digest = baseline.as_ref().map(|file| sha256(&payload(file)));
        if let Some(baseline) = baseline {
            flags.extend(["--baseline".to_owned(), baseline.display().to_string()]);
        }
        if let Some(passed) = &self.baseline_passed {
            let controls: Vec<Value> =
                passed.iter().map(|id| json!({ "id": id, "outcome": "pass" })).collect();
            let file = home.path().join("baseline-verdict.json");
            let manifest = baseline_digest.as_ref().map(|digest| json!({ "sha256": digest }));
            let verdict =
                json!({ "version": 1, "verdict": "ACCEPT", "manifest": manifest, "controls": controls });
            fs::write(&file, verdict.to_string()).unwrap();
            flags.extend(["--baseline-verdict".to_owned(), file.display().to_string()]);
        }
        for file in outside {
            flags.extend(["--evidence".to_owned(), file.display().to_string()]);
        }
        verify(&drop, &gate, &flags)
    }

    /// Edits files, and gives the digests that follow from it.
    fn edit(&self, files: &BTreeMap<String, Option<Edit>>, drop: &Path) -> Renewed {
        let mut renewed = Vec::new();
        for (path, edit) in files {
            let file = drop.join(path);
            let before = fs::read(&file).unwrap_or_default();
            match edit {
                None => fs::remove_file(&file).unwrap(),
                Some(edit) => {
                    let after = edit.apply(&self.claim, &before);
                    fs::create_dir_all(file.parent().unwrap()).unwrap();
                    fs::write(&file, &after).unwrap();
                    if !before.is_empty() {
                        renewed.push((sha256(&before), sha256(&after)));
                        renewed.push((sha512(&before), sha512(&after)));
                    }
                }
            }
        }
        renewed
    }

    fn baseline(&self, home: &Path, renewed: &mut Renewed) -> Option<PathBuf> {
        if self.baseline == Value::Bool(false) {
            return None;
        }
        let shipped = fixture("baseline/drop/drop.dsse.json");
        if !self.baseline.is_object() && self.baseline_files.is_empty() {
            return Some(shipped);
        }
        let before = payload(&shipped);
        let mut statement: Value = serde_json::from_slice(&before).unwrap();
        merge(&mut statement["predicate"], &self.baseline);
        for (path, text) in &self.baseline_files {
            let subject = json!({ "name": path, "digest": { "sha256": sha256(text.as_bytes()) } });
            statement["subject"].as_array_mut().unwrap().push(subject);
        }
        let after = statement.to_string().into_bytes();
        renewed.push((sha256(&before), sha256(&after)));
        let file = home.join("baseline.dsse.json");
        fs::write(&file, envelope(IN_TOTO, &after, &["acme-release"])).unwrap();
        Some(file)
    }

    fn sign_manifest(&self, drop: &Path, renewed: &mut Renewed) {
        let file = drop.join(MANIFEST);
        let before = payload(&file);
        if self.manifest == Value::Bool(false) {
            fs::remove_file(file).unwrap();
            return;
        }
        let mut statement: Value = serde_json::from_str(&renew(&before, renewed)).unwrap();
        let mut subjects = Vec::new();
        list(drop, drop, &self.digests, &mut subjects);
        statement["subject"] = subjects.into();
        merge(&mut statement["predicate"], &self.manifest);
        let after = statement.to_string().into_bytes();
        let keys = self.manifest_keys.clone().unwrap_or(vec!["acme-release".to_owned()]);
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        fs::write(&file, envelope(IN_TOTO, &after, &keys)).unwrap();
        renewed.push((sha256(&before), sha256(&after)));
    }

    /// Signs every statement anew, the change record first, since approvals name it. Gives those for --evidence.
    fn sign_statements(
        &self,
        home: &Path,
        drop: &Path,
        originals: BTreeMap<String, Vec<u8>>,
        mut renewed: Renewed,
    ) -> Vec<PathBuf> {
        let added = self.statements.keys().filter(|name| !originals.contains_key(*name)).cloned();
        let mut names: Vec<String> = originals.keys().cloned().chain(added).collect();
        names.sort_by_key(|name| name != "change");
        let mut outside = Vec::new();
        for name in names {
            let change = match self.statements.get(&name) {
                Some(None) => continue,
                Some(Some(change)) => Some(change),
                None => None,
            };
            let before = originals.get(&name);
            let stale = change.is_some_and(|change| change.stale);
            let mut statement: Value = match (before, change.and_then(|change| change.new.as_ref())) {
                (Some(before), _) if stale => serde_json::from_slice(before).unwrap(),
                (Some(before), _) => serde_json::from_str(&renew(before, &renewed)).unwrap(),
                (None, Some(uri)) => json!({
                    "_type": "https://in-toto.io/Statement/v1",
                    "subject": if self.manifest == Value::Bool(false) { json!([]) } else { json!([subject(drop, MANIFEST)]) },
                    "predicateType": uri,
                    "predicate": {},
                }),
                (None, None) => panic!("{}: no statement {name:?} to change", self.claim),
            };
            if let Some(change) = change {
                merge(&mut statement["predicate"], &self.filled(&change.merge, drop, &renewed));
                match &change.subject {
                    Value::Array(paths) => {
                        let subjects = paths.iter().map(|path| match path {
                            Value::String(path) => subject(drop, path),
                            whole => self.filled(whole, drop, &renewed),
                        });
                        statement["subject"] = subjects.collect::<Vec<_>>().into();
                    }
                    Value::String(_) => statement["subject"] = json!([subject(drop, MANIFEST)]),
                    Value::Object(_) => {
                        statement["subject"] = json!([{ "name": "other", "digest": change.subject }]);
                    }
                    _ => {}
                }
            }
            let after = statement.to_string().into_bytes();
            if let Some(before) = before {
                renewed.push((sha256(before), sha256(&after)));
            }
            let signer = SIGNERS.iter().find(|(own, _)| *own == name).map(|(_, key)| (*key).to_owned());
            let keys = change.and_then(|change| change.keys.clone()).or(signer.map(|key| vec![key]));
            let keys = keys.unwrap_or_else(|| panic!("{}: {name:?} has no keys", self.claim));
            let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
            let file = if self.outside.contains(&name) {
                outside.push(home.join(format!("{name}.dsse.json")));
                home.join(format!("{name}.dsse.json"))
            } else {
                envelope_path(drop, &name)
            };
            let envelope = envelope(IN_TOTO, &after, &keys);
            if self.twice.contains(&name) {
                outside.push(home.join(format!("{name}.dsse.json")));
                fs::write(home.join(format!("{name}.dsse.json")), &envelope).unwrap();
            }
            fs::write(file, envelope).unwrap();
        }
        outside
    }

    /// Puts digests in the place of `{sha256:PATH}`, `{manifest}` and `{statement:NAME}`.
    fn filled(&self, value: &Value, drop: &Path, renewed: &Renewed) -> Value {
        match value {
            Value::String(text) => {
                let inner = text.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
                match inner.map(|inner| inner.split_once(':').unwrap_or((inner, ""))) {
                    Some(("sha256", path)) => sha256(&fs::read(drop.join(path)).unwrap()).into(),
                    Some(("manifest", "")) => sha256(&payload(&drop.join(MANIFEST))).into(),
                    Some(("statement", name)) => sha256(&payload(&envelope_path(drop, name))).into(),
                    Some(("baseline", "")) => {
                        let shipped = sha256(&payload(&fixture("baseline/drop/drop.dsse.json")));
                        renew(shipped.as_bytes(), renewed).into()
                    }
                    _ => text.clone().into(),
                }
            }
            Value::Array(items) => items.iter().map(|item| self.filled(item, drop, renewed)).collect(),
            Value::Object(members) => Value::Object(
                members
                    .iter()
                    .map(|(name, member)| (name.clone(), self.filled(member, drop, renewed)))
                    .collect::<Map<_, _>>(),
            ),
            other => other.clone(),
        }
    }

    fn gate(&self, home: &TempDir) -> PathBuf {
        let mut policies = Vec::new();
        for name in ["so12", "so14", "so23"] {
            let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("policies/{name}.toml"));
            let mut text = fs::read_to_string(shipped).unwrap();
            for (from, to) in self.packs.get(name).into_iter().flatten() {
                assert_eq!(text.matches(from.as_str()).count(), 1, "{}: {from:?} in {name}.toml", self.claim);
                text = text.replace(from.as_str(), to);
            }
            let blocks = text.split("[[control]]\n").enumerate().filter(|(number, block)| {
                *number == 0 || !self.without.iter().any(|id| block.starts_with(&format!("id = {id:?}\n")))
            });
            let text = blocks.map(|(_, block)| block).collect::<Vec<_>>().join("[[control]]\n");
            fs::write(home.path().join(format!("{name}.toml")), text).unwrap();
            policies.push(format!("{name}.toml"));
        }
        for (name, text) in &self.more_packs {
            fs::write(home.path().join(name), text).unwrap();
            policies.push(name.clone());
        }
        let mut notices = Vec::new();
        for (number, predicate) in self.notices.iter().enumerate() {
            let statement = json!({
                "_type": "https://in-toto.io/Statement/v1",
                "subject": [{ "name": "items.json", "digest": { "sha256": sha256(b"items") } }],
                "predicateType": "urn:dropgate:counterfeit-notice:v1",
                "predicate": self.filled(predicate, &home.path().join("drop"), &Vec::new()),
            });
            let name = format!("notice-{number}.dsse.json");
            fs::write(
                home.path().join(&name),
                envelope(IN_TOTO, statement.to_string().as_bytes(), &["risk"]),
            )
            .unwrap();
            notices.push(name);
        }
        let notices =
            if notices.is_empty() { String::new() } else { format!("counterfeit-notices = {notices:?}\n") };
        let mut trust = fs::read_to_string(fixture("gate/trust.toml")).unwrap();
        trust = trust.replace("../keys/", &format!("{}/", fixture("keys").display()));
        for (from, to) in &self.trust {
            assert_eq!(trust.matches(from.as_str()).count(), 1, "{}: {from:?} in trust.toml", self.claim);
            trust = trust.replace(from.as_str(), to);
        }
        fs::write(home.path().join("trust.toml"), trust).unwrap();
        let gate = format!(
            "version = 1\noperator = \"Example Telecom\"\ntrust = \"trust.toml\"\npolicies = {policies:?}\n{notices}",
        );
        let file = home.path().join("gate.toml");
        fs::write(&file, gate).unwrap();
        file
    }
}

impl Case {}

impl Edit {
    fn apply(&self, claim: &str, before: &[u8]) -> Vec<u8> {
        match self {
            Self::Text(text) => text.clone().into_bytes(),
            Self::Copy(path) => fs::read(fixture(path)).unwrap(),
            Self::Replace(pairs) => {
                let mut text = String::from_utf8(before.to_vec()).unwrap();
                for (from, to) in pairs {
                    assert!(text.contains(from.as_str()), "{claim}: {from:?} is not in the file");
                    text = text.replace(from.as_str(), to);
                }
                text.into_bytes()
            }
        }
    }
}

fn envelope_path(drop: &Path, name: &str) -> PathBuf {
    drop.join(format!("evidence/{name}.dsse.json"))
}

fn statements(drop: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(drop.join("evidence")).unwrap().map(|entry| entry.unwrap());
    entries
        .filter_map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            Some((name.strip_suffix(".dsse.json")?.to_owned(), payload(&entry.path())))
        })
        .collect()
}

fn payload(file: &Path) -> Vec<u8> {
    let envelope: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    unbase64(envelope["payload"].as_str().unwrap())
}

fn renew(text: &[u8], renewed: &Renewed) -> String {
    let text = String::from_utf8(text.to_vec()).unwrap();
    renewed.iter().fold(text, |text, (before, after)| text.replace(before.as_str(), after))
}

fn subject(drop: &Path, path: &str) -> Value {
    let file = drop.join(path);
    let digest = if path == MANIFEST { sha256(&payload(&file)) } else { sha256(&fs::read(file).unwrap()) };
    json!({ "name": path, "digest": { "sha256": digest } })
}

fn strong() -> Vec<String> {
    vec!["sha256".to_owned(), "sha512".to_owned()]
}

fn digest_by(algorithm: &str, bytes: &[u8]) -> String {
    match algorithm {
        "sha256" => sha256(bytes),
        "sha384" => hex(&Sha384::digest(bytes)),
        "sha512" => sha512(bytes),
        "blake3" => hex(blake3::hash(bytes).as_bytes()),
        "sha1" => "0".repeat(40),
        other => panic!("no digest by {other:?}"),
    }
}

fn list(root: &Path, directory: &Path, digests: &[String], subjects: &mut Vec<Value>) {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            list(root, &path, digests, subjects);
        } else if name != MANIFEST && !(name.starts_with("evidence/") && name.ends_with(".dsse.json")) {
            let bytes = fs::read(&path).unwrap();
            let digest: Map<String, Value> =
                digests.iter().map(|name| (name.clone(), digest_by(name, &bytes).into())).collect();
            subjects.push(json!({ "name": name, "digest": digest }));
        }
    }
}

/// JSON Merge Patch (RFC 7396).
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        if !patch.is_null() {
            *target = patch.clone();
        }
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    let members = target.as_object_mut().unwrap();
    for (name, value) in patch {
        if value.is_null() {
            members.remove(name);
        } else {
            merge(members.entry(name.clone()).or_insert(Value::Null), value);
        }
    }
}

pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn sha512(bytes: &[u8]) -> String {
    hex(&Sha512::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
