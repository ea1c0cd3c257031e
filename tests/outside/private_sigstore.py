"""A whole private Sigstore: an authority, its log of certificates, a log of signatures, and a stamper of times.

It signs, breaks one thing at a time, asks sigstore-python's own verifier about each, and prints all of it as JSON:
a list of cases with bundle, trusted root, message, identity, issuer, and what sigstore-python says of it.
"""

import base64
import copy
import hashlib
import json
import struct
import sys
import tempfile
from datetime import datetime, timedelta, timezone

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier
from sigstore.models import Bundle, TrustedRoot
from sigstore.verify import Verifier, policy

SIGNED_AT = datetime(2025, 6, 1, 12, 0, 0, tzinfo=timezone.utc)
IDENTITY = "https://github.com/acme/radio/.github/workflows/release.yml@refs/tags/v4.2.1"
ISSUER = "https://token.actions.githubusercontent.com"
MESSAGE = b"firmware of the radio, version 4.2.1\n"
IN_TOTO = "application/vnd.in-toto+json"
DER, PEM = serialization.Encoding.DER, serialization.Encoding.PEM
P256, P384 = ec.SECP256R1(), ec.SECP384R1()


def b64(data):
    return base64.b64encode(data).decode()


def sha256(data):
    return hashlib.sha256(data).digest()


def spki(key):
    return key.public_key().public_bytes(DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def ecdsa(key, data, hash=hashes.SHA256()):
    return key.sign(data, ec.ECDSA(hash))


def flipped(data, at=-1):
    """The same bytes but for one bit."""
    data = bytearray(data)
    data[at] ^= 1
    return bytes(data)


def tlv(tag, *values):
    value = b"".join(values)
    size = len(value)
    if size < 0x80:
        return bytes([tag, size]) + value
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + value


def oid(text):
    first, second, *rest = map(int, text.split("."))
    encoded = bytes([first * 40 + second])
    for arc in rest:
        septets = [arc & 0x7F]
        while arc := arc >> 7:
            septets.append(0x80 | (arc & 0x7F))
        encoded += bytes(reversed(septets))
    return tlv(6, encoded)


def integer(number):
    return tlv(2, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def algorithm(text, *parameters):
    return tlv(0x30, oid(text), *parameters)


def name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def pem(by):
    """A certificate or a public key."""
    if isinstance(by, x509.Certificate):
        return by.public_bytes(PEM)
    return by.public_bytes(PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


class Authority:
    """A root, and below it an issuer for one use."""

    def __init__(self, use, own, curve=P384, years=10):
        self.keys = [ec.generate_private_key(curve) for _ in range(2)]
        self.use = use
        start = SIGNED_AT - timedelta(days=400)
        common = lambda subject, issuer, key: (
            x509.CertificateBuilder()
            .subject_name(name(subject))
            .issuer_name(name(issuer))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + timedelta(days=365 * years))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        )
        signs = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        root = common(f"{own} root", f"{own} root", self.keys[0])
        root = root.add_extension(x509.BasicConstraints(True, 1), True).add_extension(signs, True)
        self.root = root.sign(self.keys[0], hashes.SHA384())
        issuer = common(own, f"{own} root", self.keys[1])
        issuer = issuer.add_extension(x509.BasicConstraints(True, 0), True).add_extension(signs, True)
        issuer = issuer.add_extension(x509.ExtendedKeyUsage([use]), False)
        issuer = issuer.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(self.keys[0].public_key()), False
        )
        self.issuer = issuer.sign(self.keys[0], hashes.SHA384())

    def certificate(self, key, subject, start, minutes):
        own = self.issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.issuer.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + timedelta(minutes=minutes))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own), False)
        )

    def chain(self):
        return [self.issuer.public_bytes(DER), self.root.public_bytes(DER)]


class Stamper:
    """Stamps times (RFC 3161), by hand, so that each part can be another."""

    def __init__(self, use=ExtendedKeyUsageOID.TIME_STAMPING):
        self.authority = Authority(ExtendedKeyUsageOID.TIME_STAMPING, "stamps.example")
        self.key = ec.generate_private_key(P256)
        start = SIGNED_AT - timedelta(days=300)
        leaf = self.authority.certificate(self.key, name("stamper"), start, 60 * 24 * 3000)
        leaf = leaf.add_extension(x509.KeyUsage(True, *[False] * 8), True)
        leaf = leaf.add_extension(x509.ExtendedKeyUsage([use]), True)
        self.leaf = leaf.sign(self.authority.keys[1], hashes.SHA384())

    def chain(self):
        return [self.leaf.public_bytes(DER)] + self.authority.chain()

    def stamp(self, signature, at=SIGNED_AT, status=0, digest=None, spoil=False, key=None, more=b"", named=None):
        sha = algorithm("2.16.840.1.101.3.4.2.1")
        info = tlv(
            0x30,
            integer(1),
            oid("1.3.6.1.4.1.57264.2"),
            tlv(0x30, sha, tlv(4, sha256(signature))),
            integer(x509.random_serial_number()),
            tlv(0x18, at.strftime("%Y%m%d%H%M%SZ").encode()),
            tlv(0x30, integer(1)),
            more,
        )
        attribute = lambda kind, value: tlv(0x30, oid(kind), tlv(0x31, value))
        certificate = self.leaf.public_bytes(DER)
        attributes = [
            attribute("1.2.840.113549.1.9.3", oid("1.2.840.113549.1.9.16.1.4")),
            attribute("1.2.840.113549.1.9.4", tlv(4, digest or sha256(info))),
            attribute(
                "1.2.840.113549.1.9.16.2.47",
                tlv(0x30, tlv(0x30, tlv(0x30, tlv(4, named or sha256(certificate))))),
            ),
        ]
        attributes.sort()
        signed = ecdsa(key or self.key, tlv(0x31, *attributes))
        if spoil:
            signed = ecdsa(self.key, b"something else")
        issuer = self.leaf.issuer.public_bytes(DER)
        signer = tlv(
            0x30,
            integer(1),
            tlv(0x30, issuer, integer(self.leaf.serial_number)),
            sha,
            tlv(0xA0, *attributes),
            algorithm("1.2.840.10045.4.3.2"),
            tlv(4, signed),
        )
        content = tlv(0x30, oid("1.2.840.113549.1.9.16.1.4"), tlv(0xA0, tlv(4, info)))
        data = tlv(0x30, integer(3), tlv(0x31, sha), content, tlv(0xA0, certificate), tlv(0x31, signer))
        token = tlv(0x30, oid("1.2.840.113549.1.7.2"), tlv(0xA0, data))
        return tlv(0x30, tlv(0x30, integer(status)), token)


