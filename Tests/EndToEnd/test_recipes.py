"""Every recipe of the documentation does what its page says. How a page is written for that: see recipes.py."""

import glob
import os
import re
import shutil
import tempfile
import unittest

from harness import BINARY
from recipes import DOCUMENTS, ROOT, Page, Run, Section, Block, Wrong, has_recipe

PAGES = [
    "Integrate.md", "Operate.md", "Overrides.md", "Troubleshooting.md", "WalkReverseProxy.md", "WalkBesideProxy.md", "WalkNode.md", "WalkCluster.md",
    "WalkGrow.md", "WalkRecover.md", "Why.md",
]  # fmt: skip


class RecipeTests(unittest.TestCase):
    """Gets a test for each section that holds a recipe."""

    def play(self, section):
        path = os.environ["PATH"] + ":/usr/sbin"
        lacking = [
            need
            for need in section.needs
            # promtool is fetched where it is not installed.
            if need != "promtool" and not shutil.which(need, path=path) and not os.path.exists(os.path.join(ROOT, need))
        ]
        self.assertEqual(lacking, [], "install these; Tests/run.sh does")
        folder = tempfile.mkdtemp(prefix="tollgate-recipe-")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        try:
            Run(section, folder, BINARY).play()
        except Wrong as wrong:
            if "fixed ports" in section.marks and "another program listens there" in str(wrong):
                self.skipTest("something listens on port 8080")
            raise


def add_tests():
    for name in PAGES:
        path = os.path.join(DOCUMENTS, name)
        for index, section in enumerate(Page(path).sections if os.path.exists(path) else []):
            if has_recipe(section):
                words = "".join(letter if letter.isalnum() else "_" for letter in section.title.lower()) or "page"
                method = f"test_{name.split('.')[0].lower()}_{index:02}_{words}"
                setattr(RecipeTests, method, lambda self, section=section: self.play(section))


add_tests()


class ConventionTests(unittest.TestCase):
    """A recipe that does not hold is noticed."""

    def play(self, *blocks):
        folder = tempfile.mkdtemp(prefix="tollgate-recipe-")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        section = Section("page", "title", [Block(kind, text, 1) for kind, text in blocks])
        Run(section, folder, BINARY).play()

    def test_what_holds(self):
        self.play(
            ("yaml", "# a.yaml\nx: 3000\n"),
            ("sh", "cat a.yaml\n# -> x: 3000\n"),
            ("sh", "# In a terminal of its own:\necho begin; sleep 600 & echo 3000; wait\n# -> begin\n# -> 3000\n"),
            ("sh", "echo one; echo two; echo three four\n# -> one\n# -> three…\n"),
            ("sh", "false\n# exit 1\n"),
            ("console", "false\n"),
        )

    def test_what_does_not_hold(self):
        for text in [
            "echo one\n# -> two\n", "echo one; echo two\n# -> two\n# -> one\n", "echo one two\n# -> one\n", "false\n", "true\n# exit 1\n", "echo $no_such\n",
            "# In a terminal of its own:\necho one\n# -> two\n",
        ]:  # fmt: skip
            with self.subTest(text=text), self.assertRaises(Wrong):
                self.play(("sh", text))

    def test_every_page_that_has_recipes_is_run(self):
        for path in glob.glob(os.path.join(DOCUMENTS, "*.md")):
            if os.path.basename(path) not in PAGES and any(map(has_recipe, Page(path).sections)):
                # Their blocks are examples of how to call the program, not sequences.
                self.assertIn(os.path.basename(path), {"Configuration.md", "Proxies.md"}, path)

    def test_every_link_leads_to_a_page(self):
        for path in glob.glob(os.path.join(DOCUMENTS, "*.md")):
            with open(path, encoding="utf-8") as file:
                for name in re.findall(r"<doc:([\w-]+)>", file.read()):
                    self.assertTrue(os.path.exists(os.path.join(DOCUMENTS, name + ".md")), f"{path}: {name}")

    def test_every_page_is_in_the_list(self):
        with open(os.path.join(DOCUMENTS, "tollgate.md"), encoding="utf-8") as file:
            listed = set(re.findall(r"^- <doc:([\w-]+)>$", file.read(), re.MULTILINE))
        names = {os.path.basename(path)[: -len(".md")] for path in glob.glob(os.path.join(DOCUMENTS, "*.md"))}
        self.assertEqual(listed, names - {"tollgate"})


if __name__ == "__main__":
    unittest.main()
