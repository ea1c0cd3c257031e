//! Drops as vendors ship them, from the tools that vendors use to the verdict of the binary. What each reader refuses, the
//! tests `foreign_*`, `sol004*`, `checksum_lists` and `hostile_*` hold to the reader; here one thing is broken for each link of the chain.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{dropgate, have, ledger_key, verifier_key};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// The vendor's files, before anybody signs them.
const FILES: &str = "mkdir -p drop/docs && printf 'image of 4.2.1' >drop/radio-7-4.2.1.img && printf 'notes' >drop/docs/NOTES";

/// A list of them.
const LIST: &str = "(cd drop && find . -type f ! -name SHA256SUMS | sort | xargs sha256sum >../list && mv ../list SHA256SUMS)";

/// A way to ship: what the vendor runs, and what the operator writes for it.
struct Family {
    name: &'static str,
    /// What must be installed.
    tools: &'static [(&'static str, &'static [&'static str])],
    /// What the vendor runs once, to have a key.
    key: &'static str,
    /// What the vendor runs for each drop, after [`FILES`].
    sign: &'static str,
    /// The lines of the key in trust.toml; what stands in `$(...)` is the file's contents.
    trust: &'static str,
    /// The lines of the profile.
    profile: &'static str,
    /// The file that carries the signature.
    signature: &'static str,
    /// What is more to say on the command line.
    arguments: &'static [&'static str],
}

const OPENSSL: (&str, &[&str]) = ("openssl", &["version"]);
const MINISIGN: (&str, &[&str]) = ("minisign", &["-v"]);

const CERTIFICATE: &str = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout s.key -out s.pem \
    -days 3650 -subj '/CN=Radio Signing' -addext keyUsage=digitalSignature 2>/dev/null";

const BY_NAME: &str = "version-from = \"file-name\"\nversion-pattern = \"radio-7-{version}.img\"";