def leaf_hash(entry):
    return sha256(b"\0" + entry)


def root_of(hashes_):
    """RFC 6962, section 2.1, to the letter."""
    if len(hashes_) == 1:
        return hashes_[0]
    k = 1 << (len(hashes_) - 1).bit_length() - 1
    return sha256(b"\1" + root_of(hashes_[:k]) + root_of(hashes_[k:]))


def path(index, hashes_):
    if len(hashes_) == 1:
        return []
    k = 1 << (len(hashes_) - 1).bit_length() - 1
    if index < k:
        return path(index, hashes_[:k]) + [root_of(hashes_[k:])]
    return path(index - k, hashes_[k:]) + [root_of(hashes_[:k])]


class Log:
    """Rekor: version 1 with promises, or version 2 without."""

    def __init__(self, host, version=1):
        self.host, self.version = host, version
        self.entries = [b"other entry %d" % number for number in range(5)]
        if version == 1:
            self.key = ec.generate_private_key(P256)
            self.id = sha256(spki(self.key))
            self.origin = f"{host} - 1193050959916656506"
        else:
            self.key = ed25519.Ed25519PrivateKey.generate()
            raw = self.key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
            self.id = sha256(host.encode() + b"\n\x01" + raw)
            self.origin = host

    def sign(self, data):
        return ecdsa(self.key, data) if self.version == 1 else self.key.sign(data)

    def checkpoint(self, size, root, origin=None):
        text = f"{origin or self.origin}\n{size}\n{b64(root)}\n"
        return f"{text}\n\u2014 {self.host} {b64(self.id[:4] + self.sign(text.encode()))}\n"

    def promise(self, body, seconds, index):
        canonical = json.dumps(
            {"body": b64(body), "integratedTime": seconds, "logID": self.id.hex(), "logIndex": index},
            sort_keys=True,
            separators=(",", ":"),
        )
        return self.sign(canonical.encode())

    def enter(self, body, kind, version, at, promise=True):
        self.entries += [body, b"a later entry"]
        index, leaves = len(self.entries) - 2, [leaf_hash(entry) for entry in self.entries]
        # The first version counts earlier trees as well.
        index_overall = index + 1000 if self.version == 1 else index
        entry = {
            "logIndex": str(index_overall),
            "logId": {"keyId": b64(self.id)},
            "kindVersion": {"kind": kind, "version": version},
            "inclusionProof": {
                "logIndex": str(index),
                "rootHash": b64(root_of(leaves)),
                "treeSize": str(len(leaves)),
                "hashes": [b64(one) for one in path(index, leaves)],
                "checkpoint": {"envelope": self.checkpoint(len(leaves), root_of(leaves))},
            },
            "canonicalizedBody": b64(body),
        }
        if self.version == 1:
            seconds = int(at.timestamp())
            entry["integratedTime"] = str(seconds)
            if promise:
                entry["inclusionPromise"] = {"signedEntryTimestamp": b64(self.promise(body, seconds, index_overall))}
        return entry


def log_entry(log, details, host):
    return {
        "baseUrl": f"https://{host}",
        "hashAlgorithm": "SHA2_256",
        "publicKey": {
            "rawBytes": b64(spki(log.key)),
            "keyDetails": details,
            "validFor": {"start": "2024-01-01T00:00:00Z"},
        },
        "logId": {"keyId": b64(log.id)},
    }


