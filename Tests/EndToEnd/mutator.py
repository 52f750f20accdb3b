"""Random edits of text and bytes, from a generator that is passed in."""

import base64
import re


class Mutator:
    """Random edits of text and bytes."""

    ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    # Bytes that end, divide, quote or hide things somewhere.
    AWKWARD = [bytes([value]) for value in b"\0\t\n\r \"%&'()*+,./:;<=>?@[\\]^`{|}~\x7f\x80\xc0\xff"] + [
        b"\r\n", b"\r\n\r\n", b"%00", b"%2e%2e%2f", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\xaf",
    ]  # fmt: skip

    def __init__(self, random):
        self.random = random

    def text(self, text):
        """One to three edits of base64url text, never the text itself."""
        random, result = self.random, text
        while result == text:
            for _ in range(random.choice((1, 1, 2, 3))):
                result = self._edit(result)
        return result

    def _edit(self, text):
        random = self.random
        at = random.randrange(len(text) + 1)
        kind = random.randrange(9)
        if kind == 0 and text:
            at %= len(text)
            return text[:at] + random.choice(self.ALPHABET) + text[at + 1 :]
        if kind == 1:
            return text[:at] + random.choice(self.ALPHABET) * random.choice((1, 1, 2, 4)) + text[at:]
        if kind == 2:
            return text[:at] + text[at + random.choice((1, 1, 2, 4)) :]
        if kind == 3 and len(text) > 1:
            other = random.randrange(len(text))
            letters = list(text)
            at %= len(text)
            letters[at], letters[other] = letters[other], letters[at]
            return "".join(letters)
        if kind == 4 and len(text) > 4:
            return self.bits(text)
        if kind == 5:
            return text[at:] + text[:at]
        if kind == 6:
            return text[:at] + random.choice("+/= .\"\\{}%&;,\t*") + text[at + random.randrange(2) :]
        if kind == 7:
            return text * random.choice((0, 2, 5))
        return "".join(random.choices(self.ALPHABET, k=random.choice((1, 96, 112, len(text), 511, 512, 513))))

    def bits(self, text):
        """The text of the same length whose bytes differ in one to four bits: well-formed, but not authentic."""
        padded = re.sub(r"[^A-Za-z0-9_-]", "A", text)
        data = bytearray(base64.urlsafe_b64decode(padded[: len(padded) // 4 * 4] or "AAAA"))
        # Different ones, or two might undo each other.
        for bit in self.random.sample(range(len(data) * 8), self.random.choice((1, 1, 1, 2, 4))):
            data[bit // 8] ^= 1 << bit % 8
        return base64.urlsafe_b64encode(bytes(data)).decode("ascii")

    def bytes(self, data):
        """One to four edits of bytes, also of those that give a message its form."""
        random, result = self.random, data
        while result == data:
            for _ in range(random.choice((1, 1, 2, 4))):
                at = random.randrange(len(result) + 1)
                kind = random.randrange(6)
                if kind == 0 and result:
                    at %= len(result)
                    result = result[:at] + bytes([result[at] ^ 1 << random.randrange(8)]) + result[at + 1 :]
                elif kind == 1:
                    result = result[:at] + random.choice(self.AWKWARD) + result[at:]
                elif kind == 2:
                    result = result[:at] + result[at + random.choice((1, 1, 3, 20)) :]
                elif kind == 3:
                    result = result[:at] + random.choice(self.AWKWARD) + result[at + 1 :]
                elif kind == 4:
                    end = min(len(result), at + random.randrange(1, 40))
                    result = result[:end] + result[at:end] * random.choice((1, 1, 3)) + result[end:]
                else:
                    result = result[:at] + bytes(random.randrange(256) for _ in range(random.randrange(1, 12))) + result[at:]
        return result
