"""What is sent in pieces arrives in pieces: nothing is held back to be sent with what comes next."""

import threading
import unittest

from proxy_case import ProxyCase, take


class Events(ProxyCase):
    def test_each_event_arrives_before_the_next_is_sent(self):
        arrived = threading.Semaphore(0)

        def script(connection):
            connection.read_request()
            connection.send(
                "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
            )
            for number in range(50):
                connection.chunk(b"data: %03d\n\n" % number)
                # Whoever held this event back to send it with the next would wait here for ever.
                self.assertTrue(arrived.acquire(timeout=30))
            connection.send("0\r\n\r\n")
            connection.expect_closed()

        client = self.connect(self.proxy(self.scripted(script)))
        client.send(client.head("GET", "/", [("Accept", "text/event-stream")]))
        self.assertEqual(client.read_head().status, 200)
        for number in range(50):
            event = b"data: %03d\n\n" % number
            framed = b"%x\r\n%s\r\n" % (len(event), event)
            self.assertEqual(take(client, len(framed)), framed)
            arrived.release()
        self.assertEqual(take(client, 5), b"0\r\n\r\n")

    def test_a_head_arrives_before_its_body(self):
        arrived = threading.Event()

        def script(connection):
            connection.read_request()
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n")
            self.assertTrue(arrived.wait(30))
            connection.send("body")
            connection.expect_closed()

        client = self.connect(self.proxy(self.scripted(script)))
        client.send(client.head("GET", "/"))
        self.assertEqual(client.read_head().status, 200)
        arrived.set()
        self.assertEqual(take(client, 4), b"body")

    def test_each_piece_of_a_request_arrives_before_the_next_is_sent(self):
        arrived = threading.Semaphore(0)

        def script(connection):
            request = connection.read_head()
            arrived.release()
            connection.read_body(request, lambda piece: [arrived.release() for _ in piece])
            connection.answer("whole")
            connection.expect_closed()

        client = self.connect(self.proxy(self.scripted(script)))
        client.send(client.head("POST", "/", [("Transfer-Encoding", "chunked")]))
        self.assertTrue(arrived.acquire(timeout=30))
        for _ in range(50):
            client.send(b"1\r\nx\r\n")
            self.assertTrue(arrived.acquire(timeout=30))
        client.send(b"0\r\n\r\n")
        self.assertEqual(client.read_response().body, b"whole")


if __name__ == "__main__":
    unittest.main()
