"""Who has no certificate of the cluster's authority is not let in, whatever it says, and both sides are told why."""

import contextlib
import os
import shutil
import socket
import ssl
import subprocess
import unittest

from cluster import make_certificates
from cluster_case import ClusterCase
from harness import BINARY
from network import INSTALL


class CertificateTests(ClusterCase):
    def setUp(self):
        # Before the network, in which nothing can be installed.
        subprocess.run([INSTALL, "faketime=faketime"], check=True)
        super().setUp()

    def use(self, node, folder):
        node.certificates = folder
        node.configure()

    def check_kept_out(self, folder, name, says):
        """A third node with these certificates takes no part, and does once it has good ones."""
        cluster = self.cluster
        node = cluster[name]
        good = node.certificates
        node.terminate()
        node.wait_exit()
        self.use(node, folder)
        node.launch()
        for text, whose in says:
            cluster.wait_until(lambda text=text, whose=whose: any(cluster[other].has_logged(text) for other in whose),
                               f"{whose} say {text}")
        self.assertFalse(node.is_ready())
        others = [other for other in cluster if other is not node]
        self.assertEqual([self.get(other, "/others", 1).status for other in others], [200, 200])
        # It has nobody to decide with: it may listen or not.
        with contextlib.suppress(ConnectionRefusedError):
            self.assert_refused(self.get(node, "/outsider", 1), 503, "no-quorum")
        node.terminate()
        node.wait_exit()
        self.use(node, good)
        node.launch()
        cluster.wait_ready()
        self.assertEqual(self.seen["/outsider"], 0)

    def test_of_another_authority(self):
        cluster = self.start_cluster()
        folder = os.path.join(cluster.folder, "others")
        make_certificates(folder, "abc")
        self.check_kept_out(folder, "c", [("certificate", "c"), ("certificate", "ab")])

    def test_expired(self):
        cluster = self.start_cluster()
        folder = os.path.join(cluster.folder, "old")
        shutil.copytree(cluster.certificates, folder)
        # Made two years ago, for one.
        subprocess.run(
            ["faketime", "-f", "-730d", BINARY, "certificates", "renew", "--nodes", "c", "--out", folder],
            check=True,
            capture_output=True,
        )
        self.check_kept_out(folder, "c", [("expired", "abc")])

    def test_of_another_node(self):
        cluster = self.start_cluster()
        node, good = cluster["c"], cluster["c"].certificates
        folder = os.path.join(cluster.folder, "swapped")
        shutil.copytree(good, folder)
        for end in ("pem", "key"):
            shutil.copy(os.path.join(folder, f"d.{end}"), os.path.join(folder, f"c.{end}"))
        node.terminate()
        node.wait_exit()
        node.may_end = True
        self.use(node, folder)
        node.launch()
        self.assertEqual(node.wait_exit(), 1)
        self.assertTrue(node.has_logged("it names d, and this node is c"), node.log())
        self.use(node, good)
        node.launch()
        cluster.wait_ready()

    def test_none(self):
        cluster = self.start_cluster()
        a = cluster["a"]
        host, port = a.place.advertise.split(":")
        context = ssl.create_default_context(cafile=os.path.join(cluster.certificates, "ca.pem"))
        context.check_hostname = False
        with self.subTest("TLS without a certificate"):
            with socket.create_connection((host, int(port)), 10) as plain, self.assertRaises((ssl.SSLError, ConnectionError)):
                with context.wrap_socket(plain) as connection:
                    # In version 1.3 the refusal comes after the client's own part of the handshake.
                    connection.sendall(b"\0" * 64)
                    if connection.recv(1024) == b"":
                        raise ConnectionError("closed")
        for what, data in [("plain bytes", b"GET / HTTP/1.1\r\n\r\n"), ("random bytes", self.random.randbytes(65_536))]:
            with self.subTest(what), socket.create_connection((host, int(port)), 10) as plain:
                try:
                    plain.sendall(data)
                    while plain.recv(1024):
                        pass
                except ConnectionError:
                    pass
        cluster.wait_until(lambda: a.has_logged("a connection came to nothing"), "it says so")
        self.assertEqual([self.get(node, "/goes-on", 1).status for node in cluster], [200] * 3)


if __name__ == "__main__":
    unittest.main()
