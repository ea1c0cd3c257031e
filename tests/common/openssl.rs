//! A directory to work in with `openssl`, whose signatures and certificates are not made by anything of ours.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// Files by name in a directory of its own.
pub struct Workshop(TempDir);

impl Workshop {
    /// One where `openssl` is there.
    pub fn open() -> Option<Self> {
        super::have("openssl", &["version"]).then(|| Self(tempfile::tempdir().unwrap()))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(name), bytes).unwrap();
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub fn text(&self, name: &str) -> String {
        String::from_utf8(self.read(name)).unwrap()
    }

    /// Runs a tool here with arguments that no blank divides.
    pub fn run(&self, tool: &str, arguments: &str) -> Output {
        let arguments = arguments.split_whitespace();
        Command::new(tool)
            .args(arguments)
            .current_dir(self.0.path())
            .stdin(Stdio::null())
            .output()
            .unwrap_or_else(|error| panic!("{tool}: {error}"))
    }

    /// Runs `openssl`, which must succeed.
    #[track_caller]
    pub fn openssl(&self, arguments: &str) -> Vec<u8> {
        let output = self.run("openssl", arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "openssl {arguments}: {said}");
        output.stdout
    }

    /// Whether `openssl` succeeds.
    pub fn accepts(&self, arguments: &str) -> bool {
        self.run("openssl", arguments).status.success()
    }

    /// Makes a private key NAME.key and its public key NAME.pub. `kind` is `rsa:BITS`, `rsa:BITS:EXPONENT`, a curve, or
    /// `ed25519`.
    pub fn key(&self, name: &str, kind: &str) {
        let parts: Vec<&str> = kind.split(':').collect();
        let how = match parts.as_slice() {
            ["rsa", bits] => format!("-algorithm RSA -pkeyopt rsa_keygen_bits:{bits}"),
            ["rsa", bits, e] => {
                format!("-algorithm RSA -pkeyopt rsa_keygen_bits:{bits} -pkeyopt rsa_keygen_pubexp:{e}")
            }
            ["ed25519"] => "-algorithm ed25519".to_owned(),
            [curve] => format!("-algorithm EC -pkeyopt ec_paramgen_curve:{curve}"),
            _ => panic!("{kind}"),
        };
        self.openssl(&format!("genpkey {how} -out {name}.key"));
        self.openssl(&format!("pkey -in {name}.key -pubout -out {name}.pub"));
    }
}

impl Workshop {
    /// Makes NAME.crt over NAME.key, which is made where it is missing: by `issuer`, or by itself. No blanks in the subject.
    pub fn certificate(&self, name: &str, issuer: Option<&str>, subject: &str, days: u32, extensions: &str) {
        if !self.path(&format!("{name}.key")).exists() {
            self.key(name, "P-256");
        }
        self.openssl(&format!("req -new -sha256 -key {name}.key -subj {subject} -out {name}.csr"));
        self.write("extensions", extensions.replace("; ", "\n"));
        let extensions = if extensions.is_empty() { "" } else { "-extfile extensions" };
        let by = match issuer {
            Some(issuer) => format!("-CA {issuer}.crt -CAkey {issuer}.key -CAcreateserial"),
            None => format!("-signkey {name}.key"),
        };
        self.openssl(&format!(
            "x509 -req -sha256 -in {name}.csr {by} -days {days} {extensions} -out {name}.crt"
        ));
    }

    /// Makes the list NAME.crl by `issuer`, current for 30 days, of certificates with the time and reason of their revocation, as the
    /// index of `openssl ca` writes them.
    pub fn crl(&self, name: &str, issuer: &str, revoked: &[(&str, &str)], extensions: &str) {
        let mut index = String::new();
        for (certificate, revocation) in revoked {
            let serial =
                String::from_utf8(self.openssl(&format!("x509 -in {certificate}.crt -noout -serial")))
                    .unwrap();
            let serial = serial.trim().trim_start_matches("serial=").to_owned();
            index.push_str(&format!("R\t491231235959Z\t{revocation}\t{serial}\tunknown\t/CN=x\n"));
        }
        self.write("index.txt", index);
        self.write("crlnumber", "01\n");
        let extensions = extensions.replace("; ", "\n");
        let settings = "database=index.txt\ncrlnumber=crlnumber\ndefault_md=sha256\ndefault_crl_days=30\n";
        self.write(
            "ca.cnf",
            format!("[ca]\ndefault_ca=d\n[d]\n{settings}crl_extensions=e\n[e]\n{extensions}\n"),
        );
        self.openssl(&format!(
            "ca -gencrl -config ca.cnf -cert {issuer}.crt -keyfile {issuer}.key -out {name}.crl"
        ));
    }
}

/// One DER value: its tag, its length in the shortest form, its contents.
pub fn tlv(tag: u8, contents: &[u8]) -> Vec<u8> {
    let mut length: Vec<u8> =
        contents.len().to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
    if length.is_empty() {
        length.push(0);
    }
    if contents.len() > 127 {
        length.insert(0, 0x80 | u8::try_from(length.len()).unwrap());
    }
    [&[tag], &*length, contents].concat()
}

/// A block of PEM.
pub fn pem(label: &str, der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

/// What a block of PEM holds.
pub fn unpem(text: &str) -> Vec<u8> {
    use base64::Engine as _;
    let body: String = text.lines().filter(|line| !line.starts_with('-')).collect();
    base64::engine::general_purpose::STANDARD.decode(body).unwrap()
}
