"""The manifests, the image and the program together: pods found a cluster, and one limit holds at all of them.

There is no Kubernetes in it: the pods' networks, names, volumes and rights are made as the manifests ask for them (pods.sh).
"""

import os
import pathlib
import re
import shlex

from manifests import CONTAINER, MOUNTS, POD, SET, TEXT, VOLUMES
from paths import BINARY, said

HERE = pathlib.Path(__file__).parent
CONTEXT = POD["securityContext"]
NAMES = [f"tollgate-{number}" for number in range(SET["replicas"])]

SCRIPT = r"""
fail() { echo "FAILED: $*"; tail -n 20 "$folder"/*.log; exit 1; }
# Each has a bound that only keeps a fault from hanging the run.
await() { for _ in $(seq 600); do if "$@" >/dev/null 2>&1; then return; fi; sleep 0.1; done; fail "never came true: $*"; }
for name in NAMES; do await pod "$name" curl --silent --fail --max-time 10 http://127.0.0.1:9464/readyz; done
for name in NAMES; do inside "$name" /usr/bin/tollgate cluster status; done
for _ in 1 2 3 4; do
    for name in NAMES; do pod "$name" curl --silent --max-time 10 --output /dev/null --write-out '%{http_code}\n' http://127.0.0.1:8080/x; done
done
"""


def volume_commands(configuration, certificates, folder):
    """Shell lines that mount what the manifest asks for: $1 is the pod, $2 its root."""
    lines = []
    for name, mount in MOUNTS.items():
        volume = VOLUMES.get(name, {})
        path = f'"$2"{mount["mountPath"]}'
        lines.append(f"mkdir -p {path}")
        if "configMap" in volume or "secret" in volume:
            source = shlex.quote(str(configuration if "configMap" in volume else certificates))
            lines.append(f"mount --bind {source} {path} && mount -o remount,bind,ro {path}")
        else:
            # An empty folder, and a claimed volume, as a kubelet hands them to the group.
            source = f'{shlex.quote(str(folder))}/volumes-of/"$1"/{name}'
            lines.append(f"install -d -m 2775 -g {CONTEXT['fsGroup']} {source} && mount --bind {source} {path}")
    return "\n".join(lines) + "\n"


def test_pods_found_a_cluster_and_one_limit_holds_at_all_of_them(files, tmp_path):
    configuration, certificates = tmp_path / "configuration", tmp_path / "certificates"
    configuration.mkdir()
    # Everything but the limit and where requests go is as it is shipped; nothing answers there.
    policy = "default: { preset: api, free: { rate: 1/day, burst: 5 }, consistency: strong, onQuorumLoss: deny }"
    text = TEXT.replace("default: { preset: site }", policy).replace("http://app:80", "http://127.0.0.1:9")
    assert text.count(policy) == 1
    (configuration / "tollgate.yaml").write_text(text)
    said([BINARY, "certificates", "create", "--nodes", ",".join(NAMES), "--out", certificates])
    (certificates / "ca.key").unlink()
    os.chmod(certificates, 0o755)
    for path in certificates.iterdir():
        # The manifest's mode, and reading for the pod's group.
        os.chown(path, 0, CONTEXT["fsGroup"])
        os.chmod(path, VOLUMES["certificates"]["secret"]["defaultMode"] | 0o040)
    (tmp_path / "volumes").write_text(volume_commands(configuration, certificates, tmp_path))
    (tmp_path / "script").write_text(SCRIPT.replace("NAMES", " ".join(NAMES)))
    assert CONTAINER["securityContext"]["readOnlyRootFilesystem"] is True
    output = said([HERE / "pods.sh", tmp_path, len(NAMES), files, CONTEXT["runAsUser"], CONTEXT["runAsGroup"]])
    codes = [line for line in output.splitlines() if line.isdigit()]
    # Admitted, and not answered from behind: 502. Past the limit: 429.
    assert (codes.count("502"), codes.count("429")) == (5, 4 * len(NAMES) - 5), output
    for name in NAMES:
        # Each tells of itself, and of all three that they are reached.
        assert f"node      {name}, " in output
        assert len(re.findall(rf"^{name} .* yes ", output, re.MULTILINE)) == len(NAMES), output