class World:
    def __init__(self):
        self.fulcio = Authority(ExtendedKeyUsageOID.CODE_SIGNING, "fulcio.example")
        self.ct = ec.generate_private_key(P256)
        self.rekor = Log("rekor.example")
        self.rekor2 = Log("log2025.rekor.example", 2)
        self.stamper = Stamper()

    def root(self):
        chain = lambda ders: {"certificates": [{"rawBytes": b64(der)} for der in ders]}
        authority = lambda ders: {
            "subject": {"organization": "example", "commonName": "example"},
            "uri": "https://fulcio.example",
            "certChain": chain(ders),
            "validFor": {"start": "2024-01-01T00:00:00Z"},
        }
        ct = Log("ct.example")
        ct.key, ct.id = self.ct, sha256(spki(self.ct))
        return {
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [
                log_entry(self.rekor, "PKIX_ECDSA_P256_SHA_256", self.rekor.host),
                log_entry(self.rekor2, "PKIX_ED25519", self.rekor2.host),
            ],
            "certificateAuthorities": [authority(self.fulcio.chain())],
            "ctlogs": [log_entry(ct, "PKIX_ECDSA_P256_SHA_256", "ct.example/2025")],
            "timestampAuthorities": [authority(self.stamper.chain())],
        }

    def sct(self, tbs, at, key=None, log=None):
        key = key or self.ct
        milliseconds = int(at.timestamp() * 1000)
        issuer = self.fulcio.issuer.public_key().public_bytes(DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        signed = struct.pack(">BBQH", 0, 0, milliseconds, 1) + sha256(issuer)
        signed += len(tbs).to_bytes(3, "big") + tbs + b"\0\0"
        signature = ecdsa(key, signed)
        sct = b"\0" + (log or sha256(spki(key))) + struct.pack(">QH", milliseconds, 0)
        return sct + b"\4\3" + struct.pack(">H", len(signature)) + signature

    def leaf(self, identity=IDENTITY, issuer=ISSUER, start=SIGNED_AT, by=None, scts=1, **how):
        """A signer's key and certificate. Each keyword changes one thing."""
        key = ec.generate_private_key(how.get("curve", P256))
        builder = (by or self.fulcio).certificate(key, x509.Name([]), start - timedelta(minutes=1), 10)
        builder = builder.add_extension(x509.KeyUsage(how.get("signs", True), *[False] * 7, False), True)
        if "no_usage" not in how:
            usage = how.get("usage", ExtendedKeyUsageOID.CODE_SIGNING)
            builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), False)
        san = how.get("san") or [x509.UniformResourceIdentifier(identity)]
        builder = builder.add_extension(x509.SubjectAlternativeName(san), True)
        own = lambda last, value: x509.UnrecognizedExtension(ObjectIdentifier(f"1.3.6.1.4.1.57264.1.{last}"), value)
        if issuer is not None:
            builder = builder.add_extension(own(1, how.get("bare", issuer).encode()), False)
            builder = builder.add_extension(own(8, tlv(0x0C, issuer.encode())), False)
        if how.get("critical"):
            builder = builder.add_extension(own(99, b"\5\0"), True)
        signer = how.get("signer") or (by or self.fulcio).keys[1]
        before = builder.sign(signer, hashes.SHA384())
        if scts:
            one = self.sct(before.tbs_certificate_bytes, how.get("logged", start), how.get("ct"), how.get("ct_id"))
            if how.get("spoil_sct"):
                one = flipped(one, 40)
            one = struct.pack(">H", len(one)) + one
            listed = struct.pack(">H", len(one) * scts) + one * scts
            extension = x509.UnrecognizedExtension(ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2"), tlv(4, listed))
            builder = builder.add_extension(extension, False)
        return key, builder.sign(signer, hashes.SHA384())

    def hashedrekord(self, signature, certificate, digest, version="0.0.1"):
        if version == "0.0.1":
            spec = {
                "data": {"hash": {"algorithm": "sha256", "value": digest.hex()}},
                "signature": {
                    "content": b64(signature),
                    "publicKey": {"content": b64(pem(certificate))},
                },
            }
        else:
            spec = {
                "hashedRekordV002": {
                    "data": {"algorithm": "SHA2_256", "digest": b64(digest)},
                    "signature": {
                        "content": b64(signature),
                        "verifier": {
                            "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                            **self.verifier(certificate),
                        },
                    },
                }
            }
        return self.body("hashedrekord", version, spec)

    def verifier(self, by):
        if isinstance(by, x509.Certificate):
            return {"x509Certificate": {"rawBytes": b64(by.public_bytes(DER))}}
        return {"publicKey": {"rawBytes": b64(by.public_bytes(DER, serialization.PublicFormat.SubjectPublicKeyInfo))}}

    def body(self, kind, version, spec):
        body = {"apiVersion": version, "kind": kind, "spec": spec}
        return json.dumps(body, sort_keys=True, separators=(",", ":")).encode()

    def bundle(self, content, certificate, entry, stamps=(), version="0.3"):
        material = {"tlogEntries": [entry]}
        certificates = [certificate.public_bytes(DER)] if isinstance(certificate, x509.Certificate) else []
        if not certificates:
            material["publicKey"] = {"hint": b64(sha256(pem(certificate)))}
            media = "application/vnd.dev.sigstore.bundle.v0.3+json"
        elif version == "0.3":
            material["certificate"] = {"rawBytes": b64(certificates[0])}
            media = "application/vnd.dev.sigstore.bundle.v0.3+json"
        else:
            material["x509CertificateChain"] = {"certificates": [{"rawBytes": b64(der)} for der in certificates]}
            media = f"application/vnd.dev.sigstore.bundle+json;version={version}"
        if stamps:
            stamps = [{"signedTimestamp": b64(stamp)} for stamp in stamps]
            material["timestampVerificationData"] = {"rfc3161Timestamps": stamps}
        return {"mediaType": media, "verificationMaterial": material, **content}

    def message(self, message=MESSAGE, signer=None, rekor=1, stamps=(), version="0.3", at=SIGNED_AT, promise=True):
        """A bundle over a message. `stamps` makes time stamps from the signature."""
        key, certificate = signer or self.leaf()
        signature = ecdsa(key, message)
        log, kind = (self.rekor, "0.0.1") if rekor == 1 else (self.rekor2, "0.0.2")
        body = self.hashedrekord(signature, certificate, sha256(message), kind)
        entry = log.enter(body, "hashedrekord", kind, at, promise)
        content = {
            "messageSignature": {
                "messageDigest": {"algorithm": "SHA2_256", "digest": b64(sha256(message))},
                "signature": b64(signature),
            }
        }
        return self.bundle(content, certificate, entry, [stamp(signature) for stamp in stamps], version)

    def statement(self, payload, signer=None, kind="dsse", stamps=(), payload_type=IN_TOTO, version="0.3"):
        key, certificate = signer or self.leaf()
        whole = f"DSSEv1 {len(payload_type)} {payload_type} {len(payload)} ".encode() + payload
        signature = ecdsa(key, whole)
        hashed = lambda data: {"algorithm": "sha256", "value": sha256(data).hex()}
        verifier = b64(pem(certificate))
        envelope = {"payload": b64(payload), "payloadType": payload_type, "signatures": [{"sig": b64(signature)}]}
        if kind == "dsse":
            spec = {
                "envelopeHash": hashed(json.dumps(envelope).encode()),
                "payloadHash": hashed(payload),
                "signatures": [{"signature": b64(signature), "verifier": verifier}],
            }
            entry = self.rekor.enter(self.body("dsse", "0.0.1", spec), "dsse", "0.0.1", SIGNED_AT)
        elif kind == "intoto":
            entered = {"payloadType": payload_type, "signatures": [{"publicKey": verifier, "sig": b64(b64(signature).encode())}]}
            content = {"envelope": entered, "hash": hashed(b"{}"), "payloadHash": hashed(payload)}
            entry = self.rekor.enter(self.body("intoto", "0.0.2", {"content": content}), "intoto", "0.0.2", SIGNED_AT)
        else:
            body = self.hashedrekord(signature, certificate, sha256(whole), "0.0.2")
            entry = self.rekor2.enter(body, "hashedrekord", "0.0.2", SIGNED_AT)
        stamps = [stamp(signature) for stamp in stamps]
        return self.bundle({"dsseEnvelope": envelope}, certificate, entry, stamps, version)


STATEMENT = json.dumps(
    {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [
            {"name": "firmware/radio.bin", "digest": {"sha256": "ab" * 32}},
            {"name": "firmware/boot.bin", "digest": {"sha256": "cd" * 32}},
        ],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {"buildDefinition": {}},
    }
).encode()


def theirs(case):
    """What sigstore-python says."""
    try:
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(case["root"])
            file.flush()
            verifier = Verifier(trusted_root=TrustedRoot.from_file(file.name))
        bundle = Bundle.from_json(case["bundle"])
        who = policy.Identity(identity=case["identity"], issuer=case["issuer"])
        if case["kind"] == "message":
            verifier.verify_artifact(base64.b64decode(case["message"]), bundle, who)
        else:
            kind, payload = verifier.verify_dsse(bundle, who)
            assert kind == IN_TOTO and payload == base64.b64decode(case["message"]), "other payload"
        return "good"
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:300]