const FAMILIES: &[Family] = &[
    Family {
        name: "a list signed by minisign",
        tools: &[MINISIGN],
        key: "minisign -G -W -p m.pub -s m.key >/dev/null",
        sign: "minisign -S -W -s m.key -m drop/SHA256SUMS >/dev/null",
        trust: "minisign = \"\"\"$(m.pub)\"\"\"",
        profile: "format = \"checksums\"\nsignatures = [\"minisign\"]",
        signature: "SHA256SUMS.minisig",
        arguments: &[],
    },
    Family {
        name: "a list signed by signify",
        tools: &[("signify-openbsd", &["-G", "-n", "-p", "/dev/null", "-s", "/dev/null"])],
        key: "signify-openbsd -G -n -p y.pub -s y.sec",
        sign: "signify-openbsd -S -s y.sec -m drop/SHA256SUMS -x drop/SHA256SUMS.sig",
        trust: "signify = \"\"\"$(y.pub)\"\"\"",
        profile: "format = \"checksums\"\nsignatures = [\"signify\"]",
        signature: "SHA256SUMS.sig",
        arguments: &[],
    },
    Family {
        name: "a list in its signature by signify",
        tools: &[("signify-openbsd", &["-G", "-n", "-p", "/dev/null", "-s", "/dev/null"])],
        key: "signify-openbsd -G -n -p y.pub -s y.sec",
        sign: "signify-openbsd -S -e -s y.sec -m drop/SHA256SUMS -x drop/SHA256.sig && rm drop/SHA256SUMS",
        trust: "signify = \"\"\"$(y.pub)\"\"\"",
        profile: "format = \"checksums\"\nsignatures = [\"signify\"]",
        signature: "SHA256.sig",
        arguments: &[],
    },
    Family {
        name: "a list signed by OpenSSH",
        tools: &[("ssh-keygen", &["-Y", "find-principals", "-s", "/dev/null", "-f", "/dev/null"])],
        key: "ssh-keygen -q -t ed25519 -N '' -C '' -f h",
        sign: "ssh-keygen -q -Y sign -f h -n file drop/SHA256SUMS",
        trust: "ssh = \"\"\"$(h.pub)\"\"\"",
        profile: "format = \"checksums\"\nsignatures = [\"ssh\"]",
        signature: "SHA256SUMS.sig",
        arguments: &[],
    },
    Family {
        name: "a list signed by CMS",
        tools: &[OPENSSL],
        key: CERTIFICATE,
        sign: "openssl cms -sign -binary -signer s.pem -inkey s.key -md sha256 -outform DER -in drop/SHA256SUMS \
            -out drop/SHA256SUMS.p7s",
        trust: "[key.x509]\nanchors = [\"../s.pem\"]",
        profile: "format = \"checksums\"\nsignatures = [\"cms\"]",
        signature: "SHA256SUMS.p7s",
        arguments: &[],
    },
    Family {
        name: "a list with a bare RSA signature",
        tools: &[OPENSSL],
        key: "openssl genrsa -out r.key 2048 2>/dev/null && openssl rsa -in r.key -pubout -out r.pub 2>/dev/null",
        sign: "openssl dgst -sha256 -sign r.key -out drop/SHA256SUMS.sig drop/SHA256SUMS",
        trust: "[key.raw]\nfile = \"../r.pub\"\nalgorithm = \"rsa-pkcs1-sha256\"",
        profile: "format = \"checksums\"\nsignatures = [\"raw\"]",
        signature: "SHA256SUMS.sig",
        arguments: &[],
    },
    Family {
        name: "an image signed by minisign, its version in the comment",
        tools: &[MINISIGN],
        key: "minisign -G -W -p m.pub -s m.key >/dev/null",
        sign: "rm -r drop/docs drop/SHA256SUMS && minisign -S -W -s m.key -m drop/radio-7-4.2.1.img \
            -t 'timestamp:1750000000 version:4.2.1' >/dev/null",
        trust: "minisign = \"\"\"$(m.pub)\"\"\"",
        profile: "format = \"image\"\nsignatures = [\"minisign\"]\nversion-from = \"comment\"\n\
            version-pattern = \"version:{version}\"",
        signature: "radio-7-4.2.1.img.minisig",
        arguments: &[],
    },
    Family {
        name: "an image with a bare ECDSA signature, its version told by the operator",
        tools: &[OPENSSL],
        key: "openssl ecparam -name prime256v1 -genkey -noout -out e.key && openssl ec -in e.key -pubout -out e.pub 2>/dev/null",
        sign: "rm -r drop/docs drop/SHA256SUMS && openssl dgst -sha256 -sign e.key -out drop/radio-7-4.2.1.img.sig \
            drop/radio-7-4.2.1.img",
        trust: "[key.raw]\nfile = \"../e.pub\"\nalgorithm = \"ecdsa-p256-sha256\"",
        profile: "format = \"image\"\nsignatures = [\"raw\"]\nversion-from = \"operator\"",
        signature: "radio-7-4.2.1.img.sig",
        arguments: &["--release-version", "4.2.1"],
    },
    Family {
        name: "a SOL 004 package, option 1",
        tools: &[OPENSSL],
        key: CERTIFICATE,
        sign: "rm drop/SHA256SUMS && mkdir drop/TOSCA-Metadata && cd drop && \
            printf 'TOSCA-Meta-File-Version: 1.0\\nCSAR-Version: 1.1\\nCreated-By: Acme\\nEntry-Definitions: radio-7-4.2.1.img\\n\
ETSI-Entry-Manifest: radio.mf\\n' >TOSCA-Metadata/TOSCA.meta && \
            { printf 'metadata:\\n  vnf_product_name: radio-7\\n  vnf_provider_id: Acme Networks\\n  vnf_package_version: 4.2.1\\n  \
vnf_release_date_time: 2026-01-01T00:00:00Z\\n\\n'; \
              for f in docs/NOTES radio-7-4.2.1.img TOSCA-Metadata/TOSCA.meta; do \
                printf 'Source: %s\\nAlgorithm: SHA-256\\nHash: %s\\n' $f $(sha256sum $f | cut -d' ' -f1); done; } >radio.mf && \
            openssl cms -sign -binary -signer ../s.pem -inkey ../s.key -md sha256 -outform PEM -in radio.mf -out ../cms && \
            cat ../cms >>radio.mf && cd ..",
        trust: "[key.x509]\nanchors = [\"../s.pem\"]",
        profile: "format = \"sol004\"\nversion-from = \"format\"",
        signature: "radio.mf",
        arguments: &[],
    },
    #[cfg(feature = "openpgp")]
    Family {
        name: "a list clear-signed by OpenPGP",
        tools: &[("gpg", &["--version"])],
        key: "mkdir -m 700 g && gpg --homedir g --batch -q --passphrase '' --quick-gen-key acme ed25519 sign never 2>/dev/null && \
            gpg --homedir g --armor --export acme >g.asc",
        sign: "gpg --homedir g --batch -q --passphrase '' --clearsign -o drop/SHA256SUMS.asc drop/SHA256SUMS && rm drop/SHA256SUMS",
        trust: "openpgp-file = \"../g.asc\"",
        profile: "format = \"checksums\"\nsignatures = [\"openpgp\"]",
        signature: "SHA256SUMS.asc",
        arguments: &[],
    },
    #[cfg(feature = "openpgp")]
    Family {
        name: "a list with an OpenPGP signature beside it",
        tools: &[("gpg", &["--version"])],
        key: "mkdir -m 700 g && gpg --homedir g --batch -q --passphrase '' --quick-gen-key acme rsa3072 sign never 2>/dev/null && \
            gpg --homedir g --armor --export acme >g.asc",
        sign: "gpg --homedir g --batch -q --passphrase '' --detach-sign -o drop/SHA256SUMS.gpg drop/SHA256SUMS",
        trust: "openpgp-file = \"../g.asc\"",
        profile: "format = \"checksums\"\nsignatures = [\"openpgp\"]",
        signature: "SHA256SUMS.gpg",
        arguments: &[],
    },
    #[cfg(feature = "debian")]
    Family {
        name: "a Debian repository",
        tools: &[("gpg", &["--version"]), ("apt-ftparchive", &["--version"])],
        key: "mkdir -m 700 g && gpg --homedir g --batch -q --passphrase '' --quick-gen-key acme ed25519 sign never 2>/dev/null && \
            gpg --homedir g --armor --export acme >g.asc",
        sign: "rm -r drop/docs drop/SHA256SUMS drop/radio-7-4.2.1.img && mkdir -p drop/pool p/DEBIAN drop/dists/stable/main/binary-all && \
            printf 'Package: radio\\nVersion: 4.2.1\\nArchitecture: all\\nMaintainer: A <a@acme.example>\\nDescription: radio\\n' \
                >p/DEBIAN/control && dpkg-deb -b p drop/pool/radio_4.2.1_all.deb >/dev/null && rm -r p && \
            cd drop && apt-ftparchive packages pool >dists/stable/main/binary-all/Packages && \
            apt-ftparchive -o APT::FTPArchive::Release::Origin='Acme Networks' -o APT::FTPArchive::Release::Label=radio-7 \
                -o APT::FTPArchive::Release::Version=4.2.1 -o APT::FTPArchive::Release::Suite=stable \
                -o APT::FTPArchive::Release::Architectures=all -o APT::FTPArchive::Release::Components=main \
                release dists/stable >../Release && cd .. && \
            gpg --homedir g --batch -q --passphrase '' --clearsign -o drop/dists/stable/InRelease Release",
        trust: "openpgp-file = \"../g.asc\"",
        profile: "format = \"debian\"\nversion-from = \"format\"",
        signature: "dists/stable/InRelease",
        arguments: &[],
    },
];

