"""Whether the processes of a cluster grow, and their data folders: looked at each second, compared after a third of the time, in which they
warm up.

    growth = Growth(cluster, steady).start()      # steady: the node that is never harmed
    …
    growth.stop(); growth.check(case); growth.report()

Held against their bounds are: of the steady node's process the medians of memory and descriptors in the second third and in the last, and
the most of all nodes: in memory, on the disk, and how many entries of its log one keeps.
"""

import os
import statistics
import threading

#: What an allocator may do with its arenas while the program stands still.
RESIDENT_BYTES_MAX = 12 << 20
#: A log grows and shrinks by whole segments.
SEGMENT_BYTES = 16 << 20
DESCRIPTORS_MAX = 16
#: What is kept of the log below a snapshot, and what comes before the next.
ENTRIES_MAX = 8_192 + 4_096


def disk_bytes(folder):
    total = 0
    for path, _, files in os.walk(folder):
        for name in files:
            try:
                total += os.stat(os.path.join(path, name)).st_blocks * 512
            except FileNotFoundError:
                continue
    return total


class Growth:
    def __init__(self, cluster, steady):
        self.cluster = cluster
        self.steady = steady
        #: Of each second, what each node has that runs.
        self.samples = []
        self._is_stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self):
        self._thread.start()
        return self

    def stop(self):
        self._is_stopped.set()
        self._thread.join()

    def _run(self):
        while not self._is_stopped.wait(1):
            sample = {}
            for node in self.cluster.running():
                try:
                    sample[node.name] = {
                        "resident": node.rss_bytes(),
                        "descriptors": node.descriptors(),
                        "disk": disk_bytes(node.data),
                        "entries": self._entries(node),
                    }
                except OSError:
                    # It has ended meanwhile.
                    continue
            self.samples.append(sample)

    @staticmethod
    def _entries(node):
        """How much of the log it keeps."""
        status = node.status()
        return status["commit_index"] - status["first_index"] if status else 0

    def _thirds(self, value):
        """The values of the second third, and of the last."""
        third = len(self.samples) // 3
        values = [value(sample) for sample in self.samples]
        return values[third : 2 * third], values[2 * third :]

    def medians(self, name):
        """Of the steady node."""
        return [statistics.median(part) for part in self._thirds(lambda sample: sample[self.steady.name][name])]

    def maxima(self, name):
        """Of all nodes."""
        return [max(part) for part in self._thirds(lambda sample: max(node[name] for node in sample.values()))]

    def report(self):
        if len(self.samples) < 3:
            return "no samples"
        medians = {name: self.medians(name) for name in ("resident", "descriptors", "disk")}
        maxima = {name: self.maxima(name) for name in ("resident", "disk", "entries")}
        return f"second third, last third: {self.steady.name}'s medians {medians}, the most of any {maxima}"

    def check(self, case):
        for name, most, values in (
            ("resident", RESIDENT_BYTES_MAX, self.medians("resident")),
            ("descriptors", DESCRIPTORS_MAX, self.medians("descriptors")),
            # A snapshot that is received takes room for a moment.
            ("resident", 2 * RESIDENT_BYTES_MAX, self.maxima("resident")),
            ("disk", SEGMENT_BYTES, self.maxima("disk")),
            ("entries", ENTRIES_MAX, self.maxima("entries")),
        ):
            case.assertLessEqual(values[1] - values[0], most, f"{name}: {self.report()}")
