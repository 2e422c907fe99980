"""What OpenSSF's model_signing signs is compared with the files that are here.

Proves: a folder that the tool has signed, with a key and with a certificate, comes
as matching by the API, by `vitrine show` and on the page, and the tool itself
verifies what is pulled; a file that was changed, taken away or added is told by its
path, and the tool refuses it as well; a signature that does not fit its certificate
is told as invalid.
"""

import base64
import datetime
import json
import os
import pathlib
import subprocess
import sys
import time

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

SERVER, TOKEN = os.environ["VITRINE_SERVER"].rstrip("/"), os.environ["VITRINE_TOKEN"]
API = f"{SERVER}/api/v4/projects/root%2Fdefault"
FILES = {"config.json": b'{"hidden_size": 8}\n', "weights.bin": os.urandom(300_000), "sub/vocab.txt": b"a\nb\n"}


def run(*command, status=0):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == status, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def signing(*arguments, status=0):
    return run(sys.executable, "-m", "model_signing", *arguments, status=status)


def vitrine(*arguments):
    return run(os.environ["VITRINE_BIN"], *arguments)


def ask(method, url, status, **options):
    answer = requests.request(method, url, headers={"PRIVATE-TOKEN": TOKEN}, timeout=60, **options)
    assert answer.status_code == status, (url, answer.status_code, answer.text)
    return answer


class Keys:
    """A key, and a certificate that says it is Ada's."""

    def __init__(self, folder: pathlib.Path):
        self.private, self.public, self.certificate = folder / "key.pem", folder / "key.pub", folder / "cert.pem"
        key = ec.generate_private_key(ec.SECP256R1())
        pem = serialization.Encoding.PEM
        self.private.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        self.public.write_bytes(key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo))
        name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Ada")]), datetime.datetime.now(datetime.UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(1)
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=9))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.KeyUsage(True, False, False, False, False, False, False, False, False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False)
            .sign(key, hashes.SHA256())
        )
        self.certificate.write_bytes(certificate.public_bytes(pem))


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    return Keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def folder(tmp_path):
    for name, content in FILES.items():
        (tmp_path / "model" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "model" / name).write_bytes(content)
    return tmp_path / "model"


@pytest.fixture
def pushed(folder, keys, request):
    """A folder that was signed with the key, as a version: (name, its number for the API)."""
    signing("sign", "key", "--private_key", keys.private, "--signature", folder / "model.sig", folder)
    return push(folder, request.node.name.replace("[", "-").rstrip("]"))


def push(folder, model):
    name = f"root/default/{model}:1.0.0"
    vitrine("push", folder, name)
    return name, json.loads(vitrine("show", name, "--json"))["id"]


def told(version):
    return ask("GET", f"{API}/packages/ml_models/{version}/safety", 200).json()["signature"]


def shown(name):
    """What `vitrine show` says of the signature."""
    (line,) = [line.split() for line in vitrine("show", name).splitlines() if line.startswith("  signature ")]
    return " ".join(line[1:])


def page(name):
    """The page of a version, once all of its files were looked into."""
    address = json.loads(vitrine("show", name, "--json"))["web_url"]
    for _ in range(600):
        text = ask("GET", address, 200).text
        if "data-ask-again" not in text:
            return text
        time.sleep(0.1)
    raise AssertionError("the files are not looked into")


def test_signed_by_key(pushed, keys, tmp_path):
    name, version = pushed
    said = told(version)
    assert (said["status"], said["path"], said["differing"], said["certificate"]) == ("matches", "model.sig", 0, "unchecked"), said
    assert said["key_hint"]
    assert shown(name).startswith("matches")
    assert '<span class="badge good">matches</span> All files have the digests that were signed.' in page(name)
    vitrine("pull", name, "--output", tmp_path / "out")
    signing("verify", "key", "--public_key", keys.public, "--signature", tmp_path / "out" / "model.sig", tmp_path / "out")


@pytest.mark.parametrize("how", ["changed", "missing", "additional"])
def test_differs(pushed, keys, tmp_path, how):
    name, version = pushed
    at = f"{API}/packages/ml_models/{version}/files/"
    path = {"changed": "sub/vocab.txt", "missing": "config.json", "additional": "backdoor.py"}[how]
    if how == "missing":
        ask("DELETE", at + path, 204)
    else:
        ask("PUT", at + path, 201, data=b"import os\n")
    said = told(version)
    assert (said["status"], said["differing"], said[how]) == ("differs", 1, [path]), said
    assert shown(name).startswith("differs")
    text = page(name)
    assert '<span class="badge bad">differs</span> 1 file differs from what was signed.' in text
    assert f"<li><code>{path}</code></li>" in text
    vitrine("pull", name, "--output", tmp_path / "out")
    signing("verify", "key", "--public_key", keys.public, "--signature", tmp_path / "out" / "model.sig", tmp_path / "out", status=1)


def test_signed_by_certificate(folder, keys, request):
    signature = folder / "model.sig"
    signing("sign", "certificate", "--private_key", keys.private, "--signing_certificate", keys.certificate,
            "--certificate_chain", keys.certificate, "--signature", signature, folder)
    name, version = push(folder, request.node.name)
    said = told(version)
    assert (said["status"], said["certificate"], said["signer"]) == ("matches", "fits", "Ada"), said
    assert "fits its certificate" in page(name)

    bundle = json.loads(signature.read_text())
    statement = base64.b64decode(bundle["dsseEnvelope"]["payload"])
    bundle["dsseEnvelope"]["payload"] = base64.b64encode(statement.replace(b"vocab.txt", b"vocab.tyt")).decode()
    ask("PUT", f"{API}/packages/ml_models/{version}/files/model.sig", 201, data=json.dumps(bundle))
    assert told(version)["status"] == "invalid"
    assert '<span class="badge bad">invalid</span>' in page(name)


def test_left_out(folder, keys, request):
    (folder / "notes").mkdir()
    (folder / "notes" / "draft.md").write_bytes(b"later")
    signing("sign", "key", "--private_key", keys.private, "--ignore-paths", folder / "notes", "--signature", folder / "model.sig", folder)
    name, version = push(folder, request.node.name)
    assert told(version)["status"] == "matches", told(version)
    assert "Left out by the signer: " in page(name)