/// A vendor, an operator, and what lies between them.
struct Shop {
    home: TempDir,
    family: &'static Family,
}

impl Shop {
    /// A signed drop, and the gate that it is for; `None` where a tool is missing.
    fn open(family: &'static Family) -> Option<Self> {
        // Some tools have no question that they answer with success; they are there if they can be started.
        let there = family
            .tools
            .iter()
            .all(|(tool, probe)| Command::new(tool).args(*probe).output().is_ok() || have(tool, probe));
        if !there {
            return None;
        }
        let home = tempfile::Builder::new().prefix("dg").tempdir_in("/tmp").unwrap();
        let shop = Self { home, family };
        shop.run(family.key);
        shop.ship();
        ledger_key(shop.home.path());
        shop.gate("");
        Some(shop)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn drop(&self) -> PathBuf {
        self.path("drop")
    }

    #[track_caller]
    fn run(&self, script: &str) {
        let output = Command::new("bash")
            .args(["-euc", script])
            .current_dir(self.home.path())
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}: {script}\n{}",
            self.family.name,
            String::from_utf8_lossy(&output.stderr)
        );
    }

    /// What the vendor does for a drop.
    fn ship(&self) {
        self.run(FILES);
        self.run(LIST);
        self.run(self.family.sign);
    }

    /// Writes gate and trust store; `more` goes into the profile.
    fn gate(&self, more: &str) {
        self.gate_of(more, &self.trust("acme", self.family.trust));
    }

    fn trust(&self, id: &str, lines: &str) -> String {
        let mut lines = lines.to_owned();
        while let Some((before, rest)) = lines.clone().split_once("$(") {
            let (name, after) = rest.split_once(')').unwrap();
            lines = format!("{before}{}{after}", fs::read_to_string(self.path(name)).unwrap());
        }
        format!(
            "[[key]]\nid = \"{id}\"\nowner = \"Jane Doe\"\nparty = \"vendor\"\nvendor = \"Acme Networks\"\n\
             products = [\"radio-7\"]\nroles = [\"release\"]\nvalid-from = 2020-01-01T00:00:00Z\n\
             valid-until = 2040-01-01T00:00:00Z\n{lines}\n"
        )
    }

    fn gate_of(&self, more: &str, keys: &str) {
        fs::create_dir_all(self.path("gate")).unwrap();
        fs::write(self.path("gate/trust.toml"), format!("version = 1\n{keys}")).unwrap();
        let by = if self.family.profile.contains("version-from") { "" } else { BY_NAME };
        let set = |key: &str, value: &str| {
            let given = more.lines().any(|line| line.starts_with(&format!("{key} = ")));
            if given { String::new() } else { format!("{key} = {value}\n") }
        };
        let text = format!(
            "version = 1\noperator = \"Example Telecom\"\ntrust = \"trust.toml\"\npolicies = [\"{}\"]\n\
             [ledger]\ndirectory = \"../ledger\"\nkey = \"../ledger.pem\"\nverifier-key = {:?}\n\
             [[profile]]\nid = \"acme\"\nvendor = \"Acme Networks\"\n{}{}{}versions = \"dotted\"\n{}\n{by}\n{more}\n",
            common::fixture("../policies/start.toml").display(),
            verifier_key(),
            set("product", "\"radio-7\""),
            set("kind", "\"new-component\""),
            set("valid-for", "\"unlimited\""),
            self.family.profile,
        );
        fs::write(self.path("gate/gate.toml"), text).unwrap();
    }

    fn command(&self, command: &str, drop: &Path, more: &[&str]) -> (i32, String) {
        let gate = self.path("gate/gate.toml");
        let mut arguments = vec![command, drop.to_str().unwrap(), "--gate", gate.to_str().unwrap()];
        arguments.extend(self.family.arguments);
        arguments.extend(more);
        let output = dropgate(&arguments);
        let text = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
        (output.status.code().unwrap(), text.concat())
    }

    fn verify(&self) -> (i32, String) {
        self.command("verify", &self.drop(), &[])
    }

    #[track_caller]
    fn accepted(&self, claim: &str) {
        let (code, text) = self.verify();
        assert_eq!(code, 0, "{}: {claim}: {text}", self.family.name);
    }

    #[track_caller]
    fn rejected(&self, claim: &str, code: &str) {
        let (exit, text) = self.verify();
        assert_eq!(exit, 1, "{}: {claim}: {text}", self.family.name);
        assert!(text.contains(code), "{}: {claim}: expected {code} in {text}", self.family.name);
    }

    fn flip(&self, name: &str, at: impl Fn(usize) -> usize) {
        let path = self.drop().join(name);
        let mut bytes = fs::read(&path).unwrap();
        let at = at(bytes.len());
        bytes[at] ^= 1;
        fs::write(path, bytes).unwrap();
    }
}

