"""deploy/kubernetes: valid by the schemas of each release, and of one mind with each other, the program and the image."""

import os
import pathlib
import re
import subprocess

import kubernetes_validate
import pytest
import yaml
from manifests import CONFIGURATION, CONTAINER, FOLDER, MOUNTS, OBJECTS, POD, PORTS, SET, TEXT, VOLUMES
from paths import BINARY, DEPLOY, GUIDE

#: The first in which a wait before the signal needs no shell.
OLDEST = (1, 30)
VERSIONS = [
    version
    for version in sorted({kubernetes_validate.utils.major_minor(each) for each in kubernetes_validate.utils.all_versions()})
    if tuple(map(int, version.split("."))) >= OLDEST
]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("key", OBJECTS, ids=" ".join)
def test_the_schema_takes_it(key, version):
    kubernetes_validate.validate(OBJECTS[key], version, strict=True)


def test_the_schema_refuses_what_is_misspelt():
    wrong = yaml.safe_load(yaml.safe_dump(OBJECTS["StatefulSet", "tollgate"]))
    wrong["spec"]["podManagmentPolicy"] = wrong["spec"].pop("podManagementPolicy")
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSIONS[-1], strict=True)


def test_the_oldest_release_is_the_one_that_is_told():
    assert f"Kubernetes {OLDEST[0]}.{OLDEST[1]} or newer" in (FOLDER / "README.md").read_text()


def test_a_cluster_can_be_founded():
    peers = OBJECTS["Service", "tollgate-peers"]["spec"]
    assert SET["podManagementPolicy"] == "Parallel"
    assert SET["serviceName"] == "tollgate-peers"
    assert peers["clusterIP"] == "None"
    assert peers["publishNotReadyAddresses"] is True
    names = [f"tollgate-{number}" for number in range(SET["replicas"])]
    expected = {name: f"{name}.tollgate-peers:{PORTS['peers']}" for name in names}
    assert CONFIGURATION["cluster"]["seeds"] == expected
    # A node that comes later says the same of itself.
    assert CONFIGURATION["cluster"]["advertise"] == f"$POD_NAME.tollgate-peers:{PORTS['peers']}"
    # Each can be scheduled, and a majority stays.
    budget = OBJECTS["PodDisruptionBudget", "tollgate"]["spec"]
    assert budget["maxUnavailable"] == 1


def test_selectors_choose_the_pods():
    labels = SET["template"]["metadata"]["labels"]
    assert SET["selector"]["matchLabels"].items() <= labels.items()
    assert OBJECTS["PodDisruptionBudget", "tollgate"]["spec"]["selector"]["matchLabels"].items() <= labels.items()
    for constraint in POD["topologySpreadConstraints"]:
        assert constraint["labelSelector"]["matchLabels"].items() <= labels.items()
    for (kind, name), each in OBJECTS.items():
        if kind == "Service":
            assert each["spec"]["selector"].items() <= labels.items(), name
            assert {port["targetPort"] for port in each["spec"]["ports"]} <= set(PORTS), name


def test_ports_are_those_of_the_configuration():
    assert CONFIGURATION["listeners"][0]["address"] == f"0.0.0.0:{PORTS['http']}"
    assert CONFIGURATION["cluster"]["listen"] == f"0.0.0.0:{PORTS['peers']}"
    assert CONFIGURATION["probes"]["address"] == f"0.0.0.0:{PORTS['probes']}"
    probes = {name: CONTAINER[name]["httpGet"] for name in ("livenessProbe", "startupProbe", "readinessProbe")}
    assert {probe["port"] for probe in probes.values()} == {"probes"}
    assert {name: probe["path"] for name, probe in probes.items()} == {
        "livenessProbe": "/healthz", "startupProbe": "/healthz", "readinessProbe": "/readyz",
    }  # fmt: skip


