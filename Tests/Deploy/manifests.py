"""deploy/kubernetes, read."""

import yaml
from paths import DEPLOY

FOLDER = DEPLOY / "kubernetes"
OBJECTS = {
    (each["kind"], each["metadata"]["name"]): each
    for path in sorted(FOLDER.glob("*.yaml"))
    for each in yaml.safe_load_all(path.read_text())
}
SET = OBJECTS["StatefulSet", "tollgate"]["spec"]
POD = SET["template"]["spec"]
(CONTAINER,) = POD["containers"]
PORTS = {port["name"]: port["containerPort"] for port in CONTAINER["ports"]}
MOUNTS = {mount["name"]: mount for mount in CONTAINER["volumeMounts"]}
VOLUMES = {volume["name"]: volume for volume in POD["volumes"]}
TEXT = OBJECTS["ConfigMap", "tollgate"]["data"]["tollgate.yaml"]
CONFIGURATION = yaml.safe_load(TEXT)