fn each(test: impl Fn(&Shop)) {
    for family in FAMILIES {
        if let Some(shop) = Shop::open(family) {
            test(&shop);
        }
    }
}

#[test]
fn each_family_is_accepted_by_one_command_and_recorded() {
    each(|shop| {
        shop.accepted("as it was shipped");
        let file = shop.path("verdict.json");
        let told = ["--record", "--format", "json", "--output", file.to_str().unwrap()];
        let (code, text) = shop.command("verify", &shop.drop(), &told);
        assert_eq!(code, 0, "{}: {text}", shop.family.name);
        let verdict: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
        assert_eq!(verdict["release"]["version"], "4.2.1", "{}", shop.family.name);
        assert_eq!(verdict["release"]["sequence"], Value::Null);
        assert_eq!(verdict["release"]["comparedBy"], "dotted");
        let (gate, drop) = (shop.path("gate/gate.toml"), shop.drop());
        let replayed =
            dropgate(["ledger", "replay", "0", drop.to_str().unwrap(), "--gate", gate.to_str().unwrap()]);
        let text = String::from_utf8_lossy(&replayed.stdout).into_owned();
        let said = String::from_utf8_lossy(&replayed.stderr).into_owned();
        assert_eq!(replayed.status.code(), Some(0), "{}: {text}{said}", shop.family.name);
    });
}

