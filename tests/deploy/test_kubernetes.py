"""``deploy/kubernetes``: valid, complete, and as closed as it says.

Kustomize renders the overlays where it is installed (`kubectl` has it); without it, manifests are
checked one by one, and so is that whatever an overlay changes exists.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import kubernetes_validate
import pytest
import yaml

from coordinator_pipelines.cli.main import coordinator
from tests.deploy.manifests import (
    KUBERNETES,
    OVERLAYS,
    ROOT,
    challenges,
    check,
    documents,
    kustomization,
    manifests,
    require_contained,
)

DIRECTORIES = [ROOT / "base", ROOT / "challenge", *(ROOT / "overlays" / each for each in OVERLAYS)]
KUSTOMIZE = next(
    (
        command
        for command in (["kustomize", "build"], ["kubectl", "kustomize"])
        if shutil.which(command[0])
    ),
    None,
)
PODS = {"Deployment", "StatefulSet"}


def names(overlay: str) -> Iterator[tuple[str, str]]:
    """Kind and name of all that an overlay is made of."""
    directory = ROOT / "overlays" / overlay
    for one in (ROOT / "base", directory):
        yield from ((each["kind"], each["metadata"]["name"]) for each in manifests(one))
    for challenge in challenges(overlay):
        prefix = kustomization(challenge)["namePrefix"]
        for each in manifests(ROOT / "challenge"):
            yield each["kind"], prefix + each["metadata"]["name"]


@pytest.mark.parametrize("directory", DIRECTORIES, ids=lambda path: path.name)
def test_every_manifest_is_valid_and_its_pods_are_contained(directory: Path):
    found = manifests(directory)
    assert found
    for manifest in found:
        check(manifest)
        if manifest["kind"] in PODS:
            pod = manifest["spec"]["template"]["spec"]
            require_contained(pod)
            assert all("livenessProbe" in each for each in pod["containers"])


def test_a_mistake_would_show():
    [wrong, *_] = manifests(ROOT / "challenge")
    wrong["spec"]["template"]["spec"]["containers"][0]["livenesProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        check(wrong)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_whatever_an_overlay_changes_exists(overlay: str):
    directory, known = ROOT / "overlays" / overlay, set(names(overlay))
    content = kustomization(directory)
    for patch in content["patches"]:
        target = patch["target"]
        assert any(
            kind == target["kind"] and re.fullmatch(target["name"], name) for kind, name in known
        ), target
        if "path" in patch:
            [given] = documents(directory / patch["path"])
            assert (given["kind"], given["metadata"]["name"]) in known
    for replicas in content["replicas"]:
        assert ("Deployment", replicas["name"]) in known
    for file in (*content["resources"], *content["configMapGenerator"][0]["files"]):
        assert (directory / file).exists(), file


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_each_challenge_is_a_code_location_with_services_of_its_own(overlay: str):
    [workspace] = documents(ROOT / "overlays" / overlay / "workspace.yaml")
    served = {
        each["grpc_server"]["location_name"]: each["grpc_server"] for each in workspace["load_from"]
    }
    assert list(served) == [each.name for each in challenges(overlay)]
    known = set(names(overlay))
    for challenge in challenges(overlay):
        assert ("Service", served[challenge.name]["host"]) in known
        [environment] = kustomization(challenge)["configMapGenerator"]
        told = dict(each.split("=", 1) for each in environment["literals"])
        assert told["LOCATION"] == challenge.name
        assert ("Service", told["MODEL_RUNNER_NODE_HOST"]) in known


def test_commands_exist_with_the_options_that_containers_give():
    pods = [
        each["spec"]["template"]["spec"]
        for each in manifests(ROOT / "challenge")
        if each["kind"] in PODS
    ]
    given = [
        container["command"][1:]
        for pod in pods
        for container in (*pod["containers"], *pod.get("initContainers", ()))
        if container["command"][0] == "coordinator"
    ]
    assert len(given) == 3
    for words in given:
        command: Any = coordinator
        while hasattr(command, "get_command"):
            command = command.get_command(click.Context(command), words.pop(0))
        options = {word.partition("=")[0] for word in words if word.startswith("--")}
        assert options <= {name for parameter in command.params for name in parameter.opts}


def test_models_have_no_secret_no_token_and_no_way_out():
    [models] = [
        each["spec"]["template"]["spec"]
        for each in manifests(ROOT / "challenge")
        if each["kind"] == "Deployment" and each["metadata"]["name"] == "models"
    ]
    assert "secret" not in json.dumps(models).lower()
    assert models["automountServiceAccountToken"] is False
    policies = [
        each["spec"] for each in manifests(ROOT / "base") if each["kind"] == "NetworkPolicy"
    ]
    assert {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]} in policies
    assert not [each for each in policies if "egress" in each and selects(each, "models")]


def selects(policy: dict[str, Any], role: str) -> bool:
    """Whether a policy is about the pods of a role."""
    selector = policy["podSelector"]
    given = {"coordinator": role} | (
        {"asks-kubernetes": "yes"} if role in ("daemon", "webserver") else {}
    )
    if not selector.get("matchLabels", {}).items() <= given.items():
        return False
    for each in selector.get("matchExpressions", ()):
        if (role in each["values"]) is not (each["operator"] == "In"):
            return False
    return True


@pytest.mark.skipif(KUSTOMIZE is None, reason="neither kustomize nor kubectl is installed")
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_overlay_renders_to_what_is_valid_and_hangs_together(overlay: str, tmp_path: Path):
    shutil.copytree(ROOT, tmp_path / "kubernetes")
    directory = tmp_path / "kubernetes" / "overlays" / overlay
    for example in directory.parent.glob("*.env.example"):
        (directory / example.stem).write_text(example.read_text())
    for challenge in challenges(overlay):
        (directory / challenge.name / "secrets.env").write_text("COORDINATOR_DATABASE_URL=x\n")
        (directory / challenge.name / "report-keys.json").write_text('{"keys": []}')
    done = subprocess.run([*KUSTOMIZE, str(directory)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = [each for each in yaml.safe_load_all(done.stdout) if each]
    for each in found:
        check(each, KUBERNETES[-1:])
    known = {(each["kind"], each["metadata"]["name"]) for each in found}
    images = set()
    for each in found:
        if each["kind"] not in PODS:
            continue
        pod = each["spec"]["template"]["spec"]
        require_contained(pod)
        for volume in pod.get("volumes", ()):
            if "configMap" in volume:
                assert ("ConfigMap", volume["configMap"]["name"]) in known
            if "secret" in volume:
                assert ("Secret", volume["secret"]["secretName"]) in known
        for container in (*pod["containers"], *pod.get("initContainers", ())):
            images.add(container["image"])
            for source in container.get("envFrom", ()):
                [(kind, ref)] = source.items()
                assert (kind[0].upper() + kind[1:-3], ref["name"]) in known
            for variable in container.get("env", ()):
                if variable["name"] == "DAGSTER_CURRENT_IMAGE":
                    assert variable["value"] == container["image"]
    assert not {"challenge", "coordinator"} & images
