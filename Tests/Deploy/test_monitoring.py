"""deploy/prometheus and deploy/grafana: the alerts are raised by what they are for, and ask for metrics that there are."""

import json
import pathlib
import re
import sys
import urllib.request

import pytest
import yaml
from paths import BINARY, DEPLOY, GUIDE, said

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "EndToEnd"))
import promtool  # noqa: E402
from recipes import free_ports  # noqa: E402

RULES = DEPLOY / "prometheus" / "alerts.yaml"
DASHBOARD = json.loads((DEPLOY / "grafana" / "tollgate.json").read_text())
TESTS = pathlib.Path(__file__).with_name("alerts_test.yaml")
ALERTS = {rule["alert"]: rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]}
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
EXPRESSIONS = {f"{panel['title']}, {target['refId']}": target["expr"] for panel in PANELS for target in panel["targets"]}


def metric_names(expression):
    """The metrics that an expression asks for; a histogram's parts are that histogram."""
    named = re.findall(r"\btollgate_\w+", expression)
    return {re.sub(r"(_seconds)_(bucket|sum|count)$", r"\1", name) for name in named}


def label_names(expression):
    """The labels that an expression asks for, but those that Prometheus adds."""
    selected = {name for braces in re.findall(r"\{([^}]*)\}", expression) for name in re.findall(r"(\w+)\s*[=!]~?", braces)}
    grouped = {name for names in re.findall(r"\b(?:by|ignoring|on)\s*\(([^)]*)\)", expression) for name in re.findall(r"\w+", names)}
    return (selected | grouped) - {"job", "instance"}


@pytest.fixture
def metrics(start, tmp_path):
    """What a node has at /metrics: for each name of a metric the names of its labels."""
    said([BINARY, "certificates", "create", "--nodes", "a", "--out", tmp_path / "certificates"])
    configuration = tmp_path / "tollgate.yaml"
    configuration.write_text(
        f"""
        node: {{ name: a, data: {tmp_path}/data }}
        cluster:
            seeds: {{ a: "127.0.0.1:{free_ports(1)[0]}" }}
            tls: {{ certificate: certificates/a.pem, key: certificates/a.key, ca: certificates/ca.pem }}
        listeners: [{{ address: "127.0.0.1:0" }}]
        probes: {{ address: "127.0.0.1:0" }}
        upstream: "http://127.0.0.1:9"
        """
    )
    node = start([BINARY, "serve", "--config", configuration])
    listener, probes = node.address("listening"), node.address("probes")
    # A request, which the upstream does not answer, and a challenge: they have counters of their own from then on.
    for path in ("/", "/.well-known/tollgate/challenge?policy=default"):
        try:
            urllib.request.urlopen(f"http://{listener}{path}", timeout=60).close()
        except urllib.error.HTTPError as error:
            error.close()
    with urllib.request.urlopen(f"http://{probes}/metrics", timeout=60) as answer:
        page = answer.read().decode()
    node.stop()
    found = {name: set() for name in re.findall(r"^# TYPE (\w+) ", page, re.MULTILINE)}
    for name, labels in re.findall(r"^(\w+?)(?:_bucket|_sum|_count)?(?:\{(.*)\})? \S+$", page, re.MULTILINE):
        found[name] |= set(re.findall(r'(\w+)="', labels))
    return found


def test_the_rules_are_rules():
    assert f"SUCCESS: {len(ALERTS)} rules found" in said([promtool.path(), "check", "rules", RULES])


def test_each_alert_is_raised_by_what_it_is_for_and_by_nothing_less():
    said([promtool.path(), "test", "rules", TESTS])
    expected = set(re.findall(r'alertname="(\w+)"', TESTS.read_text()))
    assert expected == set(ALERTS)


def test_each_alert_says_what_is_wrong_what_to_do_and_how_urgent_it_is():
    for name, rule in ALERTS.items():
        assert rule["labels"]["severity"] in {"page", "ticket"}, name
        assert set(rule["annotations"]) == {"summary", "description"}, name


def test_the_guide_tells_of_every_alert():
    text = (GUIDE / "Operate.md").read_text()
    assert set(re.findall(r"^\| `(Tollgate\w+)` \|", text, re.MULTILINE)) == set(ALERTS)


def test_the_panels_expressions_are_sound(tmp_path):
    variables = {"$__rate_interval": "5m", "$job": "tollgate", "$instance": ".*"}
    rules = []
    for number, expression in enumerate(EXPRESSIONS.values()):
        for name, value in variables.items():
            expression = expression.replace(name, value)
        assert "$" not in expression
        rules.append({"record": f"panel:{number}", "expr": expression})
    path = tmp_path / "panels.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    assert f"SUCCESS: {len(rules)} rules found" in said([promtool.path(), "check", "rules", path])


def test_the_dashboard_is_one_that_grafana_imports():
    assert {"title", "uid", "schemaVersion", "panels", "templating", "time"} <= set(DASHBOARD)
    assert "id" not in DASHBOARD
    identifiers = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(identifiers)) == len(identifiers)
    taken = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24, panel["title"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        assert not cells & taken, panel["title"]
        taken |= cells
    names = {variable["name"] for variable in DASHBOARD["templating"]["list"]}
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(DASHBOARD["panels"]))) - {"__rate_interval"}
    assert used == names


def test_every_metric_and_label_that_they_ask_for_is_there(metrics):
    everything = EXPRESSIONS | {name: rule["expr"] for name, rule in ALERTS.items()}
    for where, expression in everything.items():
        names = metric_names(expression)
        assert names <= set(metrics), where
        if names:
            assert label_names(expression) <= {label for name in names for label in metrics[name]}, where


def test_every_metric_that_is_there_is_in_the_guide(metrics):
    text = "".join(page.read_text() for page in GUIDE.glob("*.md"))
    assert set(metrics) <= set(re.findall(r"`(tollgate_[a-z_]+)", text))