#[test]
fn each_link_from_the_key_to_the_last_byte_must_hold() {
    each(|shop| {
        let files = |shop: &Shop| {
            let image = shop.drop().join("radio-7-4.2.1.img");
            if image.exists() { "radio-7-4.2.1.img" } else { "pool/radio_4.2.1_all.deb" }
        };
        let image = files(shop);
        let is_image = shop.family.profile.contains("\"image\"");
        shop.flip(image, |length| length - 1);
        // A bare signature names nobody: over other bytes it is a stranger's.
        let of_image =
            if shop.family.profile.contains("raw") { "signer-unknown" } else { "signature-invalid" };
        shop.rejected("a byte of a file", if is_image { of_image } else { "file-altered" });
        shop.flip(image, |length| length - 1);
        shop.accepted("put right again");

        fs::write(shop.drop().join("more"), "x").unwrap();
        shop.rejected("a file that nobody signed", "file-unlisted");
        fs::remove_file(shop.drop().join("more")).unwrap();

        let bytes = fs::read(shop.drop().join(shop.family.signature)).unwrap();
        fs::write(shop.drop().join(shop.family.signature), &bytes[..bytes.len() / 2]).unwrap();
        let (code, text) = shop.verify();
        assert_eq!(code, 1, "{}: half a signature: {text}", shop.family.name);
        fs::write(shop.drop().join(shop.family.signature), bytes).unwrap();
        shop.accepted("whole again");

        fs::rename(shop.drop().join(shop.family.signature), shop.path("signature")).unwrap();
        let (code, text) = shop.verify();
        assert_eq!(code, 1, "{}: no signature: {text}", shop.family.name);
        fs::rename(shop.path("signature"), shop.drop().join(shop.family.signature)).unwrap();

        if !is_image {
            fs::rename(shop.drop().join(image), shop.path("image")).unwrap();
            shop.rejected("a file withheld", "file-missing");
            fs::rename(shop.path("image"), shop.drop().join(image)).unwrap();
        }
    });
}

#[test]
fn another_key_of_the_same_tool_is_nobody() {
    each(|shop| {
        let second = Shop::open(shop.family).unwrap();
        let keys = second.trust("other", second.family.trust);
        // The files of the other vendor's key lie in the other home.
        for name in ["s.pem", "r.pub", "e.pub", "g.asc"] {
            if second.path(name).exists() {
                fs::copy(second.path(name), shop.path(name)).unwrap();
            }
        }
        shop.gate_of("", &keys);
        shop.rejected("signed by a stranger", "signer-unknown");
    });
}