def edited(value, where, change):
    """A copy in which what stands at `where` is changed, or taken away where `change` gives nothing."""
    value = copy.deepcopy(value)
    inner = value
    for step in where[:-1]:
        inner = inner[step]
    old = inner.get(where[-1]) if isinstance(inner, dict) else inner[where[-1]]
    new = change(old)
    if new is None:
        del inner[where[-1]]
    else:
        inner[where[-1]] = new
    return value


def bytes_flipped(at=-1):
    return lambda text: b64(flipped(base64.b64decode(text), at))


ENTRY = ["verificationMaterial", "tlogEntries", 0]
PROOF = ENTRY + ["inclusionProof"]


def cases(world):
    root = world.root()
    signer = world.leaf()
    good = world.message(signer=signer)
    stamp = world.stamper.stamp
    statement = world.statement(STATEMENT, signer=signer)
    made = []

    def case(claim, bundle, **other):
        text = bundle if isinstance(bundle, str) else json.dumps(bundle, ensure_ascii=False)
        body = {
            "claim": claim,
            "kind": other.get("kind", "message"),
            "bundle": text,
            "root": json.dumps(other.get("root", root)),
            "message": b64(other.get("message", MESSAGE)),
            "identity": other.get("identity", IDENTITY),
            "issuer": other.get("issuer", ISSUER),
            **{name: other[name] for name in ("key", "otherCurve", "timeless") if name in other},
        }
        body["theirs"] = theirs(body)
        made.append(body)

    def signed(claim, payload=STATEMENT, **other):
        bundle = other.pop("bundle", None) or statement
        case(claim, bundle, kind="statement", message=payload, **other)

    # Good ones.
    case("a message with proof and promise", good)
    case("a message in version 0.2", world.message(version="0.2"))
    case("a message in version 0.1", world.message(version="0.1"))
    case("a message in the other spelling of version 0.3", edited(good, ["mediaType"], lambda _: "application/vnd.dev.sigstore.bundle+json;version=0.3"))
    case("a message without its digest", edited(good, ["messageSignature", "messageDigest"], lambda _: None))
    case("a message with promise and stamp", world.message(stamps=[stamp]))
    case("a message with a stamp and no promise", world.message(stamps=[stamp], promise=False))
    case("a message in the second log", world.message(rekor=2, stamps=[stamp]))
    case("a mail address", world.message(signer=world.leaf(san=[x509.RFC822Name("release@acme.example")])), identity="release@acme.example")
    case("an empty message", world.message(message=b""), message=b"")
    signed("a statement in a dsse entry")
    signed("a statement in an intoto entry", bundle=world.statement(STATEMENT, kind="intoto"))
    signed("a statement in the second log", bundle=world.statement(STATEMENT, kind="2", stamps=[stamp]))
    signed("a statement in version 0.1", bundle=world.statement(STATEMENT, version="0.1"))
    witness = "\u2014 witness.example " + b64(b"abcd" + b"x" * 64) + "\n"
    case("a checkpoint with a witness", edited(good, PROOF + ["checkpoint", "envelope"], lambda text: text + witness))

    # The message and the signature.
    case("a byte of data", good, message=flipped(MESSAGE))
    case("no data", good, message=b"")
    case("data with something behind", good, message=MESSAGE + b"\n")
    case("a byte of the signature", edited(good, ["messageSignature", "signature"], bytes_flipped()))
    other = world.message(message=b"other", signer=signer)
    case("the signature of another message", edited(good, ["messageSignature", "signature"], lambda _: other["messageSignature"]["signature"]))
    case("a digest of something else", edited(good, ["messageSignature", "messageDigest", "digest"], bytes_flipped()))
    case("a digest by another hash", edited(good, ["messageSignature", "messageDigest", "algorithm"], lambda _: "SHA2_512"))
    undigested = edited(good, ["messageSignature", "messageDigest"], lambda _: None)
    case("a byte of data and no digest", undigested, message=flipped(MESSAGE))
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    mirrored = lambda r, s: b64(encode_dss_signature(r, order - s))
    case("the same signature with the other s", edited(good, ["messageSignature", "signature"], lambda text: mirrored(*decode_dss_signature(base64.b64decode(text)))))
    case("a signature with something behind", edited(good, ["messageSignature", "signature"], lambda text: b64(base64.b64decode(text) + b"\0")))
    case("a signature of nothing", edited(good, ["messageSignature", "signature"], lambda _: b64(tlv(0x30, integer(0), integer(0)))))
    case("a signature by another key of the same name", edited(good, ["verificationMaterial", "certificate", "rawBytes"], lambda _: b64(world.leaf()[1].public_bytes(DER))))

    # The certificate.
    case("a byte of the certificate", edited(good, ["verificationMaterial", "certificate", "rawBytes"], bytes_flipped()))
    by = lambda **how: world.message(signer=world.leaf(**how))
    case("another identity", by(identity="https://github.com/evil/radio/.github/workflows/release.yml@refs/tags/v4.2.1"))
    case("an identity that begins with the allowed one", by(identity=IDENTITY + ".evil"))
    case("an identity that ends with the allowed one", by(identity="https://evil.example/?" + IDENTITY))
    case("an identity with other capitals", by(identity=IDENTITY.replace("acme", "Acme")))
    case("another issuer", by(issuer="https://accounts.evil.example"))
    case("an issuer that begins with the allowed one", by(issuer=ISSUER + ".evil"))
    case("no issuer", by(issuer=None))
    case("two issuers", by(bare="https://accounts.evil.example"))
    case("two names", by(san=[x509.UniformResourceIdentifier("https://evil.example"), x509.UniformResourceIdentifier(IDENTITY)]))
    case("a name of another kind", by(san=[x509.DNSName("acme.example")]), identity="acme.example")
    case("a certificate that was not valid yet", by(start=SIGNED_AT + timedelta(hours=1)))
    case("a certificate that had expired", by(start=SIGNED_AT - timedelta(hours=1)))
    case("a certificate for servers", by(usage=ExtendedKeyUsageOID.SERVER_AUTH))
    case("a certificate for no use", by(no_usage=True))
    case("a certificate that may not sign", by(signs=False))
    case("a critical extension that nobody knows", by(critical=True))
    twin = Authority(ExtendedKeyUsageOID.CODE_SIGNING, "fulcio.example")
    case("a certificate by a twin of the authority", by(by=twin))
    case("a certificate by the signer's own key", by(signer=ec.generate_private_key(P384)))
    case("a key on another curve", by(curve=P384))
    case("no certificate timestamp", by(scts=0))
    case("two certificate timestamps", by(scts=2))
    case("a byte of the certificate timestamp", by(spoil_sct=True))
    case("a certificate timestamp by another log", by(ct=ec.generate_private_key(P256)))
    case("a certificate timestamp by another log in the name of the pinned one", by(ct=ec.generate_private_key(P256), ct_id=sha256(spki(world.ct))))
    case("a certificate timestamp from before its log was trusted", by(logged=datetime(2020, 1, 1, tzinfo=timezone.utc)))
    old = world.message(version="0.2", signer=signer)
    chain = ["verificationMaterial", "x509CertificateChain", "certificates"]
    stranger = {"rawBytes": b64(world.leaf()[1].public_bytes(DER))}
    pinned = [{"rawBytes": b64(der)} for der in world.fulcio.chain()]
    case("a chain of the trusted root beside the certificate", edited(old, chain, lambda own: own + pinned))
    case("two certificates", edited(old, chain, lambda own: own + [stranger]))
    case("two certificates, the signer's second", edited(old, chain, lambda own: [stranger] + own))
    case("no certificates", edited(old, chain, lambda _: []))
    case("a chain in version 0.3", edited(old, ["mediaType"], lambda _: "application/vnd.dev.sigstore.bundle.v0.3+json"))
    both = edited(good, ["verificationMaterial", "x509CertificateChain"], lambda _: {"certificates": [stranger]})
    case("a certificate and a chain", both)
    hint = edited(good, ["verificationMaterial", "certificate"], lambda _: None)
    case("a public key in place of a certificate", edited(hint, ["verificationMaterial", "publicKey"], lambda _: {"hint": "key"}))

    # The log.
    foreign = World()
    foreign.fulcio, foreign.ct, foreign.stamper = world.fulcio, world.ct, world.stamper
    case("a byte of the promise", edited(good, ENTRY + ["inclusionPromise", "signedEntryTimestamp"], bytes_flipped()))
    case("no promise and no stamp", edited(good, ENTRY + ["inclusionPromise"], lambda _: None))
    case("another integrated time", edited(good, ENTRY + ["integratedTime"], lambda _: str(int(SIGNED_AT.timestamp()) + 60)))
    case("no integrated time", edited(good, ENTRY + ["integratedTime"], lambda _: None))
    case("another index than was promised", edited(good, ENTRY + ["logIndex"], lambda index: str(int(index) + 1)))
    case("no proof", edited(good, PROOF, lambda _: None))
    case("no proof in version 0.1", edited(world.message(version="0.1"), PROOF, lambda _: None))
    case("no checkpoint", edited(good, PROOF + ["checkpoint"], lambda _: None))
    case("no promise in version 0.1", world.message(version="0.1", stamps=[stamp], promise=False))
    case("a byte of a hash of the proof", edited(good, PROOF + ["hashes", 0], bytes_flipped()))
    case("a hash too few", edited(good, PROOF + ["hashes"], lambda all_: all_[:-1]))
    case("a hash too many", edited(good, PROOF + ["hashes"], lambda all_: all_ + all_[-1:]))
    case("more hashes than a tree can have", edited(good, PROOF + ["hashes"], lambda all_: all_ * 30))
    case("a short hash", edited(good, PROOF + ["hashes", 0], lambda _: "AAAA"))
    case("another root", edited(good, PROOF + ["rootHash"], bytes_flipped()))
    case("another index in the tree", edited(good, PROOF + ["logIndex"], lambda index: str(int(index) + 1)))
    case("an index beyond the tree", edited(good, PROOF + ["logIndex"], lambda _: "999"))
    # For the last leaf but one of a tree, a proof of a larger tree can have the same shape.
    case("another size of the tree", edited(good, PROOF + ["treeSize"], lambda size: str(int(size) + 1)))
    case("no size of the tree", edited(good, PROOF + ["treeSize"], lambda _: "0"))
    envelope = PROOF + ["checkpoint", "envelope"]
    lines = lambda change: edited(good, envelope, lambda text: "\n".join(change(text.split("\n"))))
    case("a checkpoint of another size", lines(lambda text: [text[0], str(int(text[1]) + 1), *text[2:]]))
    case("a checkpoint of another root", lines(lambda text: [*text[:2], b64(sha256(b"other")), *text[3:]]))
    spoiled = lambda line: line[: line.rindex(" ") + 1] + bytes_flipped()(line[line.rindex(" ") + 1 :])
    case("a byte of the checkpoint's signature", lines(lambda text: [*text[:4], spoiled(text[4]), *text[5:]]))
    case("a checkpoint that nobody signed", edited(good, envelope, lambda text: text.split("\u2014")[0]))
    case("a checkpoint by a witness alone", edited(good, envelope, lambda text: text.split("\u2014")[0] + witness))
    leaves = [leaf_hash(entry) for entry in world.rekor.entries]
    index = int(good["verificationMaterial"]["tlogEntries"][0]["inclusionProof"]["logIndex"])
    current = {
        "logIndex": str(index),
        "rootHash": b64(root_of(leaves)),
        "treeSize": str(len(leaves)),
        "hashes": [b64(one) for one in path(index, leaves)],
    }
    note = lambda text: {"checkpoint": {"envelope": text}}
    case("a later proof", edited(good, PROOF, lambda _: current | note(world.rekor.checkpoint(len(leaves), root_of(leaves)))))
    case("a checkpoint of another origin", edited(good, PROOF, lambda _: current | note(world.rekor.checkpoint(len(leaves), root_of(leaves), "other.example"))))
    case("a checkpoint of an earlier tree", edited(good, PROOF, lambda _: current | note(world.rekor.checkpoint(5, root_of(leaves[:5])))))
    case("a byte of the body", edited(good, ENTRY + ["canonicalizedBody"], bytes_flipped(20)))
    unpromised = world.message(signer=signer, stamps=[stamp], promise=False)
    case("a byte of the body of an entry without promise", edited(unpromised, ENTRY + ["canonicalizedBody"], bytes_flipped(20)))
    hidden = foreign.message(signer=world.leaf(), stamps=[stamp], promise=False)
    case("an entry without promise of another log in the name of the pinned one", edited(hidden, ENTRY + ["logId", "keyId"], lambda _: b64(world.rekor.id)))

    def entered(claim, change, kind="hashedrekord", version="0.0.1"):
        """A body that the log took in, whatever it says."""
        body = json.loads(base64.b64decode(good["verificationMaterial"]["tlogEntries"][0]["canonicalizedBody"]))
        change(body)
        entry = world.rekor.enter(json.dumps(body).encode(), kind, version, SIGNED_AT)
        case(claim, edited(good, ENTRY, lambda _: entry))

    entered("a body in another spelling", lambda body: None)
    entered("a body of another kind than the entry says", lambda body: body.update(kind="dsse"))
    entered("a body of another version than the entry says", lambda body: body.update(apiVersion="0.0.2"))
    entered("a body with an unknown field", lambda body: body["spec"].update(more=1))
    entered("a body with a digest by another hash", lambda body: body["spec"]["data"]["hash"].update(algorithm="sha512"))
    entered("a body with text before the certificate", lambda body: body["spec"]["signature"]["publicKey"].update(content=b64(b"text\n" + signer[1].public_bytes(PEM))))
    entered("a body with two certificates", lambda body: body["spec"]["signature"]["publicKey"].update(content=b64(signer[1].public_bytes(PEM) * 2)))
    case("the entry of another message", edited(good, ENTRY, lambda _: other["verificationMaterial"]["tlogEntries"][0]))
    again = world.message(signer=world.leaf())
    case("the entry of another signer of the same message", edited(good, ENTRY, lambda _: again["verificationMaterial"]["tlogEntries"][0]))
    resigned = world.message(signer=signer)
    case("the entry of another signature of the same message by the same key", edited(good, ENTRY, lambda _: resigned["verificationMaterial"]["tlogEntries"][0]))
    case("the entry of a statement", edited(good, ENTRY, lambda _: statement["verificationMaterial"]["tlogEntries"][0]))
    case("two entries", edited(good, ENTRY[:-1], lambda all_: all_ * 2))
    case("no entry", edited(good, ENTRY[:-1], lambda _: []))
    case("an entry of another kind", edited(good, ENTRY + ["kindVersion"], lambda _: {"kind": "rekord", "version": "0.0.1"}))
    case("an entry of another version", edited(good, ENTRY + ["kindVersion", "version"], lambda _: "0.0.9"))
    elsewhere = foreign.message(signer=world.leaf())
    case("an entry of another log", elsewhere)
    case("an entry of another log in the name of the pinned one", edited(elsewhere, ENTRY + ["logId", "keyId"], lambda _: b64(world.rekor.id)))
    windowed = lambda where, **window: edited(root, where + ["validFor"], lambda _: window)
    ended = {"start": "2024-01-01T00:00:00Z", "end": "2025-05-01T00:00:00Z"}
    case("a log that was no longer trusted", good, root=windowed(["tlogs", 0, "publicKey"], **ended))
    case("an authority that was no longer trusted", good, root=windowed(["certificateAuthorities", 0], **ended))
    case("an authority that was not trusted yet", good, root=windowed(["certificateAuthorities", 0], start="2025-07-01T00:00:00Z"))
    case("a certificate log that was no longer trusted", good, root=windowed(["ctlogs", 0, "publicKey"], **ended))

    # Stamps.
    stamped = lambda make, **how: world.message(stamps=[make], promise=False, **how)
    case("a stamp of another signature", stamped(lambda _: stamp(b"another signature")))
    case("a stamp with a bad signature", stamped(lambda s: stamp(s, spoil=True)))
    case("a stamp by another key", stamped(lambda s: stamp(s, key=ec.generate_private_key(P256))))
    case("a stamp by another stamper", stamped(Stamper().stamp))
    case("a stamp that was refused", stamped(lambda s: stamp(s, status=2)))
    case("a stamp with another digest", stamped(lambda s: stamp(s, digest=sha256(b"other"))))
    case("a stamp that names another certificate", stamped(lambda s: stamp(s, named=sha256(b"other"))))
    case("a stamp with extensions", stamped(lambda s: stamp(s, more=tlv(0xA1, tlv(0x30, oid("1.2.3.4"), tlv(4, b"\5\0"))))))
    case("a stamp from after the certificate's end", stamped(lambda s: stamp(s, at=SIGNED_AT + timedelta(hours=1))))
    case("a stamp from before the certificate's start", stamped(lambda s: stamp(s, at=SIGNED_AT - timedelta(hours=1))))
    case("a stamp from after the certificate's end beside a good promise", world.message(stamps=[lambda s: stamp(s, at=SIGNED_AT + timedelta(hours=1))]))
    case("a bad stamp beside a good one", world.message(stamps=[stamp, lambda s: stamp(s, spoil=True)], promise=False))
    case("half a stamp", stamped(lambda s: stamp(s)[:100]))
    case("a stamp with something behind", stamped(lambda s: stamp(s) + b"\0"))
    case("a stamp where no stamper is pinned", stamped(stamp), root=edited(root, ["timestampAuthorities"], lambda _: []))
    case("a stamper that was no longer trusted", stamped(stamp), root=windowed(["timestampAuthorities", 0], **ended))
    usual = copy.copy(world)
    usual.stamper = Stamper(ExtendedKeyUsageOID.CODE_SIGNING)
    case("a stamper for another use", stamped(usual.stamper.stamp), root=usual.root())
    case("the second log without a stamp", world.message(rekor=2))
    case("a stamp from the time to come", world.message(signer=world.leaf(start=datetime(2026, 6, 1, tzinfo=timezone.utc)), stamps=[lambda s: stamp(s, at=datetime(2026, 6, 1, tzinfo=timezone.utc))], promise=False))
    second = world.message(rekor=2, stamps=[stamp])
    case("another index in the second log", edited(second, ENTRY + ["logIndex"], lambda index: str(int(index) + 1)))
    case("a byte of the second log's checkpoint", edited(second, envelope, lambda text: text.replace("\n" + second["verificationMaterial"]["tlogEntries"][0]["inclusionProof"]["treeSize"] + "\n", "\n999\n")))
    case("the second log's entry of another signature", edited(second, ENTRY, lambda _: world.message(rekor=2, stamps=[stamp])["verificationMaterial"]["tlogEntries"][0]))

    # Statements.
    signed("another payload type", bundle=world.statement(STATEMENT, payload_type="text/plain"))
    signed("another payload type than was signed", bundle=edited(world.statement(STATEMENT, payload_type="text/plain"), ["dsseEnvelope", "payloadType"], lambda _: IN_TOTO))
    signed("a byte of the payload", bundle=edited(statement, ["dsseEnvelope", "payload"], bytes_flipped(30)))
    signed("a byte of the statement's signature", bundle=edited(statement, ["dsseEnvelope", "signatures", 0, "sig"], bytes_flipped()))
    signed("two signatures", bundle=edited(statement, ["dsseEnvelope", "signatures"], lambda all_: all_ * 2))
    signed("no signature", bundle=edited(statement, ["dsseEnvelope", "signatures"], lambda _: []))
    twice = world.statement(STATEMENT, signer=signer)
    signed("the entry of another signature of the same statement", bundle=edited(statement, ENTRY, lambda _: twice["verificationMaterial"]["tlogEntries"][0]))
    signed("the entry of a message", bundle=edited(statement, ENTRY, lambda _: good["verificationMaterial"]["tlogEntries"][0]))
    into = world.statement(STATEMENT, kind="intoto", signer=signer)
    signed("the intoto entry of another signature", bundle=edited(into, ENTRY, lambda _: world.statement(STATEMENT, kind="intoto", signer=signer)["verificationMaterial"]["tlogEntries"][0]))
    signed("a statement by another identity", bundle=world.statement(STATEMENT, signer=world.leaf(identity="https://evil.example")))
    signed("a message where a statement is expected", bundle=good)
    case("a statement where a message is expected", statement)
    case("a message and a statement", good | {"dsseEnvelope": statement["dsseEnvelope"]})
    case("neither a message nor a statement", edited(good, ["messageSignature"], lambda _: None))

    # Keys in place of certificates.
    own = ec.generate_private_key(P256)
    holder = (own, own.public_key())
    kept = dict(key=pem(own.public_key()).decode())
    other_curve = pem(ec.generate_private_key(P384).public_key()).decode()
    by_key = world.message(signer=holder)
    case("a message by a key", by_key, **kept, otherCurve=other_curve)
    case("a message by a key without promise", world.message(signer=holder, promise=False), **kept, timeless=True)
    case("a message by a key in the second log", world.message(signer=holder, rekor=2), **kept, timeless=True)
    case("a message by a key with a stamp", world.message(signer=holder, rekor=2, stamps=[stamp]), **kept)
    keyed_statement = world.statement(STATEMENT, signer=holder)
    signed("a statement by a key", bundle=keyed_statement, **kept)
    stranger_key = ec.generate_private_key(P256)
    by_other = world.message(signer=(stranger_key, stranger_key.public_key()))
    case("a message by another key", by_other, **kept)
    hinted = ["verificationMaterial", "publicKey"]
    case("a message by another key with the hint of the pinned one", edited(by_other, hinted, lambda _: by_key["verificationMaterial"]["publicKey"]), **kept)
    case("a certificate where a key is pinned", good, **kept)
    case("an entry with a certificate where the bundle has a key", edited(by_key, ENTRY, lambda _: good["verificationMaterial"]["tlogEntries"][0]), **kept)
    case("a byte of data under a key", edited(by_key, ["messageSignature", "messageDigest"], lambda _: None), message=flipped(MESSAGE), **kept)
    case("a byte of a key's signature", edited(by_key, ["messageSignature", "signature"], bytes_flipped()), **kept)
    case("a byte of the promise under a key", edited(by_key, ENTRY + ["inclusionPromise", "signedEntryTimestamp"], bytes_flipped()), **kept)
    case("a stamp of another signature under a key", world.message(signer=holder, stamps=[lambda _: stamp(b"another")]), **kept)
    case("no proof under a key", edited(by_key, PROOF, lambda _: None), **kept)
    case("the entry of another signature by the same key", edited(by_key, ENTRY, lambda _: world.message(signer=holder)["verificationMaterial"]["tlogEntries"][0]), **kept)
    signed("a byte of a statement under a key", bundle=edited(keyed_statement, ["dsseEnvelope", "payload"], bytes_flipped(30)), **kept)
    case("an entry of another log under a key", foreign.message(signer=holder), **kept)
    case("a log that is no longer trusted and nobody's word for the time", world.message(signer=holder, rekor=2), root=windowed(["tlogs", 1, "publicKey"], **ended), **kept)

    # The text.
    text = json.dumps(good, ensure_ascii=False)
    case("half of it", text[: len(text) // 2])
    case("something behind it", text + "{}")
    case("a key twice", text[:-1] + ', "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json"}')
    case("an unknown field", good | {"more": 1})
    case("an unknown media type", good | {"mediaType": "application/vnd.dev.sigstore.bundle.v0.4+json"})
    case("no media type", edited(good, ["mediaType"], lambda _: None))
    case("a negative index", edited(good, PROOF + ["logIndex"], lambda _: "-1"))
    case("base64 without padding", edited(good, PROOF + ["rootHash"], lambda text: text.rstrip("=")))
    case("base64 of another alphabet", edited(good, ENTRY + ["logId", "keyId"], lambda text: "-" + text[1:]))
    return made


if __name__ == "__main__":
    json.dump(cases(World()), sys.stdout)
