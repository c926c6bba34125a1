"""A certificate authority of its own for one run, so that TLS is measured without trusting anybody else."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

EXTENSIONS = """
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[server]
basicConstraints = CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = IP:127.0.0.1, DNS:localhost
authorityKeyIdentifier = keyid
"""

KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


@dataclass(frozen=True, slots=True)
class Certificate:
    """Files in PEM.

    Attributes:
        chain: the server's certificate.
        key: its key.
        authority: who vouches for it; what clients have to trust.
    """

    chain: Path
    key: Path
    authority: Path


def make_certificate(folder: Path) -> Certificate:
    """Make an authority and a certificate for 127.0.0.1 in `folder`, by the command `openssl`."""
    (folder / "extensions.cnf").write_text(EXTENSIONS)
    authority = ("-x509", "-days", "2", "-subj", "/CN=benchmark", "-extensions", "authority")
    server = ("-subj", "/CN=127.0.0.1", "-keyout", "server.key", "-out", "server.csr")
    signing = ("-CA", "authority.pem", "-CAkey", "authority.key", "-days", "2")
    settings = ("-config", "request.cnf")
    (folder / "request.cnf").write_text(f"[req]\ndistinguished_name = name\n[name]\n{EXTENSIONS}")
    for words in (
        ("req", *settings, *KEY, *authority, "-keyout", "authority.key", "-out", "authority.pem"),
        ("req", *settings, *KEY, *server),
        ("x509", "-req", *signing, "-in", "server.csr", "-out", "server.pem",
         "-extfile", "extensions.cnf", "-extensions", "server"),
    ):  # fmt: skip
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)  # noqa: S603, S607 - made here
    return Certificate(folder / "server.pem", folder / "server.key", folder / "authority.pem")