#[test]
fn the_operator_says_from_whom_and_as_what() {
    each(|shop| {
        let text = fs::read_to_string(shop.path("gate/trust.toml")).unwrap();
        let of_another = text.replace("[\"radio-7\"]", "[\"core-9\"]");
        fs::write(shop.path("gate/trust.toml"), of_another).unwrap();
        shop.rejected("a key for another product", "signer-out-of-scope");
        let revoked = format!("{text}[key.revoked]\nat = 2026-01-01T00:00:00Z\nreason = \"retired\"\n");
        fs::write(shop.path("gate/trust.toml"), revoked).unwrap();
        shop.rejected("a key that was revoked", "signer-not-qualified");
        fs::write(shop.path("gate/trust.toml"), &text).unwrap();

        shop.gate("kind = \"software-update\"");
        shop.rejected("an update of nothing", "baseline-missing");
        shop.gate("product = \"core-9\"");
        let (code, text) = shop.verify();
        assert_eq!(code, 1, "{}: {text}", shop.family.name);
        shop.gate("");
        let (code, text) =
            shop.command("verify", &shop.drop(), &["--profile", "acme", "--release-version", "9"]);
        if shop.family.arguments.is_empty() {
            assert_eq!(code, 1, "{}: {text}", shop.family.name);
            assert!(text.contains("profile-mismatch"), "{text}");
        }
        let (code, text) = shop.command("verify", &shop.drop(), &["--profile", "other"]);
        assert_eq!((code, text.contains("expected one of gate.toml (acme)")), (2, true), "{text}");
    });
}

#[test]
fn an_older_version_is_a_rollback_where_versions_are_compared() {
    // Of this family the version is part of what is signed.
    let family = &FAMILIES[0];
    let Some(shop) = Shop::open(family) else { return };
    let (code, text) = shop.command("verify", &shop.drop(), &["--record"]);
    assert_eq!(code, 0, "{text}");
    for (version, kind, expected) in [
        ("4.2.0", "software-update", Some("rollback")),
        ("4.2.1.0", "software-update", Some("version-reused")),
        ("4.2-rc", "software-update", Some("version-not-comparable")),
        ("4.2.10", "software-update", None),
        ("4.2.9", "software-update", Some("rollback")),
    ] {
        fs::remove_dir_all(shop.drop()).unwrap();
        shop.run(&FILES.replace("4.2.1", version));
        shop.run(LIST);
        shop.run(family.sign);
        let (code, text) = shop.command("verify", &shop.drop(), &["--record", "--kind", kind]);
        assert_eq!(code, i32::from(expected.is_some()), "{version}: {text}");
        assert!(text.contains(expected.unwrap_or("advances on 4.2.1")), "{version}: {text}");
    }
}

#[test]
fn packages_are_judged_as_the_directory_that_they_hold() {
    let packages = [
        ("tar", "tar -cf drop.tar -C drop ."),
        ("tar", "tar -czf drop.tar.gz -C drop ."),
        #[cfg(feature = "xz")]
        ("xz", "tar -cJf drop.tar.xz -C drop ."),
        #[cfg(feature = "zstd")]
        ("zstd", "tar --zstd -cf drop.tar.zst -C drop ."),
        ("python3", "cd drop && python3 -m zipfile -c ../drop.zip * && cd .."),
    ];
    each(|shop| {
        for (tool, script) in packages {
            if !have(tool, &["--version"]) {
                continue;
            }
            shop.run(script);
            let name = script.split_whitespace().find(|word| word.contains("drop.")).unwrap();
            let package = shop.path(name.trim_start_matches("../"));
            let (code, text) = shop.command("verify", &package, &[]);
            assert_eq!(code, 0, "{}: {script}: {text}", shop.family.name);
            // Cut anywhere, it is never the drop.
            let bytes = fs::read(&package).unwrap();
            fs::write(&package, &bytes[..(bytes.len() / 2).min(1500)]).unwrap();
            let (code, text) = shop.command("verify", &package, &[]);
            assert_ne!(code, 0, "{}: {script}, cut short: {text}", shop.family.name);
        }
    });
}

