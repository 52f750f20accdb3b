"""`tollgate certificates create|renew`: what is written, what is left alone, and what openssl says of it."""

import os
import stat
import subprocess
import unittest

from operator_case import OperatorCase, run


def openssl(*arguments):
    return subprocess.run(["openssl", *arguments], capture_output=True, text=True, timeout=60)


class CertificatesTest(OperatorCase):
    def setUp(self):
        super().setUp()
        self.directory = os.path.join(self.folder(), "certificates")

    def path(self, name):
        return os.path.join(self.directory, name)

    def certificates(self, verb, nodes, *arguments, status=0):
        result = run("certificates", verb, "--nodes", nodes, "--out", self.directory, *arguments)
        self.assertEqual(result.returncode, status, result)
        return result

    def contents(self):
        found = {}
        for name in os.listdir(self.directory):
            with open(self.path(name), encoding="ascii") as file:
                found[name] = file.read()
        return found

    def verify(self, name, purpose):
        result = openssl("verify", "-x509_strict", "-purpose", purpose, "-CAfile", self.path("ca.pem"), self.path(f"{name}.pem"))
        self.assertEqual(result.returncode, 0, result)

    def text(self, name):
        return openssl("x509", "-in", self.path(name), "-noout", "-text").stdout

    def test_openssl_verifies_them_for_either_side(self):
        result = self.certificates("create", "a,node-b.example")
        self.assertIn("keep ca.key elsewhere", result.stdout)
        self.assertEqual(
            set(self.contents()), {"ca.pem", "ca.key", "a.pem", "a.key", "node-b.example.pem", "node-b.example.key"}
        )
        for name in ["a", "node-b.example"]:
            self.verify(name, "sslserver")
            self.verify(name, "sslclient")
            text = self.text(f"{name}.pem")
            self.assertIn(f"DNS:{name}\n", text)
            self.assertIn("ASN1 OID: prime256v1", text)
            self.assertIn("CA:FALSE", text)
            public = openssl("x509", "-in", self.path(f"{name}.pem"), "-noout", "-pubkey").stdout
            self.assertTrue(public)
            self.assertEqual(openssl("pkey", "-in", self.path(f"{name}.key"), "-pubout").stdout, public)
        self.assertIn("CA:TRUE, pathlen:0", self.text("ca.pem"))
        # A node signs for nobody.
        self.assertNotEqual(openssl("verify", "-CAfile", self.path("a.pem"), self.path("node-b.example.pem")).returncode, 0)

    def test_keys_are_their_owners_alone(self):
        mask = os.umask(0)
        try:
            self.certificates("create", "a")
        finally:
            os.umask(mask)
        for name, mode in [("ca.key", 0o600), ("a.key", 0o600), ("ca.pem", 0o644), ("a.pem", 0o644)]:
            self.assertEqual(stat.S_IMODE(os.stat(self.path(name)).st_mode), mode, name)
        self.assertEqual(stat.S_IMODE(os.stat(self.directory).st_mode), 0o700)

    def test_they_hold_ten_years_and_one_or_as_long_as_asked_for(self):
        day = 86_400
        self.certificates("create", "a")

        def holds(name, seconds):
            return openssl("x509", "-in", self.path(name), "-noout", "-checkend", str(seconds)).returncode == 0

        self.assertTrue(holds("ca.pem", 3_649 * day))
        self.assertFalse(holds("ca.pem", 3_651 * day))
        self.assertTrue(holds("a.pem", 364 * day))
        self.assertFalse(holds("a.pem", 366 * day))
        self.certificates("renew", "a", "--days", "30")
        self.assertTrue(holds("a.pem", 29 * day))
        self.assertFalse(holds("a.pem", 31 * day))

    def test_nothing_is_replaced_by_create(self):
        self.certificates("create", "a")
        before = self.contents()
        result = self.certificates("create", "b,a", status=1)
        self.assertIn("ca.pem exists, and nothing was written", result.stderr)
        self.assertEqual(self.contents(), before)
        os.unlink(self.path("ca.pem"))
        os.unlink(self.path("ca.key"))
        before = self.contents()
        result = self.certificates("create", "b,a", status=1)
        self.assertIn("a.pem exists", result.stderr)
        self.assertEqual(self.contents(), before)

    def test_renewing_keeps_the_authority_and_tells_what_it_replaces(self):
        self.certificates("create", "a,b")
        before = self.contents()
        # Left by a run that was killed.
        with open(self.path("a.key.new"), "w", encoding="ascii") as file:
            file.write("half")
        result = self.certificates("renew", "a,c")
        after = self.contents()
        for name in ["ca.pem", "ca.key", "b.pem", "b.key"]:
            self.assertEqual(after[name], before[name])
        for name in ["a.pem", "a.key"]:
            self.assertNotEqual(after[name], before[name])
        self.assertEqual(set(after), set(before) | {"c.pem", "c.key"})
        self.assertRegex(result.stdout, r"a\.pem and .*a\.key replaced; they hold until \d{4}-\d\d-\d\d\n")
        self.assertRegex(result.stdout, r"c\.pem and .*c\.key written;")
        for name in "abc":
            self.verify(name, "sslserver")
        self.assertEqual(stat.S_IMODE(os.stat(self.path("a.key")).st_mode), 0o600)

    def test_what_cannot_be_made_changes_nothing(self):
        for nodes, arguments, text in [
            ("", [], 'named ""'),
            ("a,,b", [], 'named ""'),
            ("a,../b", [], 'named "../b"'),
            ("ca", [], "those of the authority"),
            ("a,A", [], "given twice"),
            ("a", ["--days", "0"], "not between 1 and"),
        ]:
            for verb in ["create", "renew"]:
                result = self.certificates(verb, nodes, *arguments, status=1)
                self.assertIn(text, result.stderr)
                self.assertFalse(os.path.exists(self.directory))
        result = self.certificates("renew", "a", status=1)
        self.assertRegex(result.stderr, r"cannot read .*ca\.pem: No such file")
        self.certificates("create", "a")
        with open(self.path("ca.key"), "w", encoding="ascii") as file:
            file.write("nothing")
        before = self.contents()
        result = self.certificates("renew", "a", status=1)
        self.assertRegex(result.stderr, r"ca\.key: it holds no private key")
        self.assertEqual(self.contents(), before)


if __name__ == "__main__":
    unittest.main()