def test_paths_are_those_of_the_configuration():
    def is_in(path, name):
        return pathlib.PurePath(path).is_relative_to(MOUNTS[name]["mountPath"])

    assert is_in("/etc/tollgate/tollgate.yaml", "configuration")
    # The mount itself has a mode and an owner of Kubernetes'.
    assert is_in(pathlib.PurePath(CONFIGURATION["node"]["data"]).parent, "data")
    assert is_in(CONFIGURATION["admin"]["address"].removeprefix("unix:"), "run")
    for path in CONFIGURATION["cluster"]["tls"].values():
        assert is_in(path, "certificates")
    # A mounted file, rather than a folder, never changes.
    assert not any("subPath" in mount or "subPathExpr" in mount for mount in MOUNTS.values())
    # A folder in one that cannot be written cannot be mounted upon.
    for one in MOUNTS.values():
        assert not any(pathlib.PurePath(one["mountPath"]) in pathlib.PurePath(other["mountPath"]).parents for other in MOUNTS.values())
    assert VOLUMES["configuration"]["configMap"]["name"] == "tollgate"
    assert set(MOUNTS) == set(VOLUMES) | {claim["metadata"]["name"] for claim in SET["volumeClaimTemplates"]}


def test_it_has_time_to_stop():
    default = re.search(r"\| `shutdownDeadline` \|[^|]*\| `(\d+)s` \|", (GUIDE / "Configuration.md").read_text())
    wait = CONTAINER["lifecycle"]["preStop"]["sleep"]["seconds"]
    # It is out of the service before it refuses.
    assert wait > CONTAINER["readinessProbe"]["periodSeconds"]
    assert POD["terminationGracePeriodSeconds"] > wait + int(default.group(1))


def test_it_has_no_more_rights_than_it_needs():
    image = (DEPLOY / "container" / "Containerfile").read_text()
    user, group = map(int, re.search(r"^USER (\d+):(\d+)$", image, re.MULTILINE).groups())
    context = POD["securityContext"]
    assert (context["runAsUser"], context["runAsGroup"], context["fsGroup"]) == (user, group, group)
    assert context["runAsNonRoot"] is True
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    assert POD["automountServiceAccountToken"] is False
    assert CONTAINER["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert VOLUMES["certificates"]["secret"]["defaultMode"] == 0o400
    # Each writable mount is one that the program needs.
    assert {name for name, mount in MOUNTS.items() if not mount.get("readOnly")} == {"data", "run"}


@pytest.mark.parametrize("number", range(SET["replicas"] + 1))
def test_the_configuration_holds_on_each_node_and_on_one_that_comes_later(number, tmp_path):
    """With files owned as the kubelet mounts a secret: root's, and readable for the pod's group."""
    name = f"tollgate-{number}"
    subprocess.run(
        [BINARY, "certificates", "create", "--nodes", name, "--out", tmp_path / "certificates"], check=True, capture_output=True, timeout=60
    )
    if os.geteuid() == 0:
        os.chmod(tmp_path / "certificates" / f"{name}.key", 0o440)
    text = TEXT.replace(MOUNTS["certificates"]["mountPath"], str(tmp_path / "certificates"))
    (tmp_path / "tollgate.yaml").write_text(text.replace("node: {", f"node: {{ name: {name},"))
    assert [variable["name"] for variable in CONTAINER["env"]] == ["POD_NAME"]
    done = subprocess.run(
        [BINARY, "validate", "--config", tmp_path / "tollgate.yaml"],
        env={"POD_NAME": name}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


def test_the_secret_that_is_made_is_the_one_that_is_mounted():
    (command,) = re.findall(r"kubectl create secret generic (?:.*\\\n)*.*", (FOLDER / "README.md").read_text())
    assert command.split()[4] == VOLUMES["certificates"]["secret"]["secretName"]
    files = {pathlib.PurePath(path).name for path in re.findall(r"--from-file=(\S+)", command)}
    names = [f"tollgate-{number}" for number in range(SET["replicas"])]
    assert files == {"ca.pem"} | {f"{name}.{kind}" for name in names for kind in ("pem", "key")}