#[test]
fn option_2_of_sol_004_is_a_package_beside_its_signature() {
    let family = FAMILIES.iter().find(|family| family.name.contains("SOL 004")).unwrap();
    let Some(shop) = Shop::open(family) else { return };
    if !have("python3", &["--version"]) {
        return;
    }
    shop.run("cd drop && python3 -m zipfile -c ../radio.csar * && cd .. && rm -r drop && mkdir drop && mv radio.csar drop/");
    shop.rejected("without signature", "unsigned");
    shop.run(
        "openssl cms -sign -binary -signer s.pem -inkey s.key -md sha256 -outform DER -in drop/radio.csar -out drop/radio.cms",
    );
    shop.accepted("beside its signature");
    shop.run("cd drop && python3 -m zipfile -c ../whole.zip * && cd ..");
    let (code, text) = shop.command("verify", &shop.path("whole.zip"), &[]);
    assert_eq!(code, 0, "in one zip: {text}");
    shop.flip("radio.csar", |length| length / 2);
    shop.rejected("a byte of the package", "signature-invalid");
}

#[test]
fn what_could_be_two_things_is_neither() {
    let Some(shop) = Shop::open(&FAMILIES[0]) else { return };
    shop.run(
        "cp drop/SHA256SUMS drop/SHA256SUMS.old && minisign -S -W -s m.key -m drop/SHA256SUMS.old >/dev/null",
    );
    shop.rejected("two signed lists", "manifest-ambiguous");
    shop.gate("list = \"SHA256SUMS\"");
    shop.rejected("the other one is a file that nobody listed", "file-unlisted");
    shop.run("rm drop/SHA256SUMS.old*");
    shop.accepted("one");
    // A second profile that fits as well.
    let text = fs::read_to_string(shop.path("gate/gate.toml")).unwrap();
    let profile = text.split("[[profile]]").nth(1).unwrap().replace("\"acme\"", "\"again\"");
    fs::write(shop.path("gate/gate.toml"), format!("{text}\n[[profile]]{profile}")).unwrap();
    let (code, text) = shop.verify();
    assert_eq!((code, text.contains("name the one that is meant with --profile")), (2, true), "{text}");
    let (code, text) = shop.command("verify", &shop.drop(), &["--profile", "again"]);
    assert_eq!(code, 0, "{text}");
}

#[test]
fn a_profile_says_only_what_can_be() {
    let Some(shop) = Shop::open(&FAMILIES[0]) else { return };
    let text = fs::read_to_string(shop.path("gate/gate.toml")).unwrap();
    for (claim, from, to, says) in [
        ("no signatures", "signatures = [\"minisign\"]", "", "which signatures count"),
        ("an unknown scheme", "\"minisign\"", "\"minisig\"", "minisign"),
        ("our own form", "\"checksums\"", "\"native\"", "needs no profile"),
        ("no hole", "{version}", "version", "not a pattern"),
        ("a hole alone", "radio-7-{version}.img", "{version}", "not a pattern"),
        ("a pattern that nothing reads", "\"file-name\"", "\"operator\"", "nothing is read by this pattern"),
        ("an image's name", "\"checksums\"", "\"image\"", "the name of an image is not signed"),
        (
            "a list has no version",
            "\"file-name\"\nversion-pattern = \"radio-7-{version}.img\"",
            "\"format\"",
            "has no version",
        ),
        ("an unknown setting", "kind = ", "kinds = ", "kinds"),
        ("an unknown comparison", "\"dotted\"", "\"guess\"", "guess"),
        ("cms for minisign's form", "format = \"checksums\"", "format = \"sol004\"", "signed in one way"),
    ] {
        assert!(text.contains(from), "{claim}");
        fs::write(shop.path("gate/gate.toml"), text.replacen(from, to, 1)).unwrap();
        let (code, said) = shop.verify();
        assert_eq!((code, said.contains(says)), (2, true), "{claim}: {said}");
    }
    fs::write(shop.path("gate/gate.toml"), &text).unwrap();
    let keys = fs::read_to_string(shop.path("gate/trust.toml")).unwrap();
    for (claim, more, says) in [
        ("two keys in one", "ssh = \"ssh-ed25519 AAAA\"", "given twice"),
        ("not a key", "", "not a key that can be trusted"),
    ] {
        let changed = match more {
            "" => keys.replacen("minisign = \"\"\"", "signify = \"\"\"x", 1),
            more => format!("{keys}{more}\n"),
        };
        fs::write(shop.path("gate/trust.toml"), changed).unwrap();
        let (code, said) = shop.verify();
        assert_eq!((code, said.contains(says)), (2, true), "{claim}: {said}");
    }
}
